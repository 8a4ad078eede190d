#!/usr/bin/env python3
"""Runs random operators between QuantizeLinear and DequantizeLinear with Davit and onnxruntime.

Each must be an integer unit. onnxruntime runs the model as it is written, in f32 between the bytes;
each byte of Davit's must be a rounding of its value, as qdq.py says.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from qdq import Qdq

IR_VERSION, OPSET = 9, 18
FUNCTIONS = ["Relu", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "LeakyRelu", "Elu", "Exp", "Erf", "Softplus",
             "Neg", "Abs"]


class Network:
    """A model in the making."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.constants, self.inputs, self.fed = [], [], [], {}

    def name(self):
        return "v%d" % (len(self.nodes) + len(self.constants) + len(self.inputs))

    def constant(self, contents):
        name = self.name()
        self.constants.append(numpy_helper.from_array(np.asarray(contents), name))
        return name

    def node(self, operator, inputs, **attributes):
        name = self.name()
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def one_of(self, *choices):
        return choices[self.random.integers(len(choices))]

    def type_for(self, low, high):
        """(numpy type, scale, zero point) that holds most of a range."""
        dtype = self.one_of(np.uint8, np.int8)
        scale = np.float32((high - low) / self.random.uniform(200, 280))
        least = np.iinfo(dtype).min
        zero = int(np.clip(round(least - low / scale), least, np.iinfo(dtype).max))
        return dtype, scale, zero

    def quantised(self, value, low, high):
        """value behind QuantizeLinear and DequantizeLinear."""
        dtype, scale, zero = self.type_for(low, high)
        parameters = [self.constant(scale), self.constant(dtype(zero))]
        return self.node("DequantizeLinear", [self.node("QuantizeLinear", [value] + parameters)] + parameters)

    def operand(self, shape):
        name = "x%d" % len(self.inputs)
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        self.fed[name] = self.random.uniform(-1, 1, shape).astype(np.float32)
        return self.quantised(name, *self.one_of((-1, 1), (-0.7, 1), (-1.5, 0.5)))

    def weights(self, shape, axis):
        """Constant bytes behind a DequantizeLinear, for one scale or for those of an axis."""
        dtype = self.one_of(np.uint8, np.int8)
        count = self.one_of(None, shape[axis])
        limits = np.iinfo(dtype)
        zero = self.random.integers(*self.one_of((-2, 3), (0, 1)), count) + (128 if dtype is np.uint8 else 0)
        bytes_ = self.random.integers(limits.min, limits.max + 1, shape).astype(dtype)
        scale = self.random.uniform(0.002, 0.01, count)
        return self.node("DequantizeLinear", [self.constant(bytes_), self.constant(np.float32(scale)),
                                              self.constant(np.asarray(zero).astype(dtype))], axis=axis)


# ---- operators: each returns the name of a value ----

