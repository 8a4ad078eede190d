#!/usr/bin/env python3
"""Compares single operators in random forms with onnxruntime.

    fuzz.py --davit PROGRAM [--count 500] [--seed 1] [--devices LISTS] [--keep FOLDER]

Draws operators with random shapes, attributes, types, constant and computed inputs; writes each
that onnxruntime runs as a case for `davit check`, and checks them on each list of devices. Numbers
are multiples of 1/4, so that what only adds and multiplies is exact. A failure names its case,
OPERATOR_SEED: `fuzz.py --seed SEED --count 1 --keep FOLDER` draws it again. A skipped case is a
failure too: everything drawn is supported. Where onnxruntime departs from ONNX nothing is drawn,
and a comment says why. Exit status: 0 all agree, 1 not, 2 usage.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

F32 = np.float32
LEAST_DRAWN = 0.7  # of the draws, that onnxruntime runs


class Draw:
    """One operator: its inputs, attributes, opset, and the chances they are drawn with."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.opset = 21
        self.outputs = 1
        self.inputs = []  # (array or None, is a constant)
        self.attributes = {}

    def chance(self, probability=0.5):
        return self.r.random() < probability

    def shape(self, rank, low=1, high=6):
        return [self.r.randint(low, high) for _ in range(rank)]

    def values(self, shape, dtype=F32, low=-8, high=8):
        array = self.numbers.integers(low, high + 1, shape)
        return (array / 4 if np.issubdtype(dtype, np.floating) else array).astype(dtype)

    def add(self, array, constant=None):
        """An input; constant None: either."""
        self.inputs.append((array, self.chance() if constant is None else constant))

    def tensor(self, shape, dtype=F32, constant=None, **limits):
        self.add(self.values(shape, dtype, **limits), constant)

    def ints(self, values):
        """A constant, as what shapes depend on is in every network that is run."""
        self.inputs.append((np.array(values, np.int64), True))

    def none(self):
        self.inputs.append((None, True))

    def set(self, **attributes):
        self.attributes.update(attributes)

    def maybe(self, probability=0.5, **attributes):
        if self.chance(probability):
            self.set(**attributes)

    def axis(self, rank):
        return self.r.randint(-rank, rank - 1)

    def axes(self, rank):
        chosen = self.r.sample(range(rank), self.r.randint(1, rank))
        return [axis - rank if self.chance() else axis for axis in chosen]

    def broadcast(self, shape):
        """A shape that broadcasts with this one."""
        first = self.r.randint(0, len(shape))
        return [1 if self.chance(0.3) else extent for extent in shape[first:]]


def window(draw, spatial):
    kernel = draw.shape(spatial, 1, 3)
    draw.set(kernel_shape=kernel)
    draw.maybe(strides=draw.shape(spatial, 1, 3))
    draw.maybe(dilations=draw.shape(spatial, 1, 2))
    # With SAME_* onnxruntime's pools forget dilations, and where a stride is longer than the kernel
    # they crop, and transposed convolutions make less than input * stride.
    gaps = max(np.subtract(draw.attributes.get("strides", kernel), kernel)) > 0
    if draw.chance(0.3) and "dilations" not in draw.attributes:
        draw.set(auto_pad="VALID" if gaps else draw.r.choice(["SAME_UPPER", "SAME_LOWER"]))
    elif draw.chance(0.7):
        draw.set(pads=[draw.r.randint(0, extent - 1) for extent in kernel * 2])
    return kernel


def conv(draw):
    spatial = draw.r.choice([1, 2, 2, 2, 3])
    group = draw.r.choice([1, 1, 2, 3, 8])
    each_in, each_out = draw.r.choice([(1, 1), (1, 2), (3, 2), (4, 4), (8, 8)])
    kernel = window(draw, spatial)
    transposed = draw.chance(0.4)
    draw.tensor([draw.r.randint(1, 3), group * each_in, *draw.shape(spatial, 3, 9)], constant=False)
    if transposed:
        draw.tensor([group * each_in, each_out, *kernel])
        strides = draw.attributes.get("strides", [1] * spatial)
        draw.maybe(0.3, output_padding=[draw.r.randint(0, stride - 1) for stride in strides])
    else:
        draw.tensor([group * each_out, each_in, *kernel])
    draw.set(group=group)
    if draw.chance():
        draw.tensor([group * each_out])
    return "ConvTranspose" if transposed else "Conv"


