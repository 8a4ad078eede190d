#!/usr/bin/env python3
"""./bootstrap and tests/run-all.sh with stand-ins for everything that they call: what they
install, what they say when something is missing, and how they exit. No network, nothing built.
"""

import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

DPKG_QUERY = """
for package in "$@"; do :; done
grep -qx "$package" "$TOP/absent" && exit 1
printf 'ii '
"""
APT_GET = """
echo "apt-get $*" >>"$TOP/calls"
[ "$1" = update ] && touch "$TOP/updated" && exit
[ -e "$TOP/apt-needs-update" ] && [ ! -e "$TOP/updated" ] && echo "E: no such package" && exit 100
[ -e "$TOP/apt-broken" ] && echo "E: nothing works" && exit 100
: >"$TOP/absent"
"""
CMAKE = """
echo "cmake $*" >>"$TOP/calls"
[ "$1" = --version ] && echo "cmake version $(cat "$TOP/cmake-version")" && exit
[ -e "$TOP/cmake-broken" ] && echo "the compiler is not well" && exit 1
mkdir -p build/demo/davit build/demo/examples build/demo/tree build/models
: >build/models/page.png
for program in davit examples/read_text tree/davit-models; do
    [ ! -d "build/demo/$program" ] || program=$program/davit
    printf '#!/bin/sh\\necho "%s $*"\\n' "${program##*/}" >"build/demo/$program"
    chmod +x "build/demo/$program"
done
"""
CTEST = """
case "$*" in
*build/asan*)
    echo "1/2 Test #1: good ...   Passed    0.01 sec"
    echo "fine"
    echo "2/2 Test #2: bad ...***Failed    0.01 sec"
    echo "bad.c:1: 1 != 2"
    echo "50% tests passed, 1 tests failed out of 2"
    exit 8 ;;
*) echo "100% tests passed, 0 tests failed out of 2" ;;
esac
"""
FETCH = "import sys\nprint('fetch', *sys.argv[1:])\nsys.exit(int(open('fetch-status').read()))\n"


class BootstrapTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = folder.name
        for name in ("bin", "models", "tests"):
            os.mkdir(os.path.join(self.top, name))
        shutil.copy(os.path.join(ROOT, "bootstrap"), self.top)
        shutil.copy(os.path.join(ROOT, "tests", "run-all.sh"), os.path.join(self.top, "tests"))
        for name, body in (("dpkg-query", DPKG_QUERY), ("apt-get", APT_GET), ("cmake", CMAKE),
                           ("ctest", CTEST), ("sudo", 'while [ "${1#*=}" != "$1" ]; do shift; done; exec "$@"')):
            path = self.write("bin/" + name, "#!/bin/sh\n" + body)
            os.chmod(path, 0o755)
        self.write("models/fetch", FETCH)
        self.write("fetch-status", "0")
        self.write("absent", "")
        self.write("cmake-version", "3.25.1")

    def write(self, name, text):
        path = os.path.join(self.top, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def run_script(self, *command):
        environment = dict(os.environ, TOP=self.top,
                           PATH=os.path.join(self.top, "bin") + ":/usr/bin:/bin")
        return subprocess.run(command, cwd=self.top, env=environment, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, check=False)

    def calls(self):
        with open(os.path.join(self.top, "calls"), encoding="utf-8") as file:
            return file.read()

    def assert_fails(self, *words):
        done = self.run_script("./bootstrap", "demo")
        self.assertEqual(done.returncode, 1, done.stdout)
        last = done.stderr.splitlines()[-1]
        for word in ("bootstrap: ",) + words:
            self.assertIn(word, last)

    def test_usage(self):
        self.assertEqual(self.run_script("./bootstrap", "help").returncode, 0)
        self.assertEqual(self.run_script("./bootstrap").returncode, 2)
        self.assertEqual(self.run_script("./bootstrap", "demo", "more").returncode, 2)
        self.assertEqual(self.run_script("tests/run-all.sh", "zeppelin").returncode, 2)

    def test_demo_with_all_there(self):
        done = self.run_script("./bootstrap", "demo")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("apt-get", self.calls())
        self.assertIn("[7/7]", done.stdout)
        self.assertIn("davit emulate -- build/demo/examples/read_text --devices fpga:emu,cuda:emu,cpu --verify",
                      done.stdout)
        self.assertIn("davit run build/demo/ppocrv4-det.int8.onnx", done.stdout)
        self.assertIn("davit devices", done.stdout)
        self.assertIn(self.top + "/build/demo/report.html", done.stdout)

    def test_demo_without_the_registry(self):
        for status in ("3", "4"):
            self.write("fetch-status", status)
            done = self.run_script("./bootstrap", "demo")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("generated MobileNetV2", done.stdout)
            self.assertIn("davit run build/models/mobilenetv2.onnx", done.stdout)

    def test_installs_only_what_is_missing(self):
        self.write("absent", "libhwloc-dev\nninja-build\n")
        self.assertEqual(self.run_script("./bootstrap", "demo").returncode, 0)
        installs = [line for line in self.calls().splitlines() if line.startswith("apt-get")]
        self.assertEqual(installs, ["apt-get install -y --no-install-recommends ninja-build libhwloc-dev"])

    def test_updates_the_lists_only_if_needed(self):
        self.write("absent", "libhwloc-dev\n")
        self.write("apt-needs-update", "")
        self.assertEqual(self.run_script("./bootstrap", "demo").returncode, 0)
        self.assertIn("apt-get update", self.calls())

    def test_says_what_to_type(self):
        self.write("absent", "libhwloc-dev\n")
        self.write("apt-broken", "")
        self.assert_fails("apt-get install libhwloc-dev")

    def test_old_cmake(self):
        self.write("cmake-version", "3.18.4")
        self.assert_fails("3.18.4", "3.25")

    def test_broken_build_names_the_log(self):
        self.write("cmake-broken", "")
        self.assert_fails("build/logs/demo-configure.log")

    def test_other_fetch_failure_is_one(self):
        self.write("fetch-status", "1")
        self.assert_fails("models/fetch")

    def test_run_all_goes_on_after_a_failure_and_fails(self):
        done = self.run_script("tests/run-all.sh", "asan", "tsan")
        self.assertEqual(done.returncode, 1)
        self.assertIn("(1/2) asan ... FAILED", done.stdout)
        self.assertIn("(2/2) tsan ... passed", done.stdout)
        self.assertIn("failed: asan", done.stderr)
        self.assertIn("bad.c:1: 1 != 2", done.stdout)
        self.assertNotIn("fine", done.stdout)
        closing = [line for line in done.stdout.splitlines() if "tests passed" in line]
        self.assertEqual(closing[-1], "100% tests passed, 0 tests failed out of 2")

    def test_run_all_stops_a_step_at_its_first_failure(self):
        self.write("cmake-broken", "")
        done = self.run_script("tests/run-all.sh", "tsan")
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("tests passed", done.stdout)


if __name__ == "__main__":
    unittest.main()
