"""davit run when an emulated board fails: what is told, where, and what --strict and --no-fallback
forbid; several inferences at once.

usage: test_failover.py DAVIT DAVIT_MODELS FOLDER
"""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../placements"))
from placements import write_samples  # noqa: E402

DAVIT = MODELS = FOLDER = None
HANG = ["emulate", "--faults", "hang@3", "--"]
PINS = ["--pin", "input_QuantizeLinear=cpu", "--pin", "output_DequantizeLinear=cpu"]


def path(name):
    return os.path.join(FOLDER, name)


def call(*words):
    environment = dict(os.environ, OMP_WAIT_POLICY="passive", XDG_CACHE_HOME=path("cache"))
    return subprocess.run(words, capture_output=True, text=True, check=False, env=environment, timeout=100)


def run_with_fault(*words):
    return call(DAVIT, *HANG, DAVIT, "run", path("resnet20.q.onnx"), "--devices", "fpga:emu,cpu", "--timeout", "1",
                *words)


class Failover(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.makedirs(FOLDER, exist_ok=True)
        write_samples(path("samples.npy"), [2, 3, 32, 32])
        for words in ([MODELS, "resnet20", "--batch", "1", "-o", path("resnet20.onnx")],
                      [DAVIT, "quantize", path("resnet20.onnx"), "-c", path("samples.npy"), "-o",
                       path("resnet20.q.onnx")]):
            done = call(*words)
            assert done.returncode == 0, done.stderr

    def check_events(self, events):
        self.assertEqual([event["kind"] for event in events][:3], ["device_lost", "moved", "repeated"])
        self.assertEqual({event["device"] for event in events}, {"fpga:emu"})
        self.assertGreater(events[0]["time_s"], 0.9)

    def test_the_run_is_completed_and_all_is_told(self):
        for flight in ("1", "3"):
            report = path("report.json")
            done = run_with_fault("-n", "5", "--in-flight", flight, "--verify", "--json", "--report", report)
            self.assertEqual(done.returncode, 0, done.stderr)
            result = json.loads(done.stdout)
            self.assertEqual(result["in_flight"], int(flight))
            self.assertEqual(result["outputs"][0]["verify"]["greatest_difference"], 0)
            self.check_events(result["events"])
            with open(report, encoding="utf-8") as file:
                told = json.load(file)
            self.check_events([event for event in told["events"] if event["time_s"] is not None])
            self.assertEqual(told["summary"]["measured"]["runs"], result["repeat"])
            self.assertEqual({unit["device"] for unit in told["units"]}, {"cpu"})
            last = done.stderr.splitlines()[-1]
            self.assertIn("davit: while running:", last)
            self.assertIn("device fpga:emu is lost", last)
            self.assertIn("moved", last)

    def test_strict_and_no_fallback_fail(self):
        for words in (["--strict", *PINS], ["--no-fallback", "cpu", *PINS]):
            done = run_with_fault(*words)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn("davit: error:", done.stderr)
            self.assertIn("fpga:emu", done.stderr)

    def test_no_fallback_holds_before_the_run_too(self):
        done = call(DAVIT, "run", path("resnet20.q.onnx"), "--devices", "fpga:emu,cpu", "--no-fallback", "cpu")
        self.assertEqual(done.returncode, 1)
        self.assertIn("QuantizeLinear", done.stderr)

    def test_refused(self):
        plan = path("plan.json")
        model = path("resnet20.q.onnx")
        self.assertEqual(call(DAVIT, "plan", model, "-o", plan).returncode, 0)
        for words, text in ((["--no-fallback", "zeppelin"], "zeppelin"), (["--in-flight", "0"], "--in-flight 0"),
                            (["--plan", plan, "--objective", "latency"], "--objective")):
            done = call(DAVIT, "run", model, "--devices", "cpu", *words)
            self.assertNotEqual(done.returncode, 0, words)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(text, done.stderr)

    def test_bench_counts_all(self):
        done = call(DAVIT, "bench", path("resnet20.q.onnx"), "--devices", "cpu", "-n", "40", "--in-flight", "4", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual((result["repeat"], result["in_flight"], result["events"]), (40, 4, []))
        self.assertGreater(result["inferences_per_s"], 0)


if __name__ == "__main__":
    DAVIT, MODELS, FOLDER = (os.path.abspath(word) for word in sys.argv[1:4])
    unittest.main(argv=sys.argv[:1])