def pool(draw):
    spatial = draw.r.choice([1, 2, 2, 3])
    kind = draw.r.choice(["MaxPool", "AveragePool", "LpPool", "GlobalAveragePool", "GlobalMaxPool"])
    draw.opset = draw.r.choice([19, 21])
    shape = [*draw.shape(2, 1, 9), *draw.shape(spatial, 5, 9)]
    if not kind.startswith("Global"):
        window(draw, spatial)
        if "auto_pad" not in draw.attributes and draw.chance(0.4):
            draw.set(ceil_mode=1)
            if kind != "LpPool":  # a first window that reaches past the end
                shape[2:] = draw.shape(spatial, 3, 9)
    draw.tensor(shape, constant=False)
    if kind == "AveragePool":
        draw.maybe(count_include_pad=1)
    elif kind == "LpPool":
        draw.set(p=draw.r.randint(1, 3))
    elif draw.chance(0.3):
        draw.outputs = 2
        draw.maybe(0.3, storage_order=1)
    return kind


def resize(draw):
    spatial = draw.r.choice([1, 2, 2, 3])
    mode = draw.r.choice(["nearest", "linear"] + (["cubic"] if spatial == 2 else []))
    shape = [*draw.shape(2, 1, 4), *draw.shape(spatial, 2, 6)]
    draw.tensor(shape, constant=False, low=20, high=36)  # far from 0: the tolerance is relative
    draw.set(mode=mode, coordinate_transformation_mode=draw.r.choice(
        ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]))
    if mode == "nearest":
        draw.set(nearest_mode=draw.r.choice(
            ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]))
    if mode == "cubic":
        draw.maybe(cubic_coeff_a=-0.5)
        draw.maybe(exclude_outside=1)
    draw.none()
    # onnxruntime rounds input * scale down before it aligns corners, ONNX's own cases do not.
    if draw.attributes["coordinate_transformation_mode"] != "align_corners" and draw.chance():
        scales = [draw.r.choice([0.5, 1, 1.5, 2, 2.5]) for _ in range(spatial)]
        draw.add(np.array([1, 1, *scales], F32), True)
    else:
        draw.none()
        draw.ints([*shape[:2], *draw.shape(spatial, 1, 9)])
    return "Resize"


def gemm(draw):
    m, k, n = draw.shape(3, 1, 9)
    for name, dims in (("transA", [m, k]), ("transB", [k, n])):
        turned = draw.chance()
        draw.tensor(dims[::-1] if turned else dims)
        draw.set(**{name: int(turned)})
    if draw.chance(0.7):
        draw.tensor(draw.r.choice([[], [1], [n], [m, 1], [1, n], [m, n], [1, 1]]))
    draw.maybe(alpha=0.5)
    draw.maybe(beta=draw.r.choice([-2.0, 0.0, 0.25]))
    return "Gemm"


def matmul(draw):
    m, k, n = draw.shape(3, 1, 9)
    batch = draw.shape(draw.r.randint(0, 3), 1, 3)
    left, right = [*batch, m, k], [*draw.broadcast(batch), k, n]
    if draw.chance(0.15):
        left = [k]
    elif draw.chance(0.15):
        right = [k]
    if draw.chance(0.3):
        left[:-2] = [1] * len(left[:-2])
    dtype = draw.r.choice([F32, F32, F32, np.float64, np.int32, np.int64])
    draw.tensor(left, dtype)
    draw.tensor(right, dtype)
    return "MatMul"


def reduction(draw):
    kind = draw.r.choice(["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum",
                          "LogSumExp", "ArgMax", "ArgMin"])
    rank = draw.r.randint(1, 5)
    rooted = "Log" in kind or kind == "L2"
    dtype = F32 if rooted else draw.r.choice([F32, F32, np.float64, np.int32])
    low, high = (1, 8) if "Log" in kind else (-1, 1) if kind == "Prod" else (-8, 8)
    draw.tensor(draw.shape(rank), dtype, constant=False, low=low, high=high)
    draw.maybe(keepdims=draw.r.randint(0, 1))
    if kind.startswith("Arg"):
        draw.set(axis=draw.axis(rank))
        draw.maybe(select_last_index=1)
        return kind
    axes = draw.axes(rank) if draw.chance(0.8) else []
    if axes or draw.chance():
        draw.ints(axes)
    if not axes:
        draw.maybe(noop_with_empty_axes=1)
    return "Reduce" + kind


