"""davit quantize: what it reads, writes, prints and refuses.

usage: test_quantize.py DAVIT (run by the Python of build/peers, which has onnx and onnxruntime)
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

DAVIT = None
SHAPE = ["N", 3, 16, 16]


def network():
    random = np.random.default_rng(1)
    weights = [
        numpy_helper.from_array(random.standard_normal((8, 3, 3, 3)).astype(np.float32), "w1"),
        numpy_helper.from_array(random.standard_normal((5, 8)).astype(np.float32), "w2"),
        numpy_helper.from_array(random.standard_normal(5).astype(np.float32), "b2"),
    ]
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("HardSwish", ["c"], ["h"], name="swish"),
        helper.make_node("GlobalAveragePool", ["h"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["f"], name="flat"),
        helper.make_node("Gemm", ["f", "w2", "b2"], ["g"], name="gemm", transB=1),
        helper.make_node("Softmax", ["g"], ["y"], name="softmax"),
    ]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 5])], initializer=weights)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    proto.metadata_props.add(key="author", value="somebody")
    return proto


class Quantize(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.model = self.path("model.onnx")
        self.output = self.path("model.int8.onnx")
        self.samples = self.path("samples.npy")
        onnx.save(network(), self.model)
        random = np.random.default_rng(2)
        self.array = random.standard_normal((6, 3, 16, 16)).astype(np.float32)
        np.save(self.samples, self.array)

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_davit(self, *words):
        return subprocess.run([DAVIT, "quantize", self.model, *words], capture_output=True,
                              text=True, timeout=60, check=False)

    def quantize(self, *words, calibration=None):
        done = self.run_davit("-c", calibration or self.samples, "-o", self.output, *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        onnx.checker.check_model(self.output, full_check=True)
        return done

    def refuse(self, *words, names, code=1):
        """One line of error after whatever progress there was, and no file."""
        done = self.run_davit(*words, "-o", self.output)
        self.assertEqual(done.returncode, code, done.stderr)
        lines = [line for line in done.stderr.splitlines() if "samples" not in line or
                 line.startswith("davit: error")]
        self.assertEqual(len(lines), 1, done.stderr)
        for name in names:
            self.assertIn(name, lines[0])
        self.assertEqual([f for f in os.listdir(self.folder) if ".int8" in f], [])

    def outputs(self, path):
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
        return session.run(None, {"x": self.array})[0]

    def test_onnxruntime_runs_the_file(self):
        for words in ([], ["--per-tensor"], ["--weights", "u8"], ["--activations", "s8"],
                      ["--equalize"], ["--no-bias-correction"], ["-m", "entropy"], ["-m", "minmax"], ["-m", "mse"],
                      ["-m", "percentile", "--percentile", "99.9"]):
            with self.subTest(words=words):
                self.quantize(*words)
                want = self.outputs(self.model)
                error = np.linalg.norm(self.outputs(self.output) - want) / np.linalg.norm(want)
                self.assertLess(error, 0.06)

    def test_davit_runs_the_file(self):
        self.quantize()
        one = self.path("one.npy")
        np.save(one, self.array[:1])
        done = subprocess.run([DAVIT, "run", self.output, "-i", "x=" + one, "-o",
                               self.path("out")], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        got = np.load(self.path("out/y.npy"))
        # One step of the softmax's result, which has 256.
        self.assertLessEqual(np.abs(got - self.outputs(self.output)[:1]).max(), 1.01 / 255)

    def test_the_rest_of_the_file_stays(self):
        self.quantize()
        proto = onnx.load(self.output)
        self.assertEqual(proto.metadata_props[0].value, "somebody")
        self.assertEqual(proto.opset_import[0].version, 17)
        self.assertEqual(proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param, "N")
        self.assertEqual({n.name for n in network().graph.node} -
                         {n.name for n in proto.graph.node}, set())

    def test_json(self):
        report = json.loads(self.quantize("--json", "--keep", "softmax").stdout)
        self.assertEqual(report["schema_version"], 1)
        self.assertEqual(report["quantized"], 5)
        self.assertEqual(report["bytes"], os.path.getsize(self.output))
        snr = [layer["snr_db"] for layer in report["layers"]]
        self.assertEqual(snr, sorted(snr))
        kept = [layer for layer in report["layers"] if not layer["quantized"]]
        self.assertEqual([layer["name"] for layer in kept], ["softmax"])
        self.assertEqual(report["outputs"][0]["value"], "y")

    def test_the_table_and_the_progress(self):
        done = self.quantize()
        self.assertIn("6 of 6 operators in 8 bits", done.stdout)
        self.assertIn("davit: calibrating: 6 of 6 samples", done.stderr)
        self.assertIn("davit: comparing: 6 of 6 samples", done.stderr)

    def test_folders(self):
        images = self.path("images")
        os.mkdir(images)
        for i in range(3):
            pixels = np.random.default_rng(i).integers(0, 256, (20, 24, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(os.path.join(images, "%d.png" % i))
        with open(os.path.join(images, "notes.txt"), "w", encoding="utf-8") as file:
            file.write("not an image")
        self.quantize("--preprocess", "0.5,0.5,rgb", calibration=images)
        arrays = self.path("arrays")
        os.mkdir(arrays)
        for i in range(3):
            np.save(os.path.join(arrays, "%d.npy" % i), self.array[i:i + 1])
        self.quantize(calibration=arrays)

    def test_bad_calibration(self):
        empty = self.path("empty")
        os.mkdir(empty)
        self.refuse("-c", empty, names=["empty", "no .png"])
        self.refuse("-c", self.path("none"), names=["none"])
        self.refuse("-c", self.model, names=["model.onnx", "a folder or a .npy file"])
        np.save(self.path("wide.npy"), np.zeros((4, 3, 16, 17), np.float32))
        self.refuse("-c", self.path("wide.npy"), names=["sample 0", "1x3x16x17", "?x3x16x16"])
        np.save(self.path("double.npy"), np.zeros((4, 3, 16, 16)))
        self.refuse("-c", self.path("double.npy"), names=["sample 0", "f32", "f64"])
        np.save(self.path("nothing.npy"), np.zeros((0, 3, 16, 16), np.float32))
        self.refuse("-c", self.path("nothing.npy"), names=["nothing.npy", "no samples"])
        bad = self.path("bad")
        os.mkdir(bad)
        with open(os.path.join(bad, "a.png"), "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\nrubbish")
        self.refuse("-c", bad, names=["a.png"])
        self.array[3, 0, 0, 0] = np.nan
        np.save(self.samples, self.array)
        self.refuse("-c", self.samples, names=["sample 3", "'x'", "not finite"])

    def test_bad_options(self):
        ok = ["-c", self.samples]
        self.refuse(*ok, "--keep", "nobody", names=["--keep nobody"])
        self.refuse(*ok, "--keep-type", "Nothing", names=["--keep-type Nothing"])
        for words in (["-m", "best"], ["--weights", "s4"], ["--activations", "f16"],
                      ["--percentile", "30"]):
            self.refuse(*ok, *words, names=words, code=2)
        self.refuse(names=["--calibration"], code=2)

    def test_output_that_cannot_be_written(self):
        done = self.run_davit("-c", self.samples, "-o", self.path("no/such/folder.onnx"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("no/such/folder.onnx", done.stderr.splitlines()[-1])


if __name__ == "__main__":
    DAVIT = sys.argv.pop(1)
    unittest.main()
