"""Reports of runs and plans: the schema, what the numbers are against davit's other output, traces,
comparisons, damaged files, names that are no names.

usage: test_report.py DAVIT DAVIT_MODELS SCHEMA (run by the Python of build/peers)
"""
import copy
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from html.parser import HTMLParser

import jsonschema
import numpy as np
import onnx
from onnx import TensorProto, helper

import recorded

DAVIT = MODELS = SCHEMA = None
HOSTILE = ["</script><script>document.title='owned'</script>", "<img src=x onerror=alert(1)>",
           "\"'&lt;&#60;", "@{data}", "a\u2028b\u202ec", "line\nbreak\x1b[31m"]


def hostile_model(path):
    """A chain of MatMuls, whose nodes, values and inputs have such names."""
    nodes, constants, value = [], [], HOSTILE[0]
    for index, name in enumerate(HOSTILE):
        weight = np.eye(8, dtype=np.float32) + index
        constants.append(onnx.numpy_helper.from_array(weight, f"w{index}"))
        nodes.append(helper.make_node("MatMul", [value, f"w{index}"], [f"{name} out"], name=name))
        value = f"{name} out"
    graph = helper.make_graph(nodes, HOSTILE[0], [helper.make_tensor_value_info(HOSTILE[0], 1, [4, 8])],
                              [helper.make_tensor_value_info(value, TensorProto.FLOAT, [4, 8])], constants)
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]), path)


