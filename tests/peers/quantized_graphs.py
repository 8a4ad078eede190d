#!/usr/bin/env python3
"""Runs random QDQ graphs of several operators with Davit and onnxruntime.

    quantized_graphs.py --davit PROGRAM [--count N] [--first SEED]

Whole graphs cannot be compared with a limit: a step of difference, which rounding decides, grows to
any size in the operators after it (a division, a narrow type, a steep function). So each quantised
value is judged from the bytes before it (qdq.py): every byte must be the rounding of what
onnxruntime computes in f32 from the same bytes. Besides, the graph as it is written must give the
same outputs as with all values looked at. Needs tests/peers/requirements.txt. Exit status: 0 all
agree, 1 not, 2 usage.
"""
import argparse
import os
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from compare import CaseError, run_davit
from qdq import Qdq

SHAPE = (1, 4, 6, 6)
MOST_ELEMENTS = 4000  # of a value that is enlarged
OPSET, IR_VERSION = 18, 8


class Graph:
    """A graph in the making; values are (name, shape)."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.constants = [], []
        self.values = [self.quantised("x", SHAPE)]
        if self.chance(0.3):
            self.values.append(("x", SHAPE))

    def chance(self, probability):
        return self.random.random() < probability

    def one_of(self, choices):
        return choices[self.random.integers(len(choices))]

    def name(self):
        return "v%d" % (len(self.nodes) + len(self.constants))

    def constant(self, contents):
        name = self.name()
        self.constants.append(numpy_helper.from_array(np.asarray(contents), name))
        return name

    def node(self, operator, inputs, **attributes):
        name = self.name()
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def quantised(self, value, shape):
        dtype = self.one_of([np.uint8, np.int8])
        parameters = [self.constant(np.float32(self.one_of([0.02, 0.05, 0.013, 1e-3]))),
                      self.constant(dtype(self.one_of([0, 3, 100, 127])))]
        return self.node("DequantizeLinear", [self.node("QuantizeLinear", [value, *parameters]), *parameters]), shape

    def weights(self, shape, axis):
        dtype = self.one_of([np.uint8, np.int8])
        middle = 128 if dtype is np.uint8 else 0
        count = self.one_of([None, shape[axis]])
        contents = (middle + self.random.integers(-100, 101, shape)).astype(dtype)
        scale = np.full(count, 0.01, np.float32) if count else np.float32(0.01)
        zero = np.full(count, middle, dtype) if count else dtype(middle + self.one_of([0, 0, 5]))
        return self.node("DequantizeLinear", [self.constant(contents), self.constant(scale), self.constant(zero)],
                         axis=axis)

    def like(self, shape):
        """A value of that shape."""
        return self.one_of([name for name, other in self.values if other == shape])


# ---- operators: from a value to the name and shape of the result, or None where they do not fit ----

def convolution(g, name, shape):
    if len(shape) != 4:
        return None
    group = 2 if shape[1] % 2 == 0 and g.chance(0.3) else 1
    across = g.chance(0.4)
    w = g.weights([shape[1], 4 // group, 3, 3] if across else [4, shape[1] // group, 3, 3], 1 if across else 0)
    bias = [g.constant(g.random.standard_normal(4).astype(np.float32))] if g.chance(0.6) else []
    out = (shape[0], 4, *shape[2:])
    y = g.node("ConvTranspose" if across else "Conv", [name, w, *bias], pads=[1, 1, 1, 1], group=group)
    if g.chance(0.3):
        y = g.node(g.one_of(["Relu", "LeakyRelu"]), [y])
    if g.chance(0.3) and any(other == out for _, other in g.values):
        y = g.node("Add", [y, g.like(out)])
    return y, out


def product(g, name, shape):
    if len(shape) < 2:
        return None
    others = [v for v in g.values if len(v[1]) == len(shape) and v[1][:-2] == shape[:-2] and v[1][-2] == shape[-1]]
    if others and g.chance(0.5):
        other, dims = g.one_of(others)
        return g.node("MatMul", [name, other]), (*shape[:-1], dims[-1])
    y = g.node("MatMul", [name, g.weights([shape[-1], 5], 1)])
    if g.chance(0.5):
        y = g.node("Add", [y, g.constant(g.random.standard_normal(5).astype(np.float32))])
    return y, (*shape[:-1], 5)


def pair(g, name, shape):
    other = g.constant(np.float32(2.5)) if g.chance(0.3) else g.like(shape)
    return g.node(g.one_of(["Add", "Mul", "Sub", "Div"]), [name, other]), shape


def function(g, name, shape):
    kind = g.one_of(["Relu", "Sigmoid", "LeakyRelu", "HardSwish", "Clip", "Softmax"])
    if kind == "Clip":
        return g.node(kind, [name, g.constant(np.float32(-0.5)), g.constant(np.float32(g.one_of([1, -2])))]), shape
    return g.node(kind, [name], **({"axis": g.one_of([-1, 1])} if kind == "Softmax" else {})), shape


def join(g, name, shape):
    return g.node("Concat", [name, g.like(shape)], axis=1), (shape[0], 2 * shape[1], *shape[2:])


def pooling(g, name, shape):
    if len(shape) != 4 or min(shape[2:]) < 3:
        return None
    kind = g.one_of(["MaxPool", "AveragePool", "GlobalAveragePool"])
    if kind == "GlobalAveragePool":
        return g.node(kind, [name]), (*shape[:2], 1, 1)
    extra = {"count_include_pad": int(g.chance(0.5))} if kind == "AveragePool" else {}
    return g.node(kind, [name], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1], **extra), shape


def movement(g, name, shape):
    kind = g.one_of(["Reshape", "Transpose", "Split", "Pad"])
    if kind == "Reshape":
        out = (shape[0], int(np.prod(shape[1:])))
        return g.node(kind, [name, g.constant(np.array(out, np.int64))]), out
    if kind == "Transpose":
        order = [int(i) for i in g.random.permutation(len(shape))]
        return g.node(kind, [name], perm=order), tuple(shape[i] for i in order)
    if kind == "Pad":
        amounts = np.array([0] * (2 * len(shape) - 1) + [1], np.int64)
        return (g.node(kind, [name, g.constant(amounts), g.constant(np.float32(g.one_of([0, 0.777])))]),
                (*shape[:-1], shape[-1] + 1))
    if shape[1] % 2:
        return None
    out = (shape[0], shape[1] // 2, *shape[2:])
    first = g.node(kind, [name], axis=1, num_outputs=2)
    g.nodes[-1].output.append(first + "b")
    g.values.append((first + "b", out))
    return first, out


def resizing(g, name, shape):
    if len(shape) != 4 or np.prod(shape) >= MOST_ELEMENTS:
        return None
    scales = g.constant(np.array([1, 1, 2, 2], np.float32))
    mode = g.one_of(["nearest", "linear", "cubic"])
    return g.node("Resize", [name, "", scales], mode=mode), (*shape[:2], 2 * shape[2], 2 * shape[3])


OPERATORS = [convolution, convolution, convolution, product, pair, pair, function, function, join, pooling, movement,
             movement, resizing]


def graph_of(seed):
    """A model and its inputs. Some of its values are not quantised; what nobody reads is an output, and
    sometimes a value that is read: no node is dead, as what is integer may depend on who reads what."""
    g = Graph(seed)
    for _ in range(int(g.random.integers(1, 10))):
        made = g.one_of(OPERATORS)(g, *g.one_of(g.values))
        if made is not None:
            g.values.append(made if g.chance(0.25) else g.quantised(*made))
    read = {name for node in g.nodes for name in node.input}
    outputs = {name for node in g.nodes for name in node.output} - read
    if g.chance(0.4):
        outputs.add(g.one_of(g.values)[0])
    outputs.discard("x")
    graph = helper.make_graph(
        g.nodes, "graph", [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_empty_tensor_value_info(name) for name in sorted(outputs)], g.constants)
    model = helper.make_model(graph, ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET)])
    return model, {"x": g.random.uniform(-1, 1, SHAPE).astype(np.float32)}


def run_case(seed, folder, options):
    """How many bytes there are, differ from onnxruntime's, and what is wrong."""
    model, inputs = graph_of(seed)
    qdq = Qdq(model)
    known = qdq.run_davit(inputs, folder, options)
    values = list(qdq.judge_all(known))
    faults = ["%d of %d elements of %s (%s)" % (v.wrong, v.elements, v.name, v.operators) for v in values if v.wrong]
    path = os.path.join(folder, "model.onnx")
    onnx.save(model, path)
    _, load = run_davit(path, inputs, folder, options)
    for name in qdq.outputs:  # f32 operators may be joined in other ways
        if not np.allclose(load(name), known[name], rtol=1e-4, atol=1e-6, equal_nan=True):
            faults.append("%s depends on what else is an output" % name)
    return sum(v.elements for v in values), sum(v.differing for v in values), faults


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--davit", required=True, metavar="PROGRAM")
    parser.add_argument("--davit-option", action="append", default=[], metavar="OPTION")
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    parser.add_argument("--count", type=int, default=60, metavar="N")
    options = parser.parse_args(arguments)
    onnxruntime.set_default_logger_severity(4)
    failed, total, differing = 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.first, options.first + options.count):
            try:
                size, different, faults = run_case(seed, folder, options)
            except CaseError as error:
                size, different, faults = 0, 0, [str(error)]
            total, differing, failed = total + size, differing + different, failed + bool(faults)
            for fault in faults:
                print("seed %d: %s" % (seed, fault), flush=True)
    print("%d of %d graphs agree; %d of %d values are not onnxruntime's byte, but a rounding of its f32 value"
          % (options.count - failed, options.count, differing, total))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
