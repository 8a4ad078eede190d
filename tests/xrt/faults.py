#!/usr/bin/env python3
"""Runs a network on emulated boards that fail in a way drawn at random, and checks each run: it ends
by its deadline, with one clear line of error, or with right outputs where the fault was no failure; and
nothing is left behind: no process, no file, no socket.

usage: tests/xrt/faults.py [--runs 100] [--seed 1] [--timeout 5] [--build BUILD] MODEL.onnx [SHAPE]
"""
import argparse
import collections
import glob
import os
import random
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What a run may take besides its own deadline: start, opening the board, building, closing.
AROUND_S = 25
LOST = re.compile(r"device fpga:emu failed|device 'fpga:emu'|is lost|did not end")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=int, default=5, help="seconds of a run")
    parser.add_argument("--build", default=os.path.join(ROOT, "build/release"))
    parser.add_argument("model")
    parser.add_argument("shape", nargs="?")
    return parser.parse_args()


def left():
    """Processes and files of an emulation, by name."""
    found = set()
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            words = open(path, "rb").read().split(b"\0")
        except OSError:
            continue
        name = os.path.basename(words[0]).decode(errors="replace")
        if name in ("davit-fpga-board", "genericpciemodel"):
            found.add(f"process {path.split('/')[2]} {name}")
    for pattern in ("/tmp/davit-emu-*", "/tmp/davit_*", "/dev/shm/davit*"):
        found.update(glob.glob(pattern))
    return found


def one(options, fault):
    davit = os.path.join(options.build, "host/cli/davit")
    command = [davit, "emulate", "--faults", fault, "--", davit, "run", options.model, "--devices",
               "fpga:emu,cpu", "--timeout", str(options.timeout), "--verify", "--json"]
    if options.shape:
        command += ["--shape", options.shape]
    begin = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True,
                              timeout=options.timeout + 2 * AROUND_S, check=False)
    except subprocess.TimeoutExpired:
        return "HUNG", time.monotonic() - begin, ""
    seconds = time.monotonic() - begin
    errors = [line for line in done.stderr.splitlines() if line.startswith("davit: error:")]
    text = errors[-1] if errors else ""
    if done.returncode == 0:
        return "fine", seconds, ""
    if "differs from the reference" in text:
        return "wrong bytes, noticed by --verify", seconds, text
    if done.returncode == 1 and LOST.search(text):
        return "lost", seconds, text
    return f"UNCLEAR (exit {done.returncode})", seconds, (text or done.stderr[-300:])


def main():
    options = arguments()
    draw = random.Random(options.seed)
    os.environ["OMP_WAIT_POLICY"] = "passive"
    results = collections.Counter()
    bad = 0
    longest = 0.0
    before = left()
    for run in range(options.runs):
        kind = draw.choice(["hang", "error", "lost", "mute", "corrupt", "slow", "refuse"])
        number = draw.randint(1, 40)
        if kind in ("corrupt", "refuse"):
            number = 1
        fault = f"{kind}@{number}"
        result, seconds, text = one(options, fault)
        longest = max(longest, seconds)
        results[f"{kind}: {result}"] += 1
        late = seconds > options.timeout + AROUND_S
        # What XRT itself does not see, only --verify does: a wrong bit in a copy, and a kernel that
        # goes idle half-way, which XRT's emulation takes for done.
        if result == "HUNG" or "UNCLEAR" in result or late or \
                (result.startswith("wrong") and kind not in ("corrupt", "error")):
            bad += 1
            print(f"run {run} {fault}: {result}, {seconds:.1f} s{' LATE' if late else ''}: {text}",
                  flush=True)
    behind = left() - before
    for _ in range(20):  # other emulations of this machine end by themselves
        if not behind:
            break
        time.sleep(1)
        behind &= left()
    for name, count in sorted(results.items()):
        print(f"{count:4d}  {name}")
    for name in sorted(behind):
        print(f"left behind: {name}")
    print(f"{options.runs} runs, {bad} bad, longest {longest:.1f} s, {len(behind)} left behind")
    return 1 if bad or behind else 0


if __name__ == "__main__":
    sys.exit(main())
