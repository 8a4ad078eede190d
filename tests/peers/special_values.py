#!/usr/bin/env python3
"""Functions of one element at infinities, NaN, zeros, denormal and huge numbers.

    special_values.py --davit PROGRAM [--devices LISTS]

Each list of devices must give what onnxruntime gives, which is the formula in floats (GELU of minus
infinity is no number): for each operator alone, behind one convolution that all of them read, and
behind a convolution or product of its own, whose bias the number is. Left out: NaN cut behind a
convolution, which oneDNN may turn into a bound; GELU of infinity and of the largest number, which
oneDNN 3 doubles before it halves them. Exit status: 0 all agree, 1 not.
"""

import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

F32 = np.float32
INF, NAN = np.inf, np.nan
HUGE = float(np.finfo(F32).max)
NUMBERS = [0.0, -0.0, 1e-45, -1e-45, 1e-40, -1e-40, 1e-30, -1e-30, 1e-9, -1e-9, 0.5, -0.5, 1.0,
           -1.0, 2.5, -2.5, 5.25, -5.25, 9.0, -9.0, 17.0, -17.0, 44.5, -44.5, 87.0, -87.0, 88.7,
           -88.7, 89.5, -89.5, 104.5, -104.5, 150.0, -150.0, 1e4, -1e4, 1e19, -1e19, 1e30, -1e30,
           HUGE, -HUGE]
VALUES = np.array([INF, -INF, NAN] + NUMBERS, F32)

OPERATORS = [
    ("Abs", {}), ("Ceil", {}), ("Celu", {"alpha": 0.5}), ("Clip", {}), ("Cos", {}),
    ("Elu", {"alpha": 0.7}), ("Erf", {}), ("Exp", {}), ("Floor", {}), ("Gelu", {}),
    ("Gelu", {"approximate": "tanh"}), ("HardSigmoid", {}), ("HardSwish", {}),
    ("LeakyRelu", {"alpha": 0.1}), ("Log", {}), ("Mish", {}), ("Neg", {}), ("Reciprocal", {}),
    ("Relu", {}), ("Round", {}), ("Selu", {}), ("Sigmoid", {}), ("Sign", {}), ("Sin", {}),
    ("Softplus", {}), ("Softsign", {}), ("Sqrt", {}), ("Tan", {}), ("Tanh", {}),
    ("ThresholdedRelu", {"alpha": 0.3})]
CUTS = ("Clip", "HardSigmoid", "HardSwish", "Relu")  # NaN, behind a convolution

COUNT = len(VALUES)
DEPTH = 128
SHAPES = {"alone": [3, COUNT], "read by all": [1, 3, 6, 5], "Conv 1x1": [1, DEPTH, 3, 5],
          "Conv 3x3": [1, 3, 6, 5], "MatMul": [7, DEPTH]}
WEIGHTS = {"w3": (COUNT, 3, 3, 3), "w1": (COUNT, DEPTH, 1, 1), "m": (DEPTH, COUNT)}


def source(form, index, nodes):
    """The value that an operator reads; adds the nodes that make it."""
    if form == "alone":
        return "x"
    name = "shared" if form == "read by all" else f"product{index}"
    if form == "MatMul":
        nodes.append(helper.make_node("MatMul", ["x", "m"], [name + "_"]))
        nodes.append(helper.make_node("Add", [name + "_", "bias"], [name]))
    elif form != "read by all" or index == 0:
        nodes.append(helper.make_node("Conv", ["x", "w1" if form == "Conv 1x1" else "w3", "bias"],
                                      [name]))
    return name


def make_model(form):
    """All operators, each with an output."""
    constants = {name: np.zeros(shape, F32) for name, shape in WEIGHTS.items()}
    constants |= {"bias": VALUES, "low": np.array(-1.5, F32), "high": np.array(6, F32)}
    nodes, outputs = [], []
    for index, (op, attributes) in enumerate(OPERATORS):
        inputs = [source(form, index, nodes)] + (["low", "high"] if op == "Clip" else [])
        nodes.append(helper.make_node(op, inputs, [f"y{index}"], f"{op}{index}", **attributes))
        outputs.append(helper.make_tensor_value_info(f"y{index}", onnx.TensorProto.FLOAT, None))
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes, "special",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, SHAPES[form])], outputs,
        [numpy_helper.from_array(value, name) for name, value in constants.items() if name in used])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=8)


def by_value(array):
    """Results as [.., COUNT], each row one for each number."""
    array = np.moveaxis(array, 1, -1) if array.ndim == 4 else array
    return array.reshape(-1, COUNT)


def agrees(got, expected):
    if np.isnan(expected) or np.isinf(expected):
        return np.array_equal(got, expected, equal_nan=True)
    return abs(float(got) - float(expected)) <= 1e-5 * abs(float(expected)) + 1e-5


def is_onednn3(davit):
    devices = subprocess.run([davit, "devices"], check=True, capture_output=True, text=True)
    return "oneDNN 3." in devices.stdout


def is_left_out(form, device, op, value, onednn3):
    if np.isnan(value):
        return op in CUTS and form.startswith("Conv")
    return onednn3 and device.startswith("cpu") and op == "Gelu" and value >= F32(HUGE)


def compare(form, device, results, expected, onednn3):
    """The number of values that differ, each told."""
    wrong = 0
    for (op, attributes), got, want in zip(OPERATORS, results, expected):
        for at, value in enumerate(VALUES):
            if is_left_out(form, device, op, value, onednn3):
                continue
            bad = [y for y in got[:, at] if not agrees(y, want[0, at])]
            if bad:
                wrong += 1
                print(f"{device}: {form}: {op}{attributes or ''}({value}): {bad[0]}, not {want[0, at]}")
    return wrong


def run_davit(davit, device, model, values, folder):
    np.save(os.path.join(folder, "x.npy"), values)
    subprocess.run([davit, "run", model, "-d", device, "--input",
                    "x=" + os.path.join(folder, "x.npy"), "--output", folder], check=True,
                   stdout=subprocess.DEVNULL, timeout=100)
    return [np.load(os.path.join(folder, f"y{i}.npy")) for i in range(len(OPERATORS))]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--davit", required=True)
    parser.add_argument("--devices", default="cpu,reference reference", help="lists of devices")
    arguments = parser.parse_args()
    wrong = 0
    onednn3 = is_onednn3(arguments.davit)
    for form, shape in SHAPES.items():
        model = make_model(form)
        x = np.broadcast_to(VALUES, shape) if form == "alone" else np.zeros(shape, F32)
        session = onnxruntime.InferenceSession(model.SerializeToString())
        expected = [by_value(y) for y in session.run(None, {"x": x})]
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.onnx")
            onnx.save(model, path)
            for device in arguments.devices.split():
                results = [by_value(y) for y in run_davit(arguments.davit, device, path, x, folder)]
                wrong += compare(form, device, results, expected, onednn3)
    print(f"{wrong} values differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
