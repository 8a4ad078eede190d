#!/usr/bin/env python3
"""What davit-models writes: valid, the same bytes everywhere, and numerically alive.

    test_generated.py DAVIT_MODELS [unittest options]

Each network must pass onnx's checker with shape inference and run in onnxruntime with finite
outputs that differ between inputs. Needs the peers of tests/peers/requirements.txt.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import onnx
import onnxruntime

DAVIT_MODELS = ""
# davit-models resnet20 and bert-tiny, default options: promised to be the same on every machine.
KNOWN_SHA256 = {
    "resnet20": "4fbc315a5b8b1d3e15366422fe7180a0706c1f64ec077127e55098c32b5f0846",
    "bert-tiny": "a95395530cd1d4778d4d8745d17ebdbc17f192a4577feb948b6d39dccfb7a581",
}


def run(path, inputs):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def image(*shape, seed=0):
    return {"input": np.random.default_rng(seed).standard_normal(shape).astype(np.float32)}


def sentence(batch, length, vocabulary=1000, seed=0):
    mask = np.ones((batch, length), np.int64)
    mask[0, length // 2:] = 0
    ids = np.random.default_rng(seed).integers(0, vocabulary, (batch, length))
    return {"input_ids": ids, "attention_mask": mask}


class GeneratedTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def generate(self, network, *options, name="model.onnx"):
        path = os.path.join(self.folder.name, name)
        subprocess.run([DAVIT_MODELS, network, "-o", path, *options], check=True)
        return path

    def assert_alive(self, path, *many_inputs):
        """Valid, finite, of unit scale within reason, and dependent on the input."""
        onnx.checker.check_model(path, full_check=True)
        for inputs in many_inputs:
            for output in run(path, inputs):
                self.assertTrue(np.isfinite(output).all())
                self.assertGreater(output.std(), 0.05)
                self.assertLess(np.abs(output).max(), 100)

    def assert_same(self, a, b, inputs):
        for left, right in zip(run(a, inputs), run(b, inputs)):
            self.assertLess(np.linalg.norm(left - right) / np.linalg.norm(right), 1e-5)

    def test_known_bytes(self):
        for network, expected in KNOWN_SHA256.items():
            with open(self.generate(network), "rb") as file:
                self.assertEqual(hashlib.sha256(file.read()).hexdigest(), expected, network)

    def test_image_networks(self):
        for network, small, large in (("resnet20", 32, 48), ("mobilenetv2", 96, 128),
                                      ("resnet50", 64, 96)):
            with self.subTest(network=network):
                path = self.generate(network, "--size", "0")
                self.assert_alive(path, image(1, 3, small, small), image(2, 3, large, small))
                one, other = (run(path, image(1, 3, small, small, seed=s))[0] for s in (1, 2))
                self.assertGreater(np.abs(one - other).max(), 1e-2)

    def test_vgg16(self):
        path = self.generate("vgg16", "--size", "32", "--classes", "10")
        self.assert_alive(path, image(2, 3, 32, 32))

    def test_bert(self):
        path = self.generate("bert-tiny")
        self.assert_alive(path, sentence(2, 16), sentence(1, 100))
        one, other = (run(path, sentence(1, 16, seed=s))[1] for s in (1, 2))
        self.assertGreater(np.abs(one - other).max(), 1e-2)

    def test_masked_words_do_not_count(self):
        path = self.generate("bert-tiny")
        inputs = sentence(1, 8)
        before = run(path, inputs)[1]
        inputs["input_ids"][0, -1] += 1
        np.testing.assert_array_equal(before, run(path, inputs)[1])

    def test_all_opsets(self):
        for opset in range(13, 22):
            for network, inputs in (("resnet20", image(1, 3, 32, 32)), ("bert-tiny", sentence(1, 8)),
                                    ("mobilenetv2", image(1, 3, 224, 224))):
                with self.subTest(network=network, opset=opset):
                    path = self.generate(network, "--opset", str(opset))
                    self.assertEqual(onnx.load(path).opset_import[0].version, opset)
                    self.assert_alive(path, inputs)

    def test_fold_computes_the_same(self):
        for network, inputs in (("resnet20", image(1, 3, 32, 32)),
                                ("mobilenetv2", image(1, 3, 224, 224))):
            plain = self.generate(network)
            folded = self.generate(network, "--fold", name="folded.onnx")
            kinds = {node.op_type for node in onnx.load(folded).graph.node}
            self.assertNotIn("BatchNormalization", kinds)
            self.assert_same(folded, plain, inputs)

    def test_decomposed_computes_the_same(self):
        plain = self.generate("bert-tiny")
        written_out = self.generate("bert-tiny", "--decomposed", name="decomposed.onnx")
        kinds = {node.op_type for node in onnx.load(written_out).graph.node}
        self.assertNotIn("LayerNormalization", kinds)
        self.assert_same(written_out, plain, sentence(2, 16))

    def test_external_data_is_the_same(self):
        plain = self.generate("resnet20")
        outside = self.generate("resnet20", "--external", name="outside.onnx")
        self.assertTrue(os.path.exists(outside + ".data"))
        self.assertLess(os.path.getsize(outside), os.path.getsize(plain) // 4)
        onnx.checker.check_model(outside, full_check=True)
        for left, right in zip(onnx.load(plain).graph.initializer,
                               onnx.load(outside).graph.initializer):
            np.testing.assert_array_equal(onnx.numpy_helper.to_array(left),
                                          onnx.numpy_helper.to_array(right))

    def test_seed_and_batch(self):
        one = onnx.load(self.generate("resnet20", "--batch", "4"))
        other = onnx.load(self.generate("resnet20", "--seed", "2"))
        self.assertEqual(one.graph.input[0].type.tensor_type.shape.dim[0].dim_value, 4)
        self.assertEqual(other.graph.input[0].type.tensor_type.shape.dim[0].dim_param, "N")
        self.assertNotEqual(one.graph.initializer[0].raw_data, other.graph.initializer[0].raw_data)

    def test_errors(self):
        def fails(status, *arguments):
            done = subprocess.run([DAVIT_MODELS, *arguments], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.returncode, status, arguments)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertEqual(done.stdout, "")

        path = os.path.join(self.folder.name, "x.onnx")
        fails(2)
        fails(2, "zeppelin", "-o", path)
        fails(2, "resnet20")
        fails(2, "resnet20", "-o", path, "--zeppelin")
        fails(2, "resnet20", "-o", path, "more")
        fails(2, "resnet20", "-o", path, "--opset", "12")
        fails(2, "resnet20", "-o", path, "--seed", "x")
        fails(2, "bert-tiny", "-o", path, "--hidden", "100", "--heads", "3")
        fails(2, "vgg16", "-o", path, "--size", "0")
        fails(1, "resnet20", "-o", os.path.join(self.folder.name, "no", "x.onnx"))
        fails(1, "resnet20", "-o", os.path.join(self.folder.name, "no", "x.onnx"), "--external")
        taken = os.path.join(self.folder.name, "taken")
        os.mkdir(taken)
        fails(1, "resnet20", "-o", taken)
        fails(1, "resnet20", "-o", taken, "--external")
        self.assertEqual(os.listdir(self.folder.name), ["taken"])


if __name__ == "__main__":
    DAVIT_MODELS = os.path.abspath(sys.argv.pop(1))
    unittest.main()
