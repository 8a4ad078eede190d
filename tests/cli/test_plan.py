"""davit plan on hardware that is not there: the placement of ResNet-50 in f32 and int8 over a Xeon, an
Alveo U250 and an A100, for each objective; what --explain says against planning again; bad input.

usage: test_plan.py DAVIT DAVIT_MODELS GOLDEN [--write] (run by the Python of build/peers)

GOLDEN is a JSON file of what was found; --write makes it anew, to be read before it is committed.
"""
import copy
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import onnx

DAVIT = MODELS = GOLDEN = None
DEVICES = "profile:xeon-8380,profile:u250,profile:a100"


class Plan(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.environment = dict(os.environ, XDG_CACHE_HOME=cls.folder.name, OMP_WAIT_POLICY="passive")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    @classmethod
    def davit(cls, *words):
        return subprocess.run([DAVIT, *words], capture_output=True, text=True, timeout=600,
                              check=False, env=cls.environment)

    @classmethod
    def network(cls, name, *options):
        """A generated network with its normalisations folded, made once."""
        path = cls.path(name + ".onnx")
        if not os.path.exists(path):
            subprocess.run([MODELS, name, "--fold", "--batch", "1", "-o", path, *options], check=True)
        return path

    @classmethod
    def quantized(cls, name, size):
        path = cls.path(name + "-int8.onnx")
        if not os.path.exists(path):
            samples = cls.path("samples.npy")
            random = np.random.default_rng(1)
            np.save(samples, random.standard_normal((2, 3, size, size)).astype(np.float32))
            done = cls.davit("quantize", cls.network(name), "--calibration", samples, "-o", path,
                             "--no-bias-correction")
            assert done.returncode == 0, done.stderr
        return path

    def plan(self, model, *words):
        done = self.davit("plan", model, "--json", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def refuse(self, *words, names=(), code=1):
        done = self.davit(*words)
        lines = done.stderr.splitlines()
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        self.assertEqual(len(lines), 1, done.stderr)
        for name in names:
            self.assertIn(name, lines[0])

    # ---- what if ----

    def summary(self, plan):
        prediction = plan["prediction"]
        placement = " ".join(unit["device"] for unit in plan["units"])
        return {
            "latency_us": float(f"{prediction['latency_s'] * 1e6:.6g}"),
            "period_us": float(f"{prediction['period_s'] * 1e6:.6g}"),
            "millijoules": float(f"{prediction['joules'] * 1e3:.6g}"),
            "gap": round(prediction["gap"], 4),
            "units": {device["name"]: device["units"] for device in plan["devices"]},
            "placement": hashlib.sha256(placement.encode()).hexdigest()[:16],
        }

    def test_what_if(self):
        found = {}
        for kind, model in (("f32", self.network("resnet50")), ("int8", self.quantized("resnet50", 224))):
            for objective in ("latency", "throughput", "energy"):
                plan = self.plan(model, "--devices", DEVICES, "--objective", objective)
                self.assertGreaterEqual(plan["prediction"]["gap"], 0)
                found[f"{kind} {objective}"] = self.summary(plan)
        for kind in ("f32", "int8"):
            rows = [found[f"{kind} {o}"] for o in ("latency", "throughput", "energy")]
            self.assertEqual(min(r["latency_us"] for r in rows), rows[0]["latency_us"])
            self.assertEqual(min(r["period_us"] for r in rows), rows[1]["period_us"])
            self.assertEqual(min(r["millijoules"] for r in rows), rows[2]["millijoules"])
        if "--write" in sys.argv:
            with open(GOLDEN, "w", encoding="utf-8") as file:
                json.dump(found, file, indent=1)
                file.write("\n")
        with open(GOLDEN, encoding="utf-8") as file:
            self.assertEqual(found, json.load(file))

    # ---- explanations ----

    def test_a_moved_unit_is_the_plan_with_that_pin(self):
        model = self.network("resnet20")
        words = ("--devices", DEVICES)
        plan = self.plan(model, *words, "--explain")
        again = self.plan(model, *words, "--explain")
        self.assertEqual(plan, again)
        units = plan["explanation"]["units"]
        self.assertEqual([u["name"] for u in units], [u["name"] for u in plan["units"]])
        checked = 0
        for unit in units[:: max(1, len(units) // 8)]:
            for device in unit["devices"]:
                if device["moved"] is None:
                    continue
                pinned = self.plan(model, *words, "--pin", f"{unit['name']}={device['device']}")
                self.assertEqual(pinned["prediction"]["latency_s"], device["moved"])
                checked += 1
        self.assertGreater(checked, 5)
        best = plan["prediction"]["latency_s"]
        for alternative in plan["explanation"]["alternatives"]:
            self.assertGreaterEqual(alternative["latency_s"], best * (1 - 1e-12))

    def test_a_read_plan_is_explained_as_it_was_made(self):
        model = self.network("resnet20")
        path = self.path("throughput.json")
        words = ("--devices", DEVICES, "--explain")
        made = self.plan(model, *words, "--objective", "throughput", "--pin",
                         "/fc/Gemm=profile:xeon-8380", "-o", path)
        self.assertEqual(self.plan(model, *words, "--plan", path), made)

    def test_simpler_plans_above_the_limit_are_told(self):
        limit_ms = 0.2
        plan = self.plan(self.network("resnet20"), "--devices", DEVICES, "--objective", "energy",
                         "--latency-limit", str(limit_ms), "--explain")
        late = [a for a in plan["explanation"]["alternatives"] if a["latency_s"] > limit_ms * 1e-3]
        self.assertTrue(late)
        for alternative in late:
            self.assertIn("latency limit", alternative["infeasible"])

    def test_text(self):
        done = self.davit("plan", self.network("resnet20"), "--devices", DEVICES, "--explain")
        self.assertEqual(done.returncode, 0, done.stderr)
        for words in ("latency, predicted: ", "proved: at least ", "all on profile:xeon-8380",
                      "greedy", "if it were there"):
            self.assertIn(words, done.stdout)

    # ---- bad input ----

    def test_bad_words(self):
        model = self.network("resnet20")
        self.refuse("plan", model, "--objective", "beauty", names=["beauty", "latency"])
        self.refuse("plan", model, "--latency-limit", "5", names=["latency limit"])
        self.refuse("plan", model, "--objective", "energy", "--latency-limit", "-1", names=["-1"])
        self.refuse("plan", model, "--devices", "profile:none", names=["none", "u250"])
        self.refuse("run", model, "--devices", "profile:u250", names=["profile:u250"])
        self.refuse("plan", model, "--inferences", "0", names=["--inferences"], code=2)

    def test_what_does_not_fit(self):
        model = self.network("resnet20")
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        with open(os.path.join(root, "scheduler/profile/shipped/a100.json"), encoding="utf-8") as file:
            profile = json.load(file)
        profile["memory"]["bytes"]["value"] = 1
        with open(self.path("tiny.json"), "w", encoding="utf-8") as file:
            json.dump(profile, file)
        self.refuse("plan", self.quantized("resnet20", 32), "--profiles", self.folder.name,
                    "--devices", "profile:tiny", names=["bytes"])
        self.refuse("plan", model, "--devices", DEVICES, "--objective", "energy", "--latency-limit",
                    "0.0001", names=["latency"])

    def test_plan_of_another_model_or_machine(self):
        model = self.network("resnet20")
        plan = self.path("plan.json")
        self.assertEqual(self.davit("plan", model, "--devices", DEVICES, "-o", plan).returncode, 0)
        self.refuse("run", model, "--plan", plan, names=["plan.json", "profile:"])
        self.refuse("plan", self.network("mobilenetv2"), "--devices", DEVICES, "--plan", plan,
                    names=["plan.json", "another model"])
        read = self.plan(model, "--devices", DEVICES, "--plan", plan)
        with open(plan, encoding="utf-8") as file:
            self.assertEqual(read, json.load(file))
        self.refuse("plan", model, "--plan", plan, "--objective", "latency", names=["--plan"], code=2)

    def test_nothing_is_proved_of_no_units(self):
        value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
        graph = onnx.helper.make_graph([], "passes", [value], [value])
        model = self.path("passes.onnx")
        onnx.save(onnx.helper.make_model(
            graph, ir_version=8, opset_imports=[onnx.helper.make_opsetid("", 17)]), model)
        made = self.plan(model, "--devices", DEVICES)
        self.assertEqual(made["units"], [])
        made["prediction"]["certificate"] = {"certificate": 1, "objective": "latency", "bound": 5.0,
                                             "form": "branches", "order": []}
        with open(self.path("damaged.json"), "w", encoding="utf-8") as file:
            json.dump(made, file)
        self.refuse("plan", model, "--devices", DEVICES, "--plan", self.path("damaged.json"),
                    names=["damaged.json", "proves 0"])

    def test_damaged_prediction(self):
        model = self.network("resnet20")
        made = self.plan(model, "--devices", DEVICES)
        for key, value, said in (("bound", 100.0, "certificate"), ("latency_limit_s", -1, "latency_limit_s")):
            prediction = copy.deepcopy(made["prediction"])
            (prediction["certificate"] if key == "bound" else prediction)[key] = value
            with open(self.path("damaged.json"), "w", encoding="utf-8") as file:
                json.dump(dict(made, prediction=prediction), file)
            self.refuse("plan", model, "--devices", DEVICES, "--plan", self.path("damaged.json"),
                        names=["damaged.json", said])


if __name__ == "__main__":
    arguments = [word for word in sys.argv[1:] if word != "--write"]
    DAVIT, MODELS, GOLDEN = arguments[:3]
    unittest.main(argv=[sys.argv[0], *arguments[3:]])
