"""davit emulate with a program on XRT's C interface: exact results, faults that end in time, and
nothing that is left behind however it ends.

test_emulation.py DAVIT BOARD_HOST [--only NAME]"""
import os
import pathlib
import signal
import subprocess
import sys
import time

davit, host = sys.argv[1:3]
only = sys.argv[4] if len(sys.argv) > 3 else None


def children(pid):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def name(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition, what, seconds=15.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def run(*words, faults=None, boards=1, seconds=60):
    command = [davit, "emulate", "--boards", str(boards)]
    command += ["--faults", faults] if faults else []
    begin = time.monotonic()
    done = subprocess.run([*command, "--", *words], capture_output=True, text=True,
                          timeout=seconds, check=False)
    return done.returncode, done.stdout, done.stderr, time.monotonic() - begin


def call_host(*words, **more):
    return run(host, *words, **more)


class Running:
    """A program that has done its calls and stays; its processes and its folder."""

    def __init__(self, boards=2):
        self.launcher = subprocess.Popen(
            [davit, "emulate", "--boards", str(boards), "--", host, "--units", "1", "--calls", "1",
             "--stay", "1"], stdout=subprocess.PIPE, text=True)
        line = self.launcher.stdout.readline()
        assert "calls exact" in line, line
        pids = children(self.launcher.pid)
        self.program = next(pid for pid in pids if name(pid) == "board_host")
        self.keeper = next(pid for pid in pids if name(pid) != "board_host")
        self.boards = children(self.program)
        assert len(self.boards) == boards, self.boards
        variables = pathlib.Path(f"/proc/{self.program}/environ").read_bytes().split(b"\0")
        user = next(v for v in variables if v.startswith(b"USER="))[5:].decode()
        self.folder = pathlib.Path("/tmp") / user
        assert self.folder.is_dir() and user.startswith("davit-emu-"), user
        assert self.folder.stat().st_mode & 0o077 == 0

    def check_gone(self):
        pids = [self.program, self.keeper, *self.boards]
        wait_until(lambda: not any(alive(pid) for pid in pids), f"processes are left: {pids}")
        wait_until(lambda: not self.folder.exists(), f"{self.folder} is left")
        self.launcher.stdout.close()


def test_exact():
    code, out, err, _ = call_host("--calls", "12", boards=2)
    assert code == 0 and "96 calls exact in 8 lanes" in out, (code, out, err)
    assert err == "", err


def test_banks():
    code, out, err, _ = call_host("--banks", "1", "--units", "1", "--calls", "2", boards=2)
    assert code == 0 and "4 calls exact" in out, (code, out, err)


def test_several_at_a_time():
    programs = [subprocess.Popen([davit, "emulate", "--", host, "--units", "1", "--calls", "6"],
                                 stdout=subprocess.PIPE, text=True) for _ in range(6)]
    for program in programs:
        out, _ = program.communicate(timeout=60)
        assert program.returncode == 0 and "6 calls exact" in out, (program.returncode, out)


def test_faults():
    words = ("--units", "2", "--calls", "8", "--deadline", "400")
    expected = {"hang@5": (3, "has not ended in time"), "lost@5": (3, "lost"),
                "mute@5": (3, "lost"), "error@5": (1, "wrong bytes"),
                "corrupt@3": (1, "wrong bytes"), "slow@200": (0, "16 calls exact"),
                "1:hang@1": (0, "16 calls exact")}
    for faults, (expected_code, text) in expected.items():
        code, out, err, seconds = call_host(*words, faults=faults)
        assert code == expected_code and text in out, (faults, code, out, err)
        assert seconds < 10, (faults, seconds)
    code, _, err, _ = call_host(*words, faults="refuse@1")
    assert code == 3 and "cannot be loaded" in err, (code, err)


def test_same_fault_each_time():
    words = ("--units", "1", "--calls", "20", "--deadline", "300")
    results = {call_host(*words, faults="hang@7")[:2] for _ in range(2)}
    assert len(results) == 1 and "lost after 6 calls" in results.pop()[1]


def test_exit_codes():
    assert run("sh", "-c", "exit 7")[0] == 7
    assert run("sh", "-c", "kill -USR1 $$")[0] == -signal.SIGUSR1
    assert run("true")[0] == 0
    code, _, err, _ = run("/nonexistent")
    assert code == 1 and err.count("\n") == 1 and "cannot be run" in err, err
    code, out, _, _ = run("sh", "-c", "cat; ps -o sid= -p $$ >/dev/null; echo $XCL_EMULATION_MODE")
    assert (code, out) == (0, "sw_emu\n"), (code, out)


def test_signals_pass():
    for number in (signal.SIGINT, signal.SIGTERM):
        running = Running()
        running.launcher.send_signal(number)
        assert running.launcher.wait(10) == -number
        running.check_gone()


def test_kills():
    for who in ("launcher", "program", "keeper", "board"):
        running = Running()
        pid = {"launcher": running.launcher.pid, "program": running.program,
               "keeper": running.keeper, "board": running.boards[0]}[who]
        os.kill(pid, signal.SIGKILL)
        if who == "keeper":  # the launcher clears up
            running.launcher.send_signal(signal.SIGTERM)
        code = running.launcher.wait(20)
        expected = {"launcher": -signal.SIGKILL, "program": -signal.SIGKILL,
                    "keeper": -signal.SIGTERM}
        assert code == expected.get(who, code) and code != 0, (who, code)
        running.check_gone()


def test_all_killed():
    """When nobody is left to clear up, the next emulation does."""
    running = Running(boards=1)
    in_use = Running(boards=1)
    for pid in (running.keeper, running.launcher.pid, running.program):
        os.kill(pid, signal.SIGKILL)
    running.launcher.wait(10)
    wait_until(lambda: not any(alive(pid) for pid in running.boards), "a board is left")
    assert running.folder.is_dir()
    for folder in (running.folder, in_use.folder):
        os.utime(folder, (0, 0))
    assert run("true")[0] == 0
    assert not running.folder.exists() and in_use.folder.is_dir()
    in_use.launcher.terminate()
    in_use.launcher.wait(10)
    in_use.check_gone()


tests = {key[5:]: value for key, value in globals().items() if key.startswith("test_")}
for key, test in tests.items():
    if only in (None, key):
        start = time.monotonic()
        test()
        print(f"{key}: passed, {time.monotonic() - start:.1f} s", flush=True)