def convolution(net):
    transposed = net.random.random() < 0.3
    group = net.one_of(1, 1, 2, 4)
    inputs, outputs = (group * int(net.random.integers(1, 5)) for _ in range(2))
    kernel = [int(net.random.integers(1, 4)) for _ in range(2)]
    attributes = {"group": group, "strides": [net.one_of(1, 2), 1], "dilations": [1, net.one_of(1, 2)],
                  "pads": [int(p) for p in net.random.integers(0, 2, 4)]}
    x = net.operand([net.one_of(1, 2), inputs, 9, 8])
    shape = [inputs, outputs // group] if transposed else [outputs, inputs // group]
    operands = [x, net.weights(shape + kernel, 1 if transposed else 0)]
    if net.random.random() < 0.6:
        operands.append(net.constant(net.random.uniform(-0.5, 0.5, outputs).astype(np.float32)))
    return net.node("ConvTranspose" if transposed else "Conv", operands, **attributes)


def matrix_product(net):
    depth, columns = (int(net.random.integers(1, 40)) for _ in range(2))
    form = net.one_of("Gemm", "MatMul", "Add", "product")
    if form == "product":
        return net.node("MatMul", [net.operand([2, 5, depth]), net.operand([2, depth, columns])])
    bias = net.constant(net.random.uniform(-1, 1, columns).astype(np.float32))
    if form == "Gemm":
        across = net.one_of(0, 1)
        w = net.weights([columns, depth] if across else [depth, columns], 0 if across else 1)
        return net.node("Gemm", [net.operand([5, depth]), w, bias], transB=across)
    x = net.operand(net.one_of([5, depth], [2, 3, depth]))
    product = net.node("MatMul", [x, net.weights([depth, columns], 1)])
    return net.node("Add", [product, bias]) if form == "Add" else product


def sum_or_product(net):
    shape = net.one_of([2, 4, 5, 6], [4, 1, 1], [6], [1, 4, 5, 1])
    return net.node(net.one_of("Add", "Mul"), [net.operand([2, 4, 5, 6]), net.operand(shape)])


def pooling(net):
    x = net.operand([2, 3, 9, 8])
    form = net.one_of("AveragePool", "MaxPool", "GlobalAveragePool", "ReduceMean")
    if form == "GlobalAveragePool":
        return net.node(form, [x])
    if form == "ReduceMean":
        return net.node(form, [x, net.constant(np.array([3, 2]))], keepdims=net.one_of(0, 1))
    attributes = {"kernel_shape": [3, 2], "strides": [net.one_of(1, 2), 1],
                  "pads": [net.one_of(0, 1), 0, net.one_of(0, 1), 1]}
    if form == "AveragePool":
        attributes["count_include_pad"] = net.one_of(0, 1)
    return net.node(form, [x], **attributes)


def resizing(net):
    # Whole sizes: where they are not, onnxruntime rounds them before it aligns corners, ONNX does not.
    scales = net.constant(np.array([1, 1, net.one_of(2, 1.5, 0.5), net.one_of(1, 3)], np.float32))
    return net.node("Resize", [net.operand([1, 3, 8, 6]), "", scales], mode=net.one_of("linear", "nearest"),
                    coordinate_transformation_mode=net.one_of("half_pixel", "asymmetric", "align_corners"))


def joining(net):
    return net.node("Concat", [net.operand([2, 3, 4]), net.operand([2, 5, 4]), net.operand([2, 1, 4])], axis=1)


def moving(net):
    x = net.node("Transpose", [net.operand([2, 3, 4])], perm=[2, 0, 1])
    x = net.node("Reshape", [x, net.constant(np.array([2, -1]))])
    return net.node("Pad", [x, net.constant(np.array([0, 1, 1, 0])), net.constant(np.float32(0.3))])


def function(net):
    x = net.operand([4, 300])
    if net.random.random() < 0.3:  # several operators, one table
        gate = net.node(net.one_of("Sigmoid", "Tanh"), [net.node("Div", [x, net.constant(np.float32(0.7))])])
        return net.node("Mul", [net.node("Add", [gate, net.constant(np.float32(0.1))]), x])
    return net.node(net.one_of(*FUNCTIONS), [x])


def softmax(net):
    return net.node("Softmax", [net.operand([3, 7, 30])], axis=net.one_of(-1, 1))


OPERATORS = [convolution, convolution, matrix_product, matrix_product, sum_or_product, pooling, resizing, joining,
             moving, function, function, softmax]


# ---- cases ----

def finish(net, value):
    """What follows an operator, the output's type from the range of the values."""
    follows = net.random.random()
    if follows < 0.2:
        value = net.node("Relu", [value])
    elif follows < 0.3:
        value = net.node("Clip", [value, net.constant(np.float32(-0.2)), net.constant(np.float32(0.9))])
    (values,) = run_onnxruntime(net, value)
    return net.quantised(value, min(float(values.min()), 0) - 0.01, max(float(values.max()), 0) + 0.01)


def model_of(net, output):
    graph = helper.make_graph(net.nodes, "case", net.inputs,
                              [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)], net.constants)
    return helper.make_model(graph, ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET)])


def run_onnxruntime(net, output):
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model_of(net, output).SerializeToString(), settings,
                                           providers=["CPUExecutionProvider"])
    return session.run(None, net.fed)


def run_davit(net, output, folder, options):
    """The report and the values."""
    path = os.path.join(folder, "model.onnx")
    onnx.save(model_of(net, output), path)
    command = [options.davit, "run", path, "--json", "--output", folder, *options.davit_option]
    for name, contents in net.fed.items():
        file = os.path.join(folder, "%s.npy" % name)
        np.save(file, contents)
        command += ["--input", "%s=%s" % (name, file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None, done.stderr.strip()
    return json.loads(done.stdout), np.load(os.path.join(folder, output + ".npy"))


def run_case(seed, options):
    """Returns what is wrong, or None, and how many values there are and differ."""
    net = Network(seed)
    operator = OPERATORS[seed % len(OPERATORS)]
    output = finish(net, operator(net))
    with tempfile.TemporaryDirectory() as folder:
        report, ours = run_davit(net, output, folder, options)
    if report is None:
        return ours, 0, 0
    if report["kept_f32"]:
        return str(report["kept_f32"]), 0, 0
    qdq = Qdq(model_of(net, output))
    dequantise = qdq.maker[output]
    name = dequantise.input[0]
    dtype = numpy_helper.to_array(qdq.constants[dequantise.input[2]]).dtype
    known = np.rint(ours.astype(np.float64) / qdq.scale(dequantise)) + qdq.zero(dequantise)
    value = qdq.judge(name, {**net.fed, name: known.astype(dtype)})
    wrong = None
    if value.wrong or value.most > 1:
        wrong = "%d of %d values are wrong, by up to %d steps" % (value.wrong, value.elements, value.most)
    return wrong, value.elements, value.differing


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--davit", required=True, metavar="PROGRAM")
    parser.add_argument("--davit-option", action="append", default=[], metavar="OPTION")
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    parser.add_argument("--count", type=int, default=240, metavar="N")
    options = parser.parse_args(arguments)
    onnxruntime.set_default_logger_severity(3)
    failed, total, differing = 0, 0, 0
    for seed in range(options.first, options.first + options.count):
        wrong, size, different = run_case(seed, options)
        total, differing = total + size, differing + different
        if wrong is not None:
            failed += 1
            print("seed %d (%s): %s" % (seed, OPERATORS[seed % len(OPERATORS)].__name__, wrong))
    print("%d of %d cases agree; %d of %d values are one step apart"
          % (options.count - failed, options.count, differing, total))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
