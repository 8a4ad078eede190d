#!/usr/bin/env python3
"""Writes cases of operators in the forms of older operator sets, for `davit check`.

    form_cases.py FOLDER        FOLDER/NAME/{model.onnx,test_data_set_0/{input,output}_N.pb}

The backend cases of ONNX show each operator in its newest form; these show the forms that the
importer changes. Expected outputs are onnxruntime's. Inputs are seeded: two runs write the same.
"""

import os
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

IMAGE = (1, 4, 6, 8)
BOXES = np.array([[0.2, 0.4, 3.1, 4.3], [1, 1, 5.5, 5.2]], np.float32)
GRID = (1, 3, 5, 2)

# name, operator, operator sets, attributes, inputs: shapes of random numbers, or constants; the
# first input is the graph's, number of outputs
CASES = [
    ("batchnorm", "BatchNormalization", (7, 8, 9, 13), {"epsilon": 1e-3},
     [IMAGE, *[np.array(v, np.float32) for v in
               ([1, 2, .5, 3], [0, 1, -1, 2], [.1, .2, .3, .4], [1, 2, 3, .5])]], 1),
    ("batchnorm_spatial", "BatchNormalization", (7,), {"spatial": 1},
     [IMAGE, *[np.full(4, v, np.float32) for v in (2, 1, .5, 3)]], 1),
    ("clip", "Clip", (7, 10), {"min": -0.5, "max": 0.25}, [IMAGE], 1),
    ("clip_max", "Clip", (7, 10), {"max": 0.25}, [IMAGE], 1),
    ("dropout", "Dropout", (7, 10), {"ratio": 0.3}, [IMAGE], 1),
    ("pad", "Pad", (7, 10), {"pads": [0, 1, 2, 3, 0, 0, 1, 2], "value": 1.5}, [IMAGE], 1),
    ("pad_negative", "Pad", (10,), {"pads": [0, 0, -1, 2, 0, 0, 1, -3]}, [IMAGE], 1),
    ("pad_reflect", "Pad", (10,), {"pads": [0, 0, 2, 3, 0, 0, 1, 2], "mode": "reflect"}, [IMAGE],
     1),
    ("pad_edge", "Pad", (10,), {"pads": [0, 0, 2, 3, 0, 0, 1, 2], "mode": "edge"}, [IMAGE], 1),
    ("slice", "Slice", (7, 9), {"starts": [1, -5], "ends": [3, 1000], "axes": [1, 3]}, [IMAGE], 1),
    ("slice_first", "Slice", (9,), {"starts": [0, 1], "ends": [1, -1]}, [IMAGE], 1),
    ("squeeze", "Squeeze", (7, 11, 12), {"axes": [0]}, [IMAGE], 1),
    ("squeeze_all", "Squeeze", (12,), {}, [IMAGE], 1),
    ("unsqueeze", "Unsqueeze", (7, 11, 12), {"axes": [0, 3]}, [IMAGE], 1),
    ("split", "Split", (7, 11), {"axis": 3, "split": [1, 5, 2]}, [IMAGE], 3),
    ("split_equal", "Split", (7, 12, 13, 17), {"axis": 3}, [IMAGE], 2),
    ("top_k", "TopK", (7, 9), {"k": 3, "axis": 3}, [IMAGE], 2),
    ("upsample", "Upsample", (7, 8), {"scales": [1, 1, 2, 1.6]}, [IMAGE], 1),
    ("upsample_linear", "Upsample", (7, 8), {"scales": [1, 1, 2, 1.5], "mode": "linear"}, [IMAGE],
     1),
    ("upsample_input", "Upsample", (9,), {}, [IMAGE, np.array([1, 1, 2, 1.6], np.float32)], 1),
    ("resize_up", "Resize", (10,), {}, [IMAGE, np.array([1, 1, 2, 1.6], np.float32)], 1),
    ("resize_down", "Resize", (10,), {}, [IMAGE, np.array([1, 1, .6, .7], np.float32)], 1),
    ("resize_linear", "Resize", (10,), {"mode": "linear"},
     [IMAGE, np.array([1, 1, 1.5, .7], np.float32)], 1),
    ("resize_empty", "Resize", (11, 13, 18), {"mode": "linear"},
     [IMAGE, np.zeros(0, np.float32), np.zeros(0, np.float32), np.array([1, 4, 9, 5])], 1),
    ("scatter", "Scatter", (9, 10), {"axis": 3},
     [IMAGE, np.array([[[[1, 5]]]]), np.array([[[[7, 8]]]], np.float32)], 1),
    ("grid_sample", "GridSample", (16,), {}, [IMAGE, GRID], 1),
    ("grid_sample_cubic", "GridSample", (16,), {"mode": "bicubic"}, [IMAGE, GRID], 1),
    ("roi_align", "RoiAlign", (10, 15),
     {"output_height": 2, "output_width": 3, "sampling_ratio": 2, "spatial_scale": 1.0},
     [IMAGE, BOXES, np.array([0, 0])], 1),
    ("shape", "Shape", (7, 13, 15), {}, [IMAGE], 1),
    ("argmax", "ArgMax", (7, 11, 12, 13), {"axis": 2}, [IMAGE], 1),
    ("average_pool", "AveragePool", (7, 10, 11, 19),
     {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [2, 2]}, [IMAGE], 1),
    ("average_pool_ceil", "AveragePool", (10, 11, 19),
     {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}, [IMAGE], 1),
    ("max_pool", "MaxPool", (7, 8, 10, 11, 12),
     {"kernel_shape": [3, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"}, [IMAGE], 1),
    ("lp_pool", "LpPool", (7, 11, 18), {"kernel_shape": [3, 2], "p": 3}, [IMAGE], 1),
    ("conv_transpose", "ConvTranspose", (7, 11),
     {"strides": [2, 3], "auto_pad": "SAME_LOWER", "output_padding": [1, 0]},
     [IMAGE, (4, 2, 3, 3)], 1),
    ("gemm", "Gemm", (7, 9, 11, 13), {"transB": 1, "alpha": 0.5}, [(3, 5), (4, 5), (4,)], 1),
    ("prelu", "PRelu", (7, 9, 16), {}, [IMAGE, (4, 1, 1)], 1),
    ("sum", "Sum", (8, 13), {}, [IMAGE, (8,), (6, 1)], 1),
    ("gru", "GRU", (7, 14), {"hidden_size": 3, "linear_before_reset": 1},
     [(4, 2, 5), (1, 9, 5), (1, 9, 3), (1, 18)], 2),
    ("lstm", "LSTM", (7, 14), {"hidden_size": 3, "direction": "bidirectional"},
     [(4, 2, 5), (2, 12, 5), (2, 12, 3), (2, 24)], 3),
    ("depth_to_space", "DepthToSpace", (7, 11, 13), {"blocksize": 2}, [IMAGE], 1),
    ("gather_nd", "GatherND", (11, 12, 13), {}, [IMAGE, np.array([[0, 1, 2], [0, 3, 1]])], 1),
    ("cumsum", "CumSum", (11, 14), {"exclusive": 1}, [IMAGE, np.array(2)], 1),
]
for mode in ("Softmax", "LogSoftmax", "Hardmax"):
    CASES.append((mode.lower(), mode, (7, 11, 13), {}, [(2, 3, 4, 5)], 1))
    CASES.append((mode.lower() + "_axis", mode, (7, 12, 13), {"axis": 2}, [(2, 3, 4, 5)], 1))
for kind in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"):
    last = 12 if kind == "Sum" else 17
    CASES.append(("reduce_" + kind.lower(), "Reduce" + kind, (7, 11, last),
                  {"axes": [1, 3], "keepdims": 0}, [IMAGE], 1))
    CASES.append(("reduce_all_" + kind.lower(), "Reduce" + kind, (7, last), {}, [IMAGE], 1))


def make_model(case, opset):
    _, operator, _, attributes, inputs, outputs = case
    names, infos, constants, values = [], [], [], []
    random = np.random.default_rng(0)
    for i, given in enumerate(inputs):
        name = "x%d" % i
        names.append(name)
        if isinstance(given, tuple):
            value = random.uniform(0.1 if "LogSum" in operator else -1, 1, given).astype(np.float32)
            infos.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, given))
            values.append((name, value))
        else:
            constants.append(numpy_helper.from_array(given, name))
    results = ["y%d" % i for i in range(outputs)]
    graph = helper.make_graph(
        [helper.make_node(operator, names, results, **attributes)], "form", infos,
        [helper.make_empty_tensor_value_info(name) for name in results], constants)
    model = helper.make_model(graph, ir_version=7,
                              opset_imports=[helper.make_opsetid("", opset)])
    return model, values


def write_case(folder, case, opset):
    model, values = make_model(case, opset)
    session = onnxruntime.InferenceSession(model.SerializeToString(),
                                           providers=["CPUExecutionProvider"])
    results = session.run(None, dict(values))
    data = os.path.join(folder, "%s_opset%d" % (case[0], opset), "test_data_set_0")
    os.makedirs(data, exist_ok=True)
    onnx.save(model, os.path.join(os.path.dirname(data), "model.onnx"))
    names = [output.name for output in model.graph.output]
    for kind, pairs in (("input", values), ("output", zip(names, results))):
        for i, (name, value) in enumerate(pairs):
            tensor = numpy_helper.from_array(np.asarray(value), name)
            with open(os.path.join(data, "%s_%d.pb" % (kind, i)), "wb") as file:
                file.write(tensor.SerializeToString())


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    count = 0
    for case in CASES:
        for opset in case[2]:
            try:
                write_case(sys.argv[1], case, opset)
            except Exception as error:
                sys.exit("%s, opset %d: %s" % (case[0], opset, error))
            count += 1
    print("%s: %d cases of older forms" % (sys.argv[1], count))


main()
