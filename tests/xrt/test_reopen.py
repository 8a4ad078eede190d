#!/usr/bin/env python3
"""A board is opened, used and closed four times in one process, with a fault on the way: each round ends
in right bytes or in an error that is told, by its deadline; after a fault that passes, the board works
again, without a file that stays open; after one that does not, opening it fails at once.

usage: tests/xrt/test_reopen.py DAVIT XRT_ROUNDS
"""
import re
import subprocess
import sys

davit, program = sys.argv[1:]
DEADLINE_MS = 1500
LINE = re.compile(r"fpga:emu round \d+: (.*), (\d+) ms, (\d+) files, \d+ KiB")
STOPPED = "stopped before its end"
NOT_WRITTEN = "is not what was written there"
HELD = "only a new process can open it again"
# How the rounds end, and what the first error says.
CASES = {
    "": (["right"] * 4, None),
    "error@2": (["device lost", "right", "right", "right"], STOPPED),
    "error@5": (["right", "device lost", "right", "right"], STOPPED),
    "corrupt@3": (["device lost", "right", "right", "right"], NOT_WRITTEN),
    "error@2,corrupt@8": (["device lost", "right", "device lost", "right"], STOPPED),
    "refuse@1": (["unavailable", "right", "right", "right"], "cannot load the bitstream"),
    "slow@5": (["right"] * 4, None),
    "hang@4": (["right"] + ["device lost"] * 3, "did not end by the deadline"),
    "lost@2": (["device lost"] * 4, "did not end by the deadline"),
    "mute@2": (["device lost"] * 4, "did not end by the deadline"),
}


def check(faults, expected, text):
    command = [davit, "emulate", *(["--faults", faults] if faults else []), "--", program, "4",
               str(DEADLINE_MS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    said = (faults, done.returncode, done.stdout, done.stderr)
    rounds = LINE.findall(done.stdout)
    errors = [line for line in done.stderr.splitlines() if line.startswith("davit: error:")]
    assert [r[0] for r in rounds] == expected and done.returncode == 0, said
    assert len(errors) == sum(end != "right" for end in expected), said
    assert text is None or text in errors[0], said
    assert all(int(ms) < DEADLINE_MS + 3000 for _, ms, _ in rounds), said
    held = "did not end by the deadline" in (text or "")
    if held:
        first = expected.index("device lost")
        assert all(HELD in error for error in errors[1:]), said
        assert all(int(ms) < 500 for _, ms, _ in rounds[first + 1:]), said
    else:
        assert len({files for _, _, files in rounds}) == 1, said


for name, (ends, words) in CASES.items():
    check(name, ends, words)
    print(f"{name or 'no fault'}: passed", flush=True)