def normalization(draw):
    kind = draw.r.choice(["Softmax", "LogSoftmax", "Hardmax", "LayerNormalization", "LRN",
                          "InstanceNormalization", "BatchNormalization", "LpNormalization"])
    rank = draw.r.randint(3, 5) if kind[0] in "IB" else 4 if kind == "LRN" else draw.r.randint(1, 5)
    shape = draw.shape(rank, 2, 7)
    draw.tensor(shape, constant=False)
    if kind == "LRN":
        draw.set(size=draw.r.choice([1, 3, 5]), alpha=0.5, bias=1.5)
    elif kind == "LayerNormalization":
        axis = draw.axis(rank)
        draw.set(axis=axis, epsilon=0.5)
        draw.tensor(shape[axis:], low=1)
        draw.add(draw.values(shape[axis:]) + F32(100))
    elif kind == "InstanceNormalization":
        draw.tensor([shape[1]], low=1)
        draw.add(draw.values([shape[1]]) + F32(100))
        draw.set(epsilon=0.5)
    elif kind == "BatchNormalization":
        for low in (-8, 300, -8, 1):
            draw.tensor([shape[1]], low=low, high=low + 16)
    else:
        draw.maybe(0.8, axis=draw.axis(rank))
        if kind[0] == "L" and kind[1] == "p":
            draw.maybe(p=draw.r.randint(1, 2))
    if kind in ("Softmax", "LogSoftmax", "Hardmax"):
        draw.opset = draw.r.choice([9, 12, 13, 21])
        if "axis" in draw.attributes and draw.opset < 11:
            draw.set(axis=draw.attributes["axis"] % rank)
        if "axis" not in draw.attributes and rank < 2 and draw.opset < 13:
            draw.set(axis=0)
    return kind


def slices(draw):
    rank = draw.r.randint(1, 5)
    shape = draw.shape(rank)
    axes = draw.axes(rank)
    dtype = draw.r.choice([F32, np.int64, np.uint8, np.float16, np.float64, np.bool_])
    draw.tensor(shape, dtype, constant=False, low=0)
    steps = [draw.r.choice([1, 1, 2, 3, -1, -2]) for _ in axes]
    near = [[draw.r.randint(-8, 8) for _ in axes] for _ in range(2)]
    low, high = -2**63, 2**63 - 1  # backward, onnxruntime takes an end of the second for the first
    draw.ints([draw.r.choice([start, low, high]) for start in near[0]])
    draw.ints([draw.r.choice([end, high if step > 0 else low])
               for end, step in zip(near[1], steps)])
    draw.ints(axes)
    draw.ints(steps)
    return "Slice"


def pad(draw):
    rank = draw.r.randint(1, 4)
    mode = draw.r.choice(["constant", "constant", "reflect", "edge", "wrap"])
    draw.tensor(draw.shape(rank, 3, 6), draw.r.choice([F32, np.int64, np.float64]), constant=False)
    draw.set(mode=mode)
    axes = sorted(draw.r.sample(range(rank), draw.r.randint(1, rank)))
    draw.ints([draw.r.randint(-1 if mode == "constant" else 0, 2) for _ in axes * 2])
    if mode == "constant" and draw.chance():
        draw.add(np.array(3, draw.inputs[0][0].dtype), True)
    else:
        draw.none()
    draw.ints([axis - rank if draw.chance() else axis for axis in axes])
    return "Pad"


def binary(draw):
    kind = draw.r.choice(["Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "Mod", "Equal", "Less",
                          "GreaterOrEqual", "Where", "PRelu", "Sum", "Mean"])
    shape = draw.shape(draw.r.randint(0, 5))
    dtype = draw.r.choice([F32, F32, F32, np.float64, np.int32, np.int64])
    if kind in ("PRelu", "Sum", "Mean"):
        dtype = F32
    if kind == "Where":
        draw.tensor(draw.broadcast(shape), np.bool_, low=0, high=1)
    shapes = [shape, draw.broadcast(shape)]
    if kind != "PRelu" and draw.chance():
        shapes.reverse()
    for i, dims in enumerate(shapes):
        low = 1 if kind in ("Div", "Mod", "Pow") else -8
        draw.tensor(dims, dtype, constant=False if i == 0 else None, low=low)
    if kind == "Mod" and np.issubdtype(dtype, np.floating):
        draw.set(fmod=1)
    if kind in ("Max", "Min", "Sum", "Mean") and draw.chance():
        draw.tensor(draw.broadcast(shape), dtype)
    return kind


