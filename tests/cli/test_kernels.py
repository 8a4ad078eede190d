"""Kernels that are chosen by measurement: measured, shown, used, not used, cleared; and products in bfloat16.

usage: test_kernels.py DAVIT
"""
import glob
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DAVIT = None


def save_model(path):
    """A pointwise convolution, whose kernels are oneDNN's and an own one, and the same in 8 bits."""
    rng = np.random.default_rng(1)
    constants = {
        "w": rng.normal(0, 0.1, (64, 64, 1, 1)).astype(np.float32),
        "scale": np.float32(0.02), "zero": np.uint8(128), "w_scale": np.float32(0.01),
        "w_zero": np.int8(0), "qw": rng.integers(-127, 128, (64, 64, 1, 1)).astype(np.int8)}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["y"], "floats"),
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"], "quantize"),
        helper.make_node("QLinearConv", ["q", "scale", "zero", "qw", "w_scale", "w_zero", "scale",
                                         "zero"], ["z"], "bytes")]
    shape = [1, 64, 20, 20]
    graph = helper.make_graph(
        nodes, "two", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape),
         helper.make_tensor_value_info("z", TensorProto.UINT8, shape)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def save_attention(path):
    """An attention, which is computed in one step, and a softmax like that in it."""
    shapes = {name: [1, 4, 64, 64] for name in "qkvxyz"}
    nodes = [helper.make_node("MatMul", ["q", "k"], ["scores"], "scores"),
             helper.make_node("Softmax", ["scores"], ["weights"], "inside", axis=-1),
             helper.make_node("MatMul", ["weights", "v"], ["y"], "result"),
             helper.make_node("Softmax", ["x"], ["z"], "outside", axis=-1)]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
              for name, shape in shapes.items()]
    graph = helper.make_graph(nodes, "attention", values[:4], values[4:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              path)


class Kernels(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.environment = dict(os.environ, XDG_CACHE_HOME=self.folder, OMP_WAIT_POLICY="passive")
        self.model = os.path.join(self.folder, "model.onnx")
        save_model(self.model)

    def run_davit(self, *words):
        done = subprocess.run([DAVIT, *words], capture_output=True, text=True, timeout=100,
                              check=False, env=self.environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def calibrate(self):
        done = self.run_davit("calibrate", "-d", "cpu", "--only-models", "--seconds", "20",
                              "--json", self.model)
        return json.loads(done.stdout)["devices"][0]

    def store(self):
        """The path of the file with kernels, and what it has."""
        for path in glob.glob(os.path.join(self.folder, "davit", "times-v1-*.json")):
            with open(path, encoding="ascii") as file:
                text = json.load(file)
            if text["device"].endswith("| kernels"):
                return path, text
        return None, None

    def choose(self, names):
        """Writes choices by kind of unit into the store."""
        path, text = self.store()
        for entry in text["entries"].values():
            entry["kernel"]["name"] = names[entry["work"]["dtype"]]
            entry["kernel"]["chosen"] = True
        with open(path, "w", encoding="ascii") as file:
            json.dump(text, file)

    def units(self, *words):
        """Implementation and reason of each unit, the outputs, stderr."""
        outputs = tempfile.mkdtemp(dir=self.folder)
        done = self.run_davit("run", self.model, "-d", "cpu", "--json", "-v", "--output", outputs,
                              *words)
        units = {unit["name"]: (unit["implementation"], unit["implementation_reason"])
                 for unit in json.loads(done.stdout)["units"]}
        return units, [np.load(os.path.join(outputs, name)) for name in ("y.npy", "z.npy")], \
            done.stderr

    def test_chooses_shows_uses_and_clears(self):
        by_rule, (floats, integers), _ = self.units()
        self.assertEqual(by_rule["floats"][1], "by rule")
        device = self.calibrate()
        self.assertGreaterEqual(device["kernels_compared"], 2)
        entries = [entry for shown in json.loads(self.run_davit(
            "calibrate", "--show", "--json").stdout)["devices"] for entry in shown["entries"]
            if "kernel" in entry]
        self.assertEqual(len(entries), device["kernels_compared"])
        self.assertEqual(sum(entry["kernel"]["chosen"] for entry in entries),
                         device["kernels_chosen"])
        self.assertIn("by rule", self.run_davit("calibrate", "--show").stdout)

        seen = set()
        for f32, u8 in (("onednn", "onednn"), ("dense", "dot"), ("dense/1", "onednn/1")):
            self.choose({"f32": f32, "u8": u8})
            units, outputs, errors = self.units()
            seen.add((units["floats"][0], units["bytes"][0]))
            self.assertIn("by measurement", units["floats"][1])
            self.assertIn("unit 'floats': " + ", ".join(units["floats"]), errors)
            np.testing.assert_allclose(outputs[0], floats, rtol=1e-3, atol=1e-5)
            np.testing.assert_array_equal(outputs[1], integers)
            again, same, _ = self.units()
            self.assertEqual(again, units)
            np.testing.assert_array_equal(same[0], outputs[0])
            units, outputs, _ = self.units("--reproducible")
            self.assertEqual(units["floats"][0], by_rule["floats"][0])
            self.assertIn("reproducible", units["floats"][1])
            np.testing.assert_array_equal(outputs[0], floats)
        self.assertGreaterEqual(len(seen), 2)

        self.run_davit("calibrate", "--clear")
        self.assertEqual(self.units()[0], by_rule)

    def test_units_of_a_group_have_no_kernel_of_their_own(self):
        save_attention(self.model)
        self.calibrate()
        if self.store()[0] is None:
            self.skipTest("on one thread there is nothing to choose between")
        self.choose({"f32": "/1"})
        units, _, errors = self.units()
        self.assertIn("by measurement", units["outside"][1])
        if not units["inside"][0].startswith("own_attention"):
            self.skipTest("this processor has no loops for attention")
        for name in ("scores", "inside", "result"):
            self.assertEqual(units[name][1], "together with other units")
            self.assertIn(f"unit '{name}': {units[name][0]}, together with other units", errors)

    def test_says_what_it_cannot_use(self):
        by_rule, _, _ = self.units()
        self.calibrate()
        self.choose({"f32": "none", "u8": "none"})
        units, _, errors = self.units()
        self.assertEqual(units, by_rule)
        self.assertEqual(errors.count("warning"), 1, errors)
        self.assertIn("'none'", errors)
        path, _ = self.store()
        with open(path, "w", encoding="ascii") as file:
            file.write("{")
        units, _, errors = self.units()
        self.assertEqual(units, by_rule)
        self.assertEqual(errors.count("is damaged"), 1, errors)

    def test_computes_in_bf16_or_says_why_not(self):
        done = subprocess.run([DAVIT, "run", self.model, "-d", "cpu", "--json", "--verify",
                               "--precision", "bf16"], capture_output=True, text=True, timeout=100,
                              check=False, env=self.environment)
        if done.returncode != 0:
            self.assertIn("precision bf16: none of the devices computes in it (cpu)", done.stderr)
            return
        results = {output["name"]: output["verify"] for output in json.loads(done.stdout)["outputs"]}
        self.assertEqual(results["z"]["greatest_difference"], 0)
        self.assertGreater(results["y"]["relative_l2"], 1e-4)
        self.assertLess(results["y"]["relative_l2"], 1e-2)
        has_bf16 = "bf16" in pathlib.Path("/proc/cpuinfo").read_text("ascii")
        self.assertEqual("emulates" in done.stderr, not has_bf16, done.stderr)


if __name__ == "__main__":
    DAVIT = sys.argv.pop(1)
    unittest.main()
