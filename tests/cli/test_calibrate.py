"""davit calibrate: what it keeps, what it shows, and every mistake a user can make.

usage: test_calibrate.py DAVIT
"""
import glob
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

DAVIT = None
MODEL = "/usr/share/libonnx-testdata/data/node/test_relu/model.onnx"


class Calibrate(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.environment = dict(os.environ, XDG_CACHE_HOME=self.folder.name)

    def run_davit(self, *words, **more):
        more.setdefault("env", self.environment)
        return subprocess.run([DAVIT, *words], capture_output=True, text=True, timeout=100,
                              check=False, **more)

    def refuse(self, *words, names=(), code=1, **more):
        done = self.run_davit(*words, **more)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        lines = [line for line in done.stderr.splitlines() if "error: " in line or "warning" in line]
        self.assertEqual(len(lines), 1, done.stderr)
        for name in names:
            self.assertIn(name, lines[0])

    def measure_model(self, **more):
        done = self.run_davit("calibrate", "--only-models", "-d", "reference", "--seconds", "1",
                              "--json", MODEL, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout), done.stderr

    def files(self):
        return glob.glob(os.path.join(self.folder.name, "davit", "times-v1-*.json"))

    def contents(self):
        texts = []
        for path in self.files():
            with open(path, encoding="ascii") as file:
                texts.append(file.read())
        return texts

    def test_measures_shows_predicts_and_clears(self):
        empty = self.run_davit("calibrate", "--show")
        self.assertEqual(empty.returncode, 0)
        self.assertIn("nothing is measured", empty.stdout)
        done, errors = self.measure_model()
        self.assertIn("measuring reference for about 1 s: copies, the models given\n", errors)
        self.assertEqual(done["schema_version"], 1)
        self.assertFalse(done["interrupted"])
        device = done["devices"][0]
        self.assertEqual((device["name"], device["networks"], device["units"]), ("reference", 1, 1))
        self.assertGreater(device["to_device_bytes_per_s"], 1e7)
        for path in self.files():
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)

        shown = json.loads(self.run_davit("calibrate", "--show", "--json").stdout)
        kinds = [entry["work"]["kind"] for entry in shown["devices"][0]["entries"]
                 if "work" in entry]
        self.assertEqual(kinds, ["Relu"])
        self.assertIn("Relu", self.run_davit("calibrate", "--show").stdout)

        bench = self.run_davit("bench", MODEL, "-d", "reference", "--predict", "--json", "-n", "5")
        prediction = json.loads(bench.stdout)["prediction"]
        self.assertEqual(prediction["sources"]["measured"], 1)
        parts = sum(prediction[part] for part in ("units_s", "copies_s", "submissions_s"))
        self.assertAlmostEqual(prediction["predicted_s"], parts)

        self.assertEqual(self.run_davit("calibrate", "--clear").returncode, 0)
        self.assertEqual(self.files(), [])

    def test_a_device_measures_built_in_networks(self):
        done = self.run_davit("calibrate", "--seconds", "1", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        devices = json.loads(done.stdout)["devices"]
        self.assertIn("reference", [device["name"] for device in devices])
        self.assertGreater(sum(device["units"] for device in devices), 0)

    def test_an_interrupt_keeps_what_was_measured(self):
        with subprocess.Popen([DAVIT, "calibrate", "--seconds", "80", "--json"],
                              env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as process:
            end = time.time() + 60
            while not self.files() and time.time() < end:
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, errors)
        self.assertTrue(json.loads(output)["interrupted"])
        shown = json.loads(self.run_davit("calibrate", "--show", "--json").stdout)
        self.assertGreater(len(shown["devices"][0]["entries"]), 5)

    def test_a_damaged_store(self):
        self.measure_model()
        with open(self.files()[0], "w", encoding="ascii") as file:
            file.write('{"schema_version": 1')
        _, errors = self.measure_model()
        self.assertEqual(errors.count("is damaged"), 1, errors)
        self.assertTrue(os.path.exists(self.files()[0] + ".damaged"))
        _, errors = self.measure_model()
        self.assertNotIn("damaged", errors)

    def test_folders_that_cannot_be_used(self):
        words = ("calibrate", "--only-models", MODEL)
        os.mkdir(os.path.join(self.folder.name, "davit"))
        os.chmod(os.path.join(self.folder.name, "davit"), 0o777)
        self.refuse(*words, names=["davit", "others may write"])
        file = os.path.join(self.folder.name, "file")
        with open(file, "w", encoding="ascii"):
            pass
        self.environment["XDG_CACHE_HOME"] = file
        self.refuse(*words, names=[file])
        self.refuse("calibrate", "--clear", names=[file])
        del self.environment["XDG_CACHE_HOME"]
        self.environment.pop("HOME", None)
        self.refuse(*words, names=["HOME"])
        shown = self.run_davit("calibrate", "--show")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        plan = self.run_davit("plan", MODEL)
        self.assertEqual((plan.returncode, plan.stderr), (0, ""))

    def test_a_full_disk(self):
        def limit_files():
            resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))

        words = ("calibrate", "--only-models", "-d", "reference", "--seconds", "1", MODEL)
        self.measure_model()
        before = self.contents()
        self.refuse(*words, names=["cannot be written"], preexec_fn=limit_files,
                    restore_signals=False)
        self.assertEqual(before, self.contents())

    def test_devices_and_usage(self):
        self.refuse("calibrate", "-d", "gpu9", names=["gpu9", "reference"])
        self.refuse("calibrate", "-d", "null", names=["null", "emulated"])
        self.refuse("calibrate", "-d", "profile:u250", names=["profile:u250"])
        self.refuse("calibrate", "-d", "reference", "--only-models", "none.onnx",
                    names=["none.onnx"])
        self.refuse("calibrate", "--only-models", names=["MODEL"], code=2)
        self.refuse("calibrate", "--show", "--clear", names=["--show"], code=2)
        self.refuse("calibrate", "--show", MODEL, names=["--show"], code=2)
        self.refuse("calibrate", "--seconds", "0", names=["--seconds"], code=2)
        shown = self.run_davit("calibrate", "--help")
        self.assertEqual(shown.returncode, 0)
        self.assertIn("usage: davit calibrate", shown.stdout)


if __name__ == "__main__":
    DAVIT = os.path.abspath(sys.argv.pop(1))
    unittest.main()