class Elements(HTMLParser):
    """What a browser makes of a page: its elements, and the text of the data."""

    def __init__(self):
        super().__init__()
        self.elements, self.links, self.data, self.inside = [], [], "", False

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.links += [value for key, value in attrs if key in ("src", "href") and not value.startswith("#")]
        self.inside = tag == "script" and ("id", "data") in attrs

    def handle_data(self, data):
        self.data += data if self.inside else ""


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.environment = dict(os.environ, XDG_CACHE_HOME=cls.folder.name, OMP_WAIT_POLICY="passive")
        with open(SCHEMA, encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        cls.validator = jsonschema.Draft202012Validator(schema)
        cls.model = cls.path("resnet20.onnx")
        subprocess.run([MODELS, "resnet20", "--fold", "--batch", "1", "-o", cls.model], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    @classmethod
    def davit(cls, *words, code=0):
        done = subprocess.run([DAVIT, *words], capture_output=True, timeout=100, check=False,
                              env=cls.environment)
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == code, f"{words}: exit {done.returncode}: {done.stderr}"
        return done

    def refuse(self, *words, names=(), code=1):
        lines = self.davit(*words, code=code).stderr.splitlines()
        self.assertEqual(len(lines), 1, lines)
        for name in names:
            self.assertIn(name, lines[0])

    def load(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return json.load(file)

    def keep(self, name, content):
        with open(self.path(name), "w", encoding="utf-8") as file:
            json.dump(content, file)
        return self.path(name)

    # ---- runs ----

    def check_spans(self, report, key):
        """Each unit once, each resource used by one thing at a time, all within the run."""
        timeline = report["timeline"][key]
        units = [span["unit"] for span in timeline["spans"] if "unit" in span]
        self.assertEqual(sorted(units), list(range(len(report["units"]))))
        ends = {}
        for span in sorted(timeline["spans"], key=lambda s: s["start_ns"]):
            self.assertLessEqual(span["start_ns"], span["end_ns"])
            if key == "measured":
                self.assertGreaterEqual(span["start_ns"], ends.get(span["resource"], 0))
                self.assertLessEqual(span["end_ns"], timeline["total_ns"])
            ends[span["resource"]] = span["end_ns"]
            if "unit" in span:
                on = report["units"][span["unit"]]["device"]
                self.assertEqual(report["resources"][span["resource"]], {"device": on, "kind": "compute"})
        for index, unit in enumerate(report["units"]):
            for read in unit["reads"]:
                end = next(s["end_ns"] for s in timeline["spans"] if s.get("unit") == read)
                start = next(s["start_ns"] for s in timeline["spans"] if s.get("unit") == index)
                self.assertLessEqual(end, start + 1)

    def test_run(self):
        ran = json.loads(self.davit("run", self.model, "--json", "--repeat", "5", "--pin",
                                    "/fc/Gemm=reference", "--report", self.path("run.json"),
                                    "--trace", self.path("trace.json")).stdout)
        report = self.load("run.json")
        self.validator.validate(report)
        self.assertEqual(report["summary"]["measured"]["runs"], 5)
        self.assertAlmostEqual(report["summary"]["measured"]["median_s"], ran["median_ns"] * 1e-9, places=9)
        self.assertEqual([u["name"] for u in report["units"]], [u["name"] for u in ran["units"]])
        self.assertEqual([u["device"] for u in report["units"]], [u["device"] for u in ran["units"]])
        self.assertEqual(report["units"][-1]["device"], "reference")
        for unit, told in zip(report["units"], ran["units"]):
            self.assertAlmostEqual(unit["measured"]["median_s"], told["ns"] * 1e-9, places=9)
            self.assertLessEqual(unit["measured"]["low_s"], unit["measured"]["median_s"])
            self.assertLessEqual(unit["measured"]["median_s"], unit["measured"]["high_s"])
        self.check_spans(report, "predicted")
        self.check_spans(report, "measured")
        self.check_trace(self.load("trace.json"), report)

    EVENT_KEYS = {"M": {"ph", "name", "pid", "tid", "args"},
                  "X": {"ph", "name", "cat", "pid", "tid", "ts", "dur", "args"},
                  "s": {"ph", "bp", "name", "cat", "id", "pid", "tid", "ts"},
                  "f": {"ph", "bp", "name", "cat", "id", "pid", "tid", "ts"}}

    def check_event(self, event):
        """The types that Perfetto's reader of the format takes; times to the nanosecond."""
        self.assertEqual(set(event), self.EVENT_KEYS[event["ph"]])
        for key, value in event.items():
            kind = {"pid": int, "tid": int, "id": int, "ts": (int, float), "dur": (int, float), "args": dict}
            self.assertIsInstance(value, kind.get(key, str), key)
        for key in ("ts", "dur"):
            if key in event:
                self.assertGreaterEqual(event[key], 0)
                self.assertAlmostEqual(event[key] * 1e3, round(event[key] * 1e3), delta=1e-3)
        if event["ph"] == "M":
            self.assertIn(event["name"], ("process_name", "thread_name"))
            self.assertEqual(set(event["args"]), {"name"})

    def check_slices(self, slices):
        """Perfetto drops slices of a thread that overlap without one inside the other."""
        open_until = []
        for begin, end in sorted(slices, key=lambda s: (s[0], -s[1])):
            while open_until and open_until[-1] <= begin:
                open_until.pop()
            self.assertTrue(not open_until or end <= open_until[-1], (begin, end, open_until))
            open_until.append(end)

    def check_flows(self, events, slices, report):
        ends = {}
        for event in events:
            if event["ph"] in "sf":
                ends.setdefault((event["cat"], event["id"]), []).append(event)
                at = round(event["ts"] * 1e3)
                self.assertTrue(any(begin <= at <= end for begin, end in slices[event["pid"], event["tid"]]), event)
        across = sum(report["units"][read]["device"] != unit["device"]
                     for unit in report["units"] for read in unit["reads"])
        self.assertEqual(len(ends), across * sum(1 for t in report["timeline"].values() if t))
        for pair in ends.values():
            self.assertEqual(sorted(event["ph"] for event in pair), ["f", "s"])
            begin, end = sorted(pair, key=lambda event: event["ph"], reverse=True)
            self.assertEqual((begin["pid"], begin["name"]), (end["pid"], end["name"]))
            self.assertLessEqual(begin["ts"], end["ts"])

    def check_trace(self, trace, report):
        """What the event format asks for, and Perfetto's trace processor beyond that."""
        self.assertEqual(set(trace), {"displayTimeUnit", "traceEvents"})
        events = trace["traceEvents"]
        for event in events:
            self.check_event(event)
        names = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"}
        self.assertEqual({pid for pid, _ in names},
                         {e["pid"] for e in events if e["name"] == "process_name" and e["ph"] == "M"})
        spans = [e for e in events if e["ph"] == "X"]
        self.assertEqual(len(spans), sum(len(t["spans"]) for t in report["timeline"].values() if t))
        slices = {}
        for event in spans:
            self.assertIn((event["pid"], event["tid"]), names)
            begin = round(event["ts"] * 1e3)
            slices.setdefault((event["pid"], event["tid"]), []).append((begin, begin + round(event["dur"] * 1e3)))
        for of_thread in slices.values():
            self.check_slices(of_thread)
        self.check_flows(events, slices, report)
        total = sum(e["dur"] for e in spans if e["pid"] == 1 and e["cat"] == "unit")
        self.assertAlmostEqual(total, 1e6 * sum(u["predicted"]["seconds"] for u in report["units"]), delta=1)

    def test_plan_on_what_is_not_there(self):
        devices = "profile:xeon-8380,profile:u250,profile:a100"
        words = ("plan", self.model, "--devices", devices, "--objective", "throughput")
        plan = json.loads(self.davit(*words, "--json", "--report", self.path("alone.json")).stdout)
        report = self.load("alone.json")
        self.validator.validate(report)
        self.assertIsNone(report["summary"]["measured"])
        self.assertEqual({d["clock"] for d in report["devices"]}, {"modelled"})
        self.assertEqual([d["peaks"]["tf32_flops_per_s"] for d in report["devices"] if d["kind"] == "gpu"], [156e12])
        self.assertEqual({d["peaks"]["tf32_flops_per_s"] for d in report["devices"] if d["kind"] != "gpu"}, {None})
        self.assertAlmostEqual(report["summary"]["predicted"]["period_s"], plan["prediction"]["period_s"], places=9)
        self.check_spans(report, "predicted")
        # What moving one unit alone takes: the plan that has all units pinned so.
        checked = 0
        for index, unit in list(enumerate(report["units"]))[::7]:
            for move in unit["moves"]:
                if move["moved"] is None or move["device"] == unit["device"]:
                    continue
                moved = copy.deepcopy(plan)
                moved["units"][index]["device"] = move["device"]
                again = json.loads(self.davit("plan", self.model, "--devices", devices, "--json", "--plan",
                                              self.keep("moved.json", moved)).stdout)
                self.assertAlmostEqual(again["prediction"]["period_s"], move["moved"], places=9)
                checked += 1
        self.assertGreater(checked, 3)
        self.davit(*words, "--explain", "--report", self.path("anew.json"))
        anew = self.load("anew.json")
        self.validator.validate(anew)
        self.assertEqual((report["moves"], anew["moves"]), ("alone", "placed anew"))

    def test_schema_refuses(self):
        good = recorded.report([f"unit {i}" for i in range(12)])
        self.validator.validate(good)
        for change in (lambda r: r.pop("units"), lambda r: r["units"][0].update(colour="red"),
                       lambda r: r["timeline"]["predicted"]["spans"][0].pop("unit"),
                       lambda r: r["devices"][0].update(clock="guessed"), lambda r: r.update(schema_version=2)):
            bad = copy.deepcopy(good)
            change(bad)
            self.assertFalse(self.validator.is_valid(bad))

    def test_signal_to_noise(self):
        """What davit quantize found of each layer is in the reports of its model."""
        np.save(self.path("samples.npy"), np.random.default_rng(1).standard_normal((2, 3, 32, 32)).astype(np.float32))
        quantized = self.path("resnet20.int8.onnx")
        told = json.loads(self.davit("quantize", self.model, "--calibration", self.path("samples.npy"), "-o",
                                     quantized, "--json", "--no-bias-correction").stdout)
        self.davit("plan", quantized, "--report", self.path("int8.json"))
        report = self.load("int8.json")
        self.validator.validate(report)
        found = {u["name"]: u["snr_db"] for u in report["units"] if "snr_db" in u}
        layers = {layer["name"]: layer["snr_db"] for layer in told["layers"]}
        self.assertGreater(len(found), 15)
        for name, value in found.items():
            self.assertAlmostEqual(value, layers[name], delta=0.006)

    # ---- showing and comparing ----

    def test_shows_what_was_kept(self):
        kept = self.keep("kept.json", recorded.report([f"unit {i}" for i in range(12)]))
        text = self.davit("report", kept).stdout
        for words in ("models/chain.onnx", "device_lost gpu: no answer within 2 s", "unit 11", "10 runs"):
            self.assertIn(words, text)
        again = json.loads(self.davit("report", kept, "--json").stdout)
        self.assertEqual(again, self.load("kept.json"))
        self.davit("report", kept, "-o", self.path("kept.html"), "--trace", self.path("kept-trace.json"))
        self.check_trace(self.load("kept-trace.json"), again)

    def test_compares(self):
        before = recorded.report([f"unit {i}" for i in range(12)])
        a = self.keep("a.json", before)
        b = self.keep("b.json", recorded.changed(before))
        found = json.loads(self.davit("report", a, b, "--json").stdout)
        names = lambda key: [change["name"] for change in found[key]]
        self.assertTrue(found["same_model"])
        self.assertEqual(names("moved"), ["unit 4"])
        self.assertEqual(names("slower"), ["unit 6", "unit 3"]) # the most first
        self.assertEqual(names("faster"), ["unit 7"])
        self.assertEqual((found["only_in_a"], found["only_in_b"]), (["unit 10"], ["renamed"]))
        self.assertEqual(found["not_judged"], 0)
        moved = found["moved"][0]
        self.assertEqual((moved["device_a"], moved["device_b"]), ("cpu", "gpu"))
        for device in ("cpu", "gpu"):
            sums = [sum(u["measured"]["median_s"] for u in r["units"] if u["device"] == device)
                    for r in (before, self.load("b.json"))]
            np.testing.assert_allclose(found["totals"][f"units on {device}"], sums, rtol=1e-6)
        text = self.davit("report", a, b).stdout
        for words in ("moved: 1", "cpu -> gpu", "slower beyond the spread: 2", "3.00x", "only in b: 1"):
            self.assertIn(words, text)
        back = json.loads(self.davit("report", b, a, "--json").stdout)
        self.assertEqual([c["name"] for c in back["faster"]], ["unit 6", "unit 3"])

    def test_does_not_judge_single_runs(self):
        before = recorded.report([f"unit {i}" for i in range(12)])
        after = recorded.changed(before)
        after["summary"]["measured"]["runs"] = 1
        found = json.loads(self.davit("report", self.keep("a1.json", before), self.keep("b1.json", after),
                                      "--json").stdout)
        self.assertEqual((found["slower"], found["faster"], found["not_judged"]), ([], [], 11))

    # ---- names ----

    def test_hostile_names(self):
        model = self.path("<b>hostile.onnx")
        hostile_model(model)
        self.davit("run", model, "--report", self.path("hostile.html"))
        self.davit("run", model, "--report", self.path("hostile.json"), "--trace", self.path("hostile-trace.json"))
        with open(self.path("hostile.html"), encoding="utf-8") as file:
            text = file.read()
        page = Elements()
        page.feed(text)
        self.assertEqual(page.elements.count("script"), 2)
        self.assertNotIn("img", page.elements)
        self.assertNotIn("b", page.elements)
        self.assertEqual(page.links, [])
        self.assertIsNone(re.search(r"https?://(?!www\.w3\.org/2000/svg)", text.replace("http-equiv", "")))
        names = [unit["name"] for unit in json.loads(page.data)["units"]]
        self.assertEqual(len(names), len(HOSTILE))
        self.assertIn(HOSTILE[0], names)
        self.validator.validate(self.load("hostile.json"))
        self.check_trace(self.load("hostile-trace.json"), self.load("hostile.json"))
        shown = self.davit("report", self.path("hostile.json")).stdout
        self.assertNotIn("\x1b", shown)

    # ---- bad input ----

    def test_bad_words(self):
        kept = self.keep("kept.json", recorded.report(["one", "two"]))
        self.refuse("run", self.model, "--report", "x.pdf", names=["x.pdf", ".html"], code=2)
        self.refuse("run", self.model, "--report", "x.json", "--trace", "x.json", names=["x.json"], code=2)
        self.refuse("run", self.model, "--explain", names=["--report"], code=2)
        self.refuse("plan", "--problem", kept, "--report", "x.json", names=["--problem"], code=2)
        self.refuse("report", code=2)
        self.refuse("report", kept, kept, "-o", "x.html", names=["--output"], code=2)
        self.refuse("report", self.path("none.json"), names=["none.json"])
        self.refuse("report", kept, "-o", self.path("none/x.html"), names=["none/x.html"])

    def test_damaged_files(self):
        good = recorded.report([f"unit {i}" for i in range(4)])
        for number, (change, said) in enumerate((
                (lambda r: r.update(schema_version=9), "format 9"),
                (lambda r: r.pop("schema_version"), "no report"),
                (lambda r: r.pop("devices"), "'devices'"),
                (lambda r: r["units"][2].update(name=5), "units[2]"),
                (lambda r: r["units"][1].update(reads=[1]), "units[1]"),
                (lambda r: r["units"][3]["predicted"].update(seconds="1"), "'seconds'"),
                (lambda r: r["timeline"]["measured"]["spans"][0].update(unit=4), "spans[0]"),
                (lambda r: r["timeline"]["predicted"]["spans"][1].update(resource=6), "spans[1]"),
                (lambda r: r["summary"].update(measured=3), "'measured'"))):
            bad = copy.deepcopy(good)
            change(bad)
            self.refuse("report", self.keep(f"bad{number}.json", bad), names=[f"bad{number}.json", said])
        with open(self.path("cut.json"), "w", encoding="utf-8") as file:
            file.write(json.dumps(good)[:1000])
        self.refuse("report", self.path("cut.json"), names=["cut.json"])

    def test_any_member_may_be_wrong(self):
        """Each member in turn of another type: told or shown, never a crash."""
        good = recorded.report([f"unit {i}" for i in range(3)])

        def places(value, path=()):
            yield path
            items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
            for key, inner in list(items)[:3]:
                yield from places(inner, path + (key,))

        for path in list(places(good))[1::5]:
            bad = copy.deepcopy(good)
            inside = bad
            for key in path[:-1]:
                inside = inside[key]
            inside[path[-1]] = [None] if isinstance(inside[path[-1]], dict) else {"x": -1}
            done = subprocess.run([DAVIT, "report", self.keep("odd.json", bad)], capture_output=True, check=False)
            self.assertIn(done.returncode, (0, 1), (path, done.stderr))


if __name__ == "__main__":
    DAVIT, MODELS, SCHEMA = sys.argv[1:4]
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
