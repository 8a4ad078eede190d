#!/usr/bin/env python3
"""Runs a network on emulated boards that fail in a way drawn at random, and checks each run: it ends
by its deadline, and a clear line tells of the lost board; its bytes are right, by the devices that
remain; and nothing is left behind: no process, no file, no socket, no shared memory. Then one process opens and uses a
board again and again while kernels stop, copies are damaged and loads refused: it keeps no file and no
thread, and no more memory than without faults.

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
LOST = re.compile(r"device 'fpga:emu' is lost: |device 'fpga:emu': XRT cannot load the bitstream")
# What must be told of, wherever it comes.
HARMFUL = ("hang", "error", "lost", "mute", "refuse")


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
    """Processes, files, sockets and shared memory of emulations, by name."""
    found = set()
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            words = open(path, "rb").read().split(b"\0")
        except OSError:
            continue
        name = os.path.basename(words[0]).decode(errors="replace")
        if name in ("davit-fpga-board", "genericpciemodel") or b"emulate" in words:
            found.add(f"process {path.split('/')[2]} {name}")
    for pattern in ("/tmp/davit-emu-*", "/tmp/davit_*", "/dev/shm/*"):
        found.update(glob.glob(pattern))
    with open("/proc/net/unix", encoding="utf-8") as sockets:
        found.update("socket " + line.split()[-1] for line in sockets if "davit-emu-" in line)
    with open("/proc/sysvipc/shm", encoding="utf-8") as segments:
        found.update("segment " + line.split()[1] for line in list(segments)[1:])
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
    told = [line for line in done.stderr.splitlines()
            if line.startswith(("davit: error:", "davit: warning: device")) and LOST.search(line)]
    text = told[0] if told else ""
    if done.returncode == 0:
        return "lost, completed by others" if told else "no harm", seconds, text
    if done.returncode == 1 and told:
        return "error", seconds, text
    return f"UNCLEAR (exit {done.returncode})", seconds, (text or done.stderr[-300:])


def repeat(options, faults, rounds):
    """How rounds in one process end, and what they leave in it: files, KiB a round."""
    command = [os.path.join(options.build, "host/cli/davit"), "emulate",
               *(["--faults", faults] if faults else []), "--",
               os.path.join(options.build, "tests/xrt/xrt_rounds"), str(rounds), "3000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    lines = re.findall(r"round \d+: (.*), (\d+) ms, (\d+) files, (\d+) KiB", done.stdout)
    if done.returncode != 0 or len(lines) != rounds:
        sys.exit(f"xrt_rounds with faults '{faults}': exit {done.returncode}\n{done.stdout[-500:]}"
                 f"{done.stderr[-500:]}")
    warm = lines[rounds // 5]
    ends = collections.Counter(line[0] for line in lines)
    files = int(lines[-1][2]) - int(warm[2])
    growth = (int(lines[-1][3]) - int(warm[3])) / (rounds - rounds // 5)
    longest = max(int(line[1]) for line in lines) / 1000
    print(f"one process, {rounds} rounds, faults '{faults}': "
          f"{', '.join(f'{count} {name}' for name, count in sorted(ends.items()))}, longest "
          f"{longest:.1f} s, {files} files more, {growth:.1f} KiB a round")
    return files, growth, longest


def one_process(options, rounds):
    """Whether faults leave no more in a process than rounds without them (XRT keeps some memory at each
    opening)."""
    _, usual, _ = repeat(options, "", rounds)
    files, growth, longest = repeat(options, "error@2+7,corrupt@6+11,refuse@4+9", rounds)
    return files == 0 and growth < usual + 8 and longest < 6


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
        number = draw.randint(1, 30)  # ResNet-20 has 32 calls
        if kind in ("corrupt", "refuse"):
            number = draw.randint(1, 3) if kind == "corrupt" else 1
        fault = f"{kind}@{number}"
        result, seconds, text = one(options, fault)
        longest = max(longest, seconds)
        results[f"{kind}: {result}"] += 1
        late = seconds > options.timeout + AROUND_S
        if result == "HUNG" or "UNCLEAR" in result or late or \
                (result == "no harm" and kind in HARMFUL):
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
    clean = one_process(options, options.runs)
    return 1 if bad or behind or not clean else 0


if __name__ == "__main__":
    sys.exit(main())
