#!/usr/bin/env python3
"""Writes schema.def: which attributes each operator has at which opset.

usage: generate_schema.py ../graph/include/davit/ops.def > schema.def

The source is the Python package onnx (any version that knows opset 21). Run it again when ops.def
changes; forms that the importer cannot bring to the canonical form are left out by FIRST below.
"""
import re
import sys

import onnx

LAST_OPSET = 21
# Made into other operators by the importer.
EXTRA = {"Constant", "If", "Scatter", "Upsample"}
# The first opset whose form is read, where that is not the operator's first.
FIRST = {
    "Cast": 6,  # the target type was a string
    "GRU": 7,  # output_sequence
    "GlobalLpPool": 2,  # p was a float
    "LSTM": 7,
    "LpPool": 2,
    "Pad": 2,  # paddings
    "RNN": 7,
    "Split": 2,  # split as an input
    "Tile": 6,  # tiles and axis as inputs
    "Upsample": 7,  # width_scale, height_scale
}
TYPES = {
    "INT", "FLOAT", "STRING", "INTS", "FLOATS", "STRINGS", "TENSOR", "GRAPH", "SPARSE_TENSOR",
}


def read_history(supported):
    history = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain == "" and schema.name in supported and schema.since_version <= LAST_OPSET:
            history.setdefault(schema.name, []).append(schema)
    for schemas in history.values():
        schemas.sort(key=lambda s: s.since_version)
    return history


def merge(ranges):
    merged = []
    for low, high in ranges:
        if merged and merged[-1][1] + 1 == low:
            merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return merged


def print_operator(name, schemas):
    first = max(schemas[0].since_version, FIRST.get(name, 1))
    last = LAST_OPSET
    spans = {}
    for i, schema in enumerate(schemas):
        until = schemas[i + 1].since_version - 1 if i + 1 < len(schemas) else LAST_OPSET
        if schema.deprecated and i + 1 == len(schemas):
            last = schema.since_version - 1
            continue
        if until < first:
            continue
        for attribute in schema.attributes.values():
            kind = str(attribute.type).split(".")[-1]
            if kind not in TYPES:
                sys.exit(f"{name}.{attribute.name}: type {kind} is not handled")
            key = (attribute.name, kind, bool(attribute.required))
            spans.setdefault(key, []).append((max(first, schema.since_version), until))
    print(f"DAVIT_SCHEMA_BEGIN({name}, {first}, {last})")
    for (attribute, kind, required), ranges in sorted(spans.items()):
        for low, high in merge(ranges):
            need = "REQUIRED" if required else "OPTIONAL"
            print(f"DAVIT_SCHEMA_ATTRIBUTE({attribute}, {kind}, {need}, {low}, {high})")
    print(f"DAVIT_SCHEMA_END({name})")


def main():
    text = open(sys.argv[1], encoding="utf-8").read()
    supported = set(re.findall(r"DAVIT_OPERATOR\((\w+)\)", text)) | EXTRA
    print("/* Made by generate_schema.py from the Python package onnx, sorted by operator as by strcmp.")
    print(" * DAVIT_SCHEMA_BEGIN(operator, first opset read, last opset)")
    print(" * DAVIT_SCHEMA_ATTRIBUTE(name, type, need, first opset, last opset)")
    print(" * DAVIT_SCHEMA_END(operator) */")
    for name, schemas in sorted(read_history(supported).items()):
        print_operator(name, schemas)


main()