UNARY = """Abs Neg Relu Sigmoid Tanh Exp Sqrt Erf Gelu HardSigmoid HardSwish Elu Selu Celu LeakyRelu
    Softplus Softsign Mish Round Floor Ceil Sign Clip Reciprocal ThresholdedRelu Shrink Sin Cos Atan
    Log Not Cast Identity""".split()


def unary(draw):
    kind = draw.r.choice(UNARY)
    low, high = (1, 8) if kind in ("Sqrt", "Log", "Reciprocal") else (-8, 20)
    dtype = np.bool_ if kind == "Not" else F32
    draw.tensor(draw.shape(draw.r.randint(0, 5)), dtype, constant=False, low=low, high=high)
    if kind == "Gelu":
        draw.maybe(approximate="tanh")
    if kind == "Cast":
        draw.set(to=int(draw.r.choice([1, 2, 3, 6, 7, 9, 10, 11])))
        draw.inputs[0] = (np.abs(draw.inputs[0][0]), False)
    if kind == "Clip":
        for bound in (-1, 1):
            if draw.chance(0.7):
                draw.add(np.array(bound, F32))
            else:
                draw.none()
    if kind in ("Elu", "Celu", "LeakyRelu", "ThresholdedRelu"):
        draw.maybe(alpha=0.75)
    return kind


def movement(draw):
    kind = draw.r.choice(["Transpose", "Concat", "Split", "Tile", "Expand", "Reshape", "Squeeze",
                          "Unsqueeze", "Flatten", "DepthToSpace", "SpaceToDepth", "Trilu", "TopK",
                          "CumSum", "OneHot"])
    rank = 2 if kind == "Trilu" else draw.r.randint(1, 5)
    shape = draw.shape(rank, 1, 6)
    if kind.endswith(("Space", "Depth")):
        shape = [draw.r.randint(1, 3), 8, 4, 6]
    if kind == "Squeeze":
        shape = [1 if draw.chance() else extent for extent in shape]
    if kind == "OneHot":
        draw.tensor(shape, np.int64, constant=False, low=-4, high=4)
        draw.ints([5])
        draw.tensor([2], constant=True)
        draw.set(axis=draw.axis(rank + 1))
        return kind
    draw.tensor(shape, constant=False)
    axis = draw.axis(rank)
    if kind == "Transpose":
        draw.maybe(0.8, perm=draw.r.sample(range(rank), rank))
    elif kind == "Concat":
        for _ in range(draw.r.randint(0, 3)):
            dims = list(shape)
            dims[axis] = draw.r.randint(0, 4)
            draw.tensor(dims)
        draw.set(axis=axis)
    elif kind == "Split":
        draw.set(axis=axis)
        draw.outputs = draw.r.randint(1, shape[axis])
        if draw.chance():
            cuts = sorted(draw.r.randint(0, shape[axis]) for _ in range(draw.outputs - 1))
            draw.ints(np.diff([0, *cuts, shape[axis]]))
        else:
            draw.set(num_outputs=draw.outputs)
    elif kind == "Tile":
        draw.ints(draw.shape(rank, 0 if draw.chance(0.1) else 1, 3))
    elif kind == "Expand":
        draw.ints([*draw.shape(draw.r.randint(0, 1)), *[e if e > 1 else 3 for e in shape]])
    elif kind == "Reshape":
        draw.ints([0, -1] if draw.chance() or rank > 3 else [*shape[1:], -1])
    elif kind == "Squeeze" and draw.chance(0.7):
        draw.ints([i - rank if draw.chance() else i for i, e in enumerate(shape) if e == 1])
    elif kind == "Unsqueeze":
        draw.ints([axis, rank] if axis >= 0 and axis != rank else [draw.axis(rank + 1)])
    elif kind == "Flatten":
        draw.set(axis=draw.r.randint(-rank, rank))
    elif kind.endswith(("Space", "Depth")):
        draw.set(blocksize=2)
        if kind.startswith("D"):
            draw.maybe(mode="CRD")
    elif kind == "Trilu":
        draw.maybe(upper=0)
        if draw.chance():
            draw.add(np.array(draw.r.randint(-7, 7)), True)
    elif kind == "TopK":
        draw.ints([draw.r.randint(1, shape[axis])])
        draw.set(axis=axis, largest=draw.r.randint(0, 1))
        draw.outputs = 2
    elif kind == "CumSum":
        draw.add(np.array(axis), True)
        draw.maybe(exclusive=1)
        draw.maybe(reverse=1)
    return kind


