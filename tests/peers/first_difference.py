#!/usr/bin/env python3
"""Finds where two devices first give different bytes in a quantised network.

    first_difference.py --davit PROGRAM [--devices cpu reference] [--shape NAME=1x32]... MODEL.onnx

Every QuantizeLinear becomes an output; those that differ are listed in the order of the file: of how
many bytes how many differ, and by how many steps. What stands before the first of them is where the
devices part: integer operators never do, f32 ones may at the middle between two steps. Exit status:
0 none differ, 1 some.
"""

import argparse
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx


def run(options, device, model, count, folder):
    shapes = [word for shape in options.shape for word in ("--shape", shape)]
    subprocess.run([options.davit, "run", model, "-d", device, "--no-cache", "--no-learn", "--output",
                    folder, *shapes], check=True, stdout=subprocess.DEVNULL)
    return [np.load(os.path.join(folder, f"{index}.npy")).astype(int) for index in range(count)]


def expose(path, to):
    """Writes the model with an output of each QuantizeLinear alone, named by its number."""
    model = onnx.load(path)
    names = [node.output[0] for node in model.graph.node if node.op_type == "QuantizeLinear"]
    del model.graph.output[:]
    for index, name in enumerate(names):
        model.graph.node.append(onnx.helper.make_node("Identity", [name], [str(index)]))
        model.graph.output.append(onnx.ValueInfoProto(name=str(index)))
    onnx.save(model, to)
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--davit", required=True)
    parser.add_argument("--devices", nargs=2, default=["cpu", "reference"])
    parser.add_argument("--shape", action="append", default=[])
    parser.add_argument("model")
    options = parser.parse_args()
    differ = 0
    with tempfile.TemporaryDirectory() as folder:
        model = os.path.join(folder, "exposed.onnx")
        names = expose(options.model, model)
        results = []
        for index, device in enumerate(options.devices):
            outputs = os.path.join(folder, str(index))
            os.mkdir(outputs)
            results.append(run(options, device, model, len(names), outputs))
    for name, a, b in zip(names, *results):
        if np.any(a != b):
            differ += 1
            print(f"{name}: {np.sum(a != b)} of {a.size}, by up to {np.max(np.abs(a - b))}")
    print(f"{differ} of {len(names)} quantised values differ")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
