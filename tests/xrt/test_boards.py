#!/usr/bin/env python3
"""Two emulated boards share a network, several inferences at once; a batch is shared out over the compute
units of one board. The bytes are the reference's.

usage: tests/xrt/test_boards.py DAVIT DAVIT_MODELS FOLDER
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../placements"))
from placements import write_samples  # noqa: E402

davit, models, folder = sys.argv[1:]
MODEL = os.path.join(folder, "resnet20.q.onnx")
TWO = ["--devices", "fpga:emu,fpga:emu:1,cpu"]
CALLS = 32  # of the kernels, in ResNet-20


def call(*words):
    environment = dict(os.environ, OMP_WAIT_POLICY="passive",
                       XDG_CACHE_HOME=os.path.join(folder, "cache"))
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment,
                          timeout=100)
    assert done.returncode == 0, (words, done.stdout[-500:], done.stderr)
    return done


def make_model():
    os.makedirs(folder, exist_ok=True)
    samples = os.path.join(folder, "samples.npy")
    plain = os.path.join(folder, "resnet20.onnx")
    write_samples(samples, [2, 3, 32, 32])
    call(models, "resnet20", "-o", plain)
    call(davit, "quantize", plain, "-c", samples, "-o", MODEL)


def run(batch, *words, emulate=()):
    shape = ["--shape", f"input={batch}x3x32x32"]
    done = call(*emulate, davit, "run", MODEL, *shape, *words, "--verify", "--json")
    result = json.loads(done.stdout)
    assert all(o["verify"]["greatest_difference"] == 0 for o in result["outputs"]), result
    return {d["device"]: d for d in result["devices"]}, done.stderr


def test_two_boards():
    plan = call(davit, "plan", MODEL, "--shape", "input=1x3x32x32", *TWO, "--objective",
                "throughput").stdout
    assert "fpga:emu:1 " in plan and "fpga:emu " in plan, plan
    devices, _ = run(1, *TWO, "--objective", "throughput", "--in-flight", "4", "--repeat", "8")
    shares = [devices[name]["share"] for name in ("fpga:emu", "fpga:emu:1")]
    assert min(shares) > 0.2 and sum(shares) > 0.999, shares


def test_compute_units():
    """Four units on a batch of four: four times the calls. A fault at a late one tells whether it came."""
    for batch, lost in ((1, False), (4, True)):
        fault = ["emulate", "--faults", f"error@{3 * CALLS}", "--"]
        _, errors = run(batch, "--devices", "fpga:emu,cpu", emulate=[davit, *fault])
        assert ("it stopped before its end" in errors) == lost, (batch, errors)
    devices, errors = run(4, "--devices", "fpga:emu,cpu")
    assert devices["fpga:emu"]["share"] > 0.999 and "lost" not in errors, errors


make_model()
test_two_boards()
print("two boards: passed", flush=True)
test_compute_units()
print("compute units: passed", flush=True)