def gathering(draw):
    kind = draw.r.choice(["Gather", "GatherElements", "GatherND", "ScatterElements", "ScatterND"])
    rank = draw.r.randint(1, 4)
    shape = draw.shape(rank, 2, 5)
    axis = draw.axis(rank)
    draw.tensor(shape, draw.r.choice([F32, np.int64]), constant=False)
    dtype = draw.inputs[0][0].dtype.type
    index_type = draw.r.choice([np.int32, np.int64]) if kind[-1] in "rs" else np.int64
    if kind in ("GatherND", "ScatterND"):
        depth = draw.r.randint(1, rank)
        count = draw.r.randint(1, 4)
        indices = np.stack([draw.numbers.integers(-e, e, count) for e in shape[:depth]], -1)
        draw.add(indices.astype(np.int64))
        if kind == "ScatterND":
            draw.set(reduction=draw.r.choice(["add", "mul", "max", "min"]))
            draw.tensor([count, *shape[depth:]], dtype)
        return kind
    draw.set(axis=axis)
    dims = draw.shape(draw.r.randint(0, 3), 1, 4)
    if kind != "Gather":
        dims = [draw.r.randint(1, e) for e in shape]
    draw.tensor(dims, index_type, low=-shape[axis], high=shape[axis] - 1)
    if kind == "ScatterElements":
        draw.set(reduction=draw.r.choice(["add", "mul", "max", "min"]))
        draw.tensor(dims, dtype)
    return kind


FAMILIES = [conv, conv, pool, resize, gemm, matmul, reduction, normalization, slices, pad, binary,
            unary, movement, gathering]


def make_case(seed, folder):
    """Writes the case of this seed; its name, or None where onnxruntime does not run it."""
    draw = Draw(seed)
    family = FAMILIES[seed % len(FAMILIES)]
    operator = family(draw)
    names, infos, constants, values = [], [], [], []
    for i, (array, constant) in enumerate(draw.inputs):
        name = "" if array is None else "x%d" % i
        names.append(name)
        if array is None:
            continue
        tensor = numpy_helper.from_array(np.asarray(array), name)
        if constant:
            constants.append(tensor)
        else:
            infos.append(helper.make_tensor_value_info(name, tensor.data_type, array.shape))
            values.append(tensor)
    results = ["y%d" % i for i in range(draw.outputs)]
    graph = helper.make_graph(
        [helper.make_node(operator, names, results, **draw.attributes)], "fuzz", infos,
        [helper.make_empty_tensor_value_info(name) for name in results], constants)
    model = helper.make_model(graph, ir_version=8,
                              opset_imports=[helper.make_opsetid("", draw.opset)])
    try:
        settings = onnxruntime.SessionOptions()
        settings.log_severity_level = 4
        settings.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(model.SerializeToString(), settings,
                                               providers=["CPUExecutionProvider"])
        outputs = session.run(None, {t.name: numpy_helper.to_array(t) for t in values})
    except Exception:  # an invalid draw, or one of onnxruntime's own limits
        return None
    if operator.endswith("Pool") and outputs[0].size == 0:
        return None  # Davit says that the kernel is larger than the input
    if any(np.issubdtype(o.dtype, np.floating) and not np.isfinite(o).all() for o in outputs):
        return None
    name = "%s_%d" % (operator, seed)
    data = os.path.join(folder, name, "test_data_set_0")
    os.makedirs(data)
    onnx.save(model, os.path.join(folder, name, "model.onnx"))
    results = [numpy_helper.from_array(np.asarray(o), n) for n, o in zip(results, outputs)]
    for kind, tensors in (("input", values), ("output", results)):
        for i, tensor in enumerate(tensors):
            with open(os.path.join(data, "%s_%d.pb" % (kind, i)), "wb") as file:
                file.write(tensor.SerializeToString())
    return name


def check(davit, device, folder):
    """Whether davit agrees on every case of the folder."""
    done = subprocess.run([davit, "check", "-d", device, folder], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False)
    print(done.stdout + done.stderr, end="")
    return done.returncode == 0 and done.stdout.rstrip().endswith(", 0 failed, 0 skipped")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--davit", required=True)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--devices", default="cpu,reference reference",
                        help="lists for davit check -d, between spaces")
    parser.add_argument("--keep")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or scratch
        names = [make_case(options.seed + i, folder) for i in range(options.count)]
        drawn = sum(name is not None for name in names)
        print("%d of %d draws run in onnxruntime" % (drawn, options.count))
        agree = [check(options.davit, device, folder) for device in options.devices.split()]
    return 0 if all(agree) and drawn >= LEAST_DRAWN * options.count else 1


sys.exit(main())
