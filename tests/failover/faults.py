#!/usr/bin/env python3
"""Runs quantised networks on emulated devices that fail at random moments, and checks each run: every
inference ends with the reference's bytes, what happened is said, and nothing is left behind.

usage: tests/failover/faults.py BUILD [--runs 500] [--seed 1] [--in-flight N] [--model MODEL.onnx]...

Devices are two or three of cuda:emu, opencl:0, fpga:emu and cpu, with cpu last; some units are pinned to a
random one of them. A fault is one of the emulated driver's (DAVIT_CUDAEMU_OPTIONS) or of the emulated
board's (davit emulate --faults), at a random kernel. Prints a table and the slowest run; exit 1 when a run
was wrong.
"""
import argparse
import collections
import glob
import json
import os
import random
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/placements"))
from placements import Networks  # noqa: E402 (found by the line above)

TIMEOUT_S = 5  # of a run on the devices; what is late then is lost
LIMIT_S = 120  # of a process
COMPLETED = re.compile(r"the inference that (\S+) failed was completed")
LOST = re.compile(r"device (\S+) is lost")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("build", type=os.path.abspath)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--in-flight", type=int, default=1, help="1: one after the other")
    parser.add_argument("--model", action="append", help="default: ResNet-20 and MobileNetV2, quantised")
    return parser.parse_args()


def left_behind():
    """Processes and files of the emulations."""
    found = set(glob.glob("/tmp/davit-emu-*")) | set(glob.glob("/dev/shm/davit*"))
    for path in glob.glob("/proc/[0-9]*/comm"):
        try:
            with open(path, encoding="ascii", errors="replace") as file:
                name = file.read().strip()
        except OSError:
            continue
        if name.startswith(("davit-fpga", "genericpcie")):
            found.add("process %s %s" % (path.split("/")[2], name))
    return found


def units(davit, model, environment):
    """Names of the integer units, which every device can run."""
    done = subprocess.run([davit, "plan", model, "--devices", "cpu", "--json"], check=True,
                          capture_output=True, text=True, env=environment)
    return [unit["name"] for unit in json.loads(done.stdout)["units"]
            if "quantizelinear" not in unit["name"].lower() and "Flatten" not in unit["name"]]


class Draw:
    """One random run: devices, pins and a fault."""

    def __init__(self, rng, names):
        first = rng.choice(["cuda:emu", "fpga:emu"])
        others = [d for d in ("cuda:emu", "opencl:0", "fpga:emu") if d != first and rng.random() < 0.5]
        self.devices = [first, *others, "cpu"]
        self.pins = []
        begin = rng.randrange(len(names))
        for name in names[begin:begin + rng.randrange(1, 12)]:
            self.pins += ["--pin", "%s=%s" % (name, rng.choice(self.devices))]
        self.cuda, self.board = "", ""
        if first == "cuda:emu":
            self.cuda = "%s=%d" % (rng.choice(["lost_at", "hang_at"]), rng.randrange(1, 80))
        if "fpga:emu" in self.devices and (first == "fpga:emu" or rng.random() < 0.3):
            self.board = "%s@%d" % (rng.choice(["lost", "hang", "mute", "error"]), rng.randrange(1, 60))
        self.fault = (self.cuda.split("=")[0] + " " + self.board.split("@")[0]).strip()


def run(davit, model, draw, options, environment):
    command = [davit, "run", model, "--devices", ",".join(draw.devices), *draw.pins, "--repeat", "4",
               "--timeout", str(TIMEOUT_S), "--verify"]
    if options.in_flight > 1:
        command += ["--in-flight", str(options.in_flight)]
    if "fpga:emu" in draw.devices:
        faults = ["--faults", draw.board] if draw.board else []
        command = [davit, "emulate", *faults, "--", *command]
    own = dict(environment, DAVIT_CUDAEMU_OPTIONS=draw.cuda)
    try:
        return subprocess.run(command, check=False, capture_output=True, text=True, env=own, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        return None


def judge(done):
    """What is wrong with a run, or how it went."""
    if done is None:
        return "did not end", True
    lost, completed = LOST.findall(done.stderr), COMPLETED.findall(done.stderr)
    if done.returncode != 0:
        return "exit %d: %s" % (done.returncode, done.stderr.strip()[-300:]), True
    if " 0 of " not in done.stdout or "relative L2 0.00e+00" not in done.stdout:
        return "other bytes than the reference's", True
    if bool(lost) != bool(completed):
        return "a loss that is not followed up: " + done.stderr.strip()[-300:], True
    return ("lost, completed" if lost else "no fault met"), False


def main():
    options = arguments()
    networks = Networks(options.build, os.path.join(ROOT, "build/models"))
    models = options.model or [networks.resnet20()[0], networks.mobilenetv2()[0]]
    names = {model: units(networks.davit, model, networks.environment) for model in models}
    rng = random.Random(options.seed)
    before = left_behind()
    table, slowest, wrong = collections.Counter(), (0, ""), 0
    for number in range(options.runs):
        model = rng.choice(models)
        draw = Draw(rng, names[model])
        begin = time.monotonic()
        outcome, bad = judge(run(networks.davit, model, draw, options, networks.environment))
        took = time.monotonic() - begin
        slowest = max(slowest, (took, "run %d, %s" % (number, draw.fault)))
        if bad:
            wrong += 1
            print("run %d: %s on %s %s, %s: %s" % (number, os.path.basename(model), ",".join(draw.devices),
                                                 " ".join(draw.pins), draw.fault, outcome), flush=True)
        table[draw.fault, "wrong" if bad else outcome] += 1
    for (fault, outcome), count in sorted(table.items()):
        print("%-24s %-16s %5d" % (fault, outcome, count))
    left = left_behind() - before
    print("%d runs, %d wrong; slowest %.1f s (%s); left behind: %s"
          % (options.runs, wrong, *slowest, ", ".join(sorted(left)) or "nothing"))
    sys.exit(1 if wrong or left else 0)


if __name__ == "__main__":
    main()
