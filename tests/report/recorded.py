"""Reports made by hand, in the form of host/report/report.schema.json."""
import copy


def cost(seconds, source="modelled"):
    return {"seconds": seconds, "joules": seconds * 2, "source": source, "confidence": 0.5}


def device(name, index, clock="measured"):
    return {"name": name, "backend": "made-up", "kind": "cpu" if index == 0 else "gpu",
            "description": "a device of a test", "emulated": clock == "modelled", "clock": clock,
            "pci_address": None, "numa_node": 0 if index else None, "memory_bytes": 1e9,
            "peaks": {"f32_flops_per_s": 1e12, "f16_flops_per_s": None, "bf16_flops_per_s": None,
                      "tf32_flops_per_s": 2e12 if index else None,
                      "s8_ops_per_s": 4e12, "memory_bytes_per_s": 1e11},
            "link": {"to_device_bytes_per_s": 1e10, "to_host_bytes_per_s": 1e10, "latency_s": 1e-5}
            if index else None,
            "load": {"units": 0, "compute_s": 0.0, "in_s": 0.0, "out_s": 0.0, "in_bytes": 0.0,
                     "out_bytes": 0.0, "memory_bytes": 0.0},
            "unused": "", "energy": {"units_joules": 0.1, "copies_joules": 0.01, "idle_joules": 0.05,
                                     "idle_watts": 20.0}}


def unit(index, name, on, others, seconds):
    moves = [{"device": one, "supported": True, "allowed": True, "reason": "", "cost": cost(seconds * 2),
              "moved": None if one == on else 0.5, "impossible": False} for one in [on, *others]]
    return {"name": name, "operators": "Conv+Relu", "class": "convolution", "device": on,
            "reason": "first device", "fallback": False, "implementation": "made:up", "dtype": "f32",
            "shape": [1, 16, 32, 32], "integer": False, "flops": 1e6 * (1 + index % 7),
            "bytes": 1e5, "reads": [index - 1] if index > 0 else [], "predicted": cost(seconds),
            "measured": {"median_s": seconds * 1.1, "low_s": seconds, "high_s": seconds * 1.2},
            "moves": moves}


def spans(units, devices, stretch):
    now, list_of = 0, []
    for index, one in enumerate(units):
        length = int(one["predicted"]["seconds"] * 1e9 * stretch)
        list_of.append({"resource": 3 * devices.index(one["device"]), "unit": index, "start_ns": now,
                        "end_ns": now + length, "inference": 0})
        now += length
    return list_of, now


def report(names, devices=("cpu", "gpu"), clocks=("measured", "measured")):
    """A chain of units; each third one on the second device."""
    devices = list(devices)
    units = []
    for index, name in enumerate(names):
        on = devices[1] if index % 3 == 2 else devices[0]
        units.append(unit(index, name, on, [d for d in devices if d != on], 1e-5 * (1 + index % 10)))
    predicted, total = spans(units, devices, 1.0)
    measured, measured_total = spans(units, devices, 1.1)
    copied = {"resource": 4, "copy": 0, "start_ns": 0, "end_ns": 1000, "inference": 0}
    described = [device(name, i, clock) for i, (name, clock) in enumerate(zip(devices, clocks))]
    for one in described:
        one["load"]["units"] = sum(u["device"] == one["name"] for u in units)
    return {
        "schema_version": 1, "kind": "run", "created": "2026-01-31T12:00:00Z", "davit": "0.1.0",
        "model": {"path": "models/chain.onnx", "name": "chain.onnx", "sha256": "0" * 64, "producer": "",
                  "inputs": [{"name": "x", "dtype": "f32", "shape": "1x3x32x32"}], "outputs": []},
        "summary": {"objective": "latency", "latency_limit_s": None,
                    "predicted": {"latency_s": total * 1e-9, "period_s": total * 1e-9, "joules": 0.3},
                    "bound": total * 0.9e-9, "gap": 0.1, "method": "by hand", "bound_method": "by hand",
                    "measured": {"runs": 10, "median_s": measured_total * 1e-9,
                                 "low_s": measured_total * 0.9e-9, "high_s": measured_total * 1.1e-9,
                                 "copies_s": 1e-6, "copied_bytes": 4096.0, "load_s": 0.1,
                                 "memory_bytes": 1e6, "programs": 3, "clock": "measured"},
                    "units": len(units), "fallbacks": 0, "integer_units": 0, "kept_f32": 0},
        "host": {"processor": "a processor", "isa": "AVX2", "sockets": 1, "cores": 4,
                 "memory_bytes": 1e10,
                 "numa_nodes": [{"os_index": 0, "cores": 4, "cpus": "0-3", "memory_bytes": 1e10}],
                 "pci": [], "routes": []},
        "devices": described, "moves": "alone", "units": units, "alternatives": [],
        "events": [{"kind": "device_lost", "device": devices[1], "time_s": 0.01,
                    "text": "no answer within 2 s", "count": 1}],
        "copies": [{"value": "x", "device": devices[1], "to_device": True, "bytes": 4096.0,
                    "predicted_s": 1e-6, "measured_s": None}],
        "resources": [{"device": name, "kind": kind} for name in devices
                      for kind in ("compute", "in", "out")],
        "timeline": {"predicted": {"spans": predicted + [copied]},
                     "measured": {"spans": measured, "total_ns": measured_total}},
    }


def changed(before):
    """The same, with one unit moved, two slower beyond the spread, one faster, one within it, one
    that is gone and one that is new."""
    after = copy.deepcopy(before)
    units = after["units"]

    def scale(index, factor):
        for key in ("median_s", "low_s", "high_s"):
            units[index]["measured"][key] *= factor

    units[4]["device"] = "gpu"
    scale(3, 1.5)
    scale(6, 3.0)
    scale(7, 0.5)
    scale(9, 1.1)
    units[10]["name"] = "renamed"
    return after
