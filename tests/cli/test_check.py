"""Runs `davit check` over ONNX backend cases and looks into every skip.

usage: test_check.py DAVIT OPS_DEF LEAST_PASSED DIR... (run by the Python of build/peers, with onnx)

No case may fail, at least LEAST_PASSED must pass, and a case may be skipped only where its model
holds an operator that is not in the supported table (OPS_DEF), a type that no tensor can hold, or
one of the features named below; the reason must name it.
"""
import json
import re
import subprocess
import sys

import onnx

# Handled by the importer, which turns them into operators of the table.
IMPORTED = {"Constant", "Scatter", "Upsample", "If"}
HELD = {"FLOAT", "UINT8", "INT8", "UINT16", "INT16", "INT32", "INT64", "BOOL", "FLOAT16",
        "DOUBLE", "UINT32", "UINT64", "BFLOAT16"}
FEATURES = [
    r"opset \d+",                    # outside 7 to 21
    r"random result",                # Dropout in training
    r"'If'|\(If\)",                  # a condition that is not constant
]


def walk(graph, operators, types):
    for value in [*graph.input, *graph.output, *graph.value_info]:
        kind = value.type.WhichOneof("value")
        if kind == "tensor_type":
            types.add(onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type))
        elif kind is not None:
            types.add(kind)
    for tensor in graph.initializer:
        types.add(onnx.TensorProto.DataType.Name(tensor.data_type))
    walk_nodes(graph.node, operators, types)


def walk_nodes(nodes, operators, types):
    for node in nodes:
        operators.add((node.domain + "::" if node.domain else "") + node.op_type)
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                walk(attribute.g, operators, types)
            if attribute.type == onnx.AttributeProto.TENSOR:
                types.add(onnx.TensorProto.DataType.Name(attribute.t.data_type))
            if attribute.name == "to" and node.op_type == "Cast":
                types.add(onnx.TensorProto.DataType.Name(attribute.i))


def excuse(case, table):
    """Why the skip of a case is right, or None."""
    model = onnx.load(case["case"] + "/model.onnx", load_external_data=False)
    operators, types = set(), set()
    walk(model.graph, operators, types)
    functions = set()
    for function in model.functions:
        functions.add(function.domain + "::" + function.name)
        walk_nodes(function.node, operators, types)
    reason = case["reason"]
    for operator in sorted(operators - table - IMPORTED - functions):
        if operator.split("::")[-1] in reason:
            return operator
    for kind in sorted(types - HELD):
        if kind.lower().replace("_type", "").rstrip("0123456789") in reason.lower():
            return kind
    for feature in FEATURES:
        if re.search(feature, reason):
            return feature
    return None


def main():
    davit, ops_def, least, *folders = sys.argv[1:]
    with open(ops_def, encoding="ascii") as file:
        table = set(re.findall(r"^DAVIT_OPERATOR\((\w+)\)", file.read(), re.MULTILINE))
    done = subprocess.run([davit, "check", "--json", *folders], stdout=subprocess.PIPE, text=True,
                          check=False)
    report = json.loads(done.stdout)
    wrong = 0
    for case in report["cases"]:
        name = case["case"].split("/")[-1]
        if case["result"] == "failed":
            print(f"FAILED {name}: {case['reason']}")
            wrong += 1
        elif case["result"] == "skipped" and excuse(case, table) is None:
            print(f"WRONGLY SKIPPED {name}: {case['reason']}")
            wrong += 1
    print(f"{report['passed']} passed, {report['failed']} failed, {report['skipped']} skipped "
          "by davit check")
    if wrong or done.returncode != 0 or report["passed"] < int(least):
        print(f"{wrong} wrong; at least {least} must pass; exit status {done.returncode}")
        return 1
    return 0


sys.exit(main())
