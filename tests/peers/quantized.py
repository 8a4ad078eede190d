#!/usr/bin/env python3
"""Quantises networks with onnxruntime.quantization and runs the results with Davit and onnxruntime.

Every convolution that onnxruntime quantised must be an integer unit (`davit run --json`). In QDQ
files each quantised value must be a rounding of what onnxruntime computes in f32 from the bytes
before it (qdq.py). Whole networks amplify single steps, so outputs are compared with those of the
f32 network: quantisation has moved onnxruntime's by some distance, and another runtime of the same
file may be as far away, up to chance: 1.25 times. (f32 itself may differ by 1e-4.)
"""
import argparse
import collections
import json
import logging
import os
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import version_converter
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from compare import CaseError, fill, model_path, relative_l2, run_onnxruntime
from qdq import Qdq

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CALIBRATION_SAMPLES = 3
OLDEST_OPSET = 13  # with scales for each channel
MOST_TIMES_THEIRS = 1.25
MAX_RELATIVE_L2 = 1e-4
FLOAT_CONVOLUTIONS = {"Conv", "ConvTranspose", "QLinearConv", "ConvInteger"}


class Samples(CalibrationDataReader):
    """Random inputs, or the picture of the case with noise."""

    def __init__(self, samples):
        self.left = iter(samples)

    def get_next(self):
        return next(self.left, None)


def input_shapes(model, case):
    """Shapes by input; open dimensions are the batch, or those that the case gives."""
    shapes = {}
    for port in model.graph.input:
        declared = [d.dim_value for d in port.type.tensor_type.shape.dim]
        shapes[port.name] = case.get("shape") or [d or case.get("batch", 1) for d in declared]
    return shapes


def sample(model, case, random, models):
    """One set of inputs."""
    inputs = {}
    for port in model.graph.input:
        shape = input_shapes(model, case)[port.name]
        if port.type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
            below = 2 if "mask" in port.name else 1000
            contents = random.integers(0, below, shape)
            if below == 2:
                contents[:, 0] = 1
        elif "image" in case:
            recipe = {"fill": "image", "image": case["image"], "shape": shape}
            recipe.update({key: case[key] for key in ("crop",) if key in case})
            contents = fill(recipe, random, models)
            contents = contents + random.normal(0, 0.05, shape).astype(np.float32)
        else:
            contents = random.standard_normal(shape).astype(np.float32)
        inputs[port.name] = contents
    return inputs


def quantise(case, folder, options):
    """The paths of the f32 model and of the quantised one, and inputs to run them with."""
    path = model_path(case, folder, options)
    model = onnx.load(path)
    opset = max(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    if opset < OLDEST_OPSET:
        model = version_converter.convert_version(model, 17)
        path = os.path.join(folder, "converted.onnx")
        onnx.save(model, path)
    prepared = os.path.join(folder, "prepared.onnx")
    quant_pre_process(path, prepared, skip_symbolic_shape=True)
    random = np.random.default_rng(1)
    samples = [sample(model, case, random, options.models) for _ in range(CALIBRATION_SAMPLES + 1)]
    quantised = os.path.join(folder, "quantised.onnx")
    quantize_static(prepared, quantised, Samples(samples[:-1]),
                    quant_format=getattr(QuantFormat, case["form"]),
                    weight_type=getattr(QuantType, case["weights"]),
                    activation_type=getattr(QuantType, case.get("activations", "QUInt8")),
                    per_channel=case.get("per_channel", False),
                    reduce_range=case.get("reduce_range", False),
                    extra_options={"ActivationSymmetric": case.get("symmetric", False)})
    return prepared, quantised, samples[-1]


def run_davit(path, inputs, folder, options):
    """The report of `davit run --json`, and the outputs by name."""
    command = [options.davit, "run", path, "--json", "--output", folder, *options.davit_option]
    for name, contents in inputs.items():
        file = os.path.join(folder, "%s.npy" % name)
        np.save(file, contents)
        command += ["--input", "%s=%s" % (name, file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CaseError("exit %d from: %s\n%s" % (done.returncode, " ".join(command), done.stderr.strip()))
    report = json.loads(done.stdout)
    names = {output["name"]: output["name"].replace("/", "_").replace(":", "_") + ".npy"
             for output in report["outputs"]}
    return report, {name: np.load(os.path.join(folder, file)) for name, file in names.items()}


def check_units(case, report):
    """Prints what the units are; returns whether no quantised convolution stays f32."""
    operators = collections.Counter(op for unit in report["units"] for op in unit["operators"].split("+"))
    kept = collections.Counter(kept["reason"] for kept in report["kept_f32"])
    print("%s: %d integer units, %d kept in f32 %s"
          % (case["name"], report["integer_units"], len(report["kept_f32"]), dict(kept)))
    floats = FLOAT_CONVOLUTIONS & set(operators)
    if case["form"] == "QOperator":
        floats -= {"ConvTranspose"}  # onnxruntime has no such operator
    if floats or report["integer_units"] == 0:
        print("  not integer: %s" % " ".join("%d %s" % (operators[op], op) for op in sorted(floats)))
        return False
    return True


def check_values(path, inputs, folder, options):
    """Prints one line; returns whether each quantised value is right, given those before it."""
    qdq = Qdq(onnx.load(path))
    values = list(qdq.judge_all(qdq.run_davit(inputs, folder, options)))
    faults = [value for value in values if value.wrong]
    total = sum(value.elements for value in values)
    print("  %d elements of %d tensors: %.5f onnxruntime's byte, %d no rounding of f32"
          % (total, len(values), 1 - sum(v.differing for v in values) / total, sum(v.wrong for v in faults)))
    for value in faults:
        print("    %d of %d of %s (%s)" % (value.wrong, value.elements, value.name, value.operators))
    return not faults


def compare_output(name, ours, theirs, exact):
    """Prints one line; returns whether ours is as close to f32 as theirs."""
    ours, theirs = (relative_l2(a.astype(np.float64), exact.astype(np.float64)) for a in (ours, theirs))
    good = bool(ours <= max(MOST_TIMES_THEIRS * theirs, MAX_RELATIVE_L2))
    print("  %-28s relative L2 from f32: davit %.5f, onnxruntime %.5f, ratio %.3f%s"
          % (name, ours, theirs, ours / max(theirs, 1e-30), "" if good else "   ABOVE"))
    return good


def run_case(case, options):
    folder = os.path.join(options.work, case["name"])
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    f32, path, inputs = quantise(case, folder, options)
    report, ours = run_davit(path, inputs, folder, options)
    good = check_units(case, report)
    if case["form"] == "QDQ":
        good = check_values(path, inputs, folder, options) and good
    exact = run_onnxruntime(f32, inputs)
    for name, (theirs, _) in run_onnxruntime(path, inputs).items():
        good = compare_output(name, ours[name], theirs, exact[name][0]) and good
    if good:
        shutil.rmtree(folder)
    return good


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="default: all")
    parser.add_argument("--davit", required=True, metavar="PROGRAM")
    parser.add_argument("--davit-models", required=True, metavar="PROGRAM")
    parser.add_argument("--davit-option", action="append", default=[], metavar="OPTION")
    parser.add_argument("--models", default=os.path.join(ROOT, "build", "models"), metavar="DIR")
    parser.add_argument("--work", default=os.path.join(ROOT, "build", "quantized"), metavar="DIR")
    options = parser.parse_args(arguments)
    with open(os.path.join(HERE, "quantized_cases.json"), encoding="utf-8") as file:
        table = {case["name"]: case for case in json.load(file)}
    onnxruntime.set_default_logger_severity(3)
    logging.disable(logging.WARNING)
    failed = []
    for name in options.cases or table:
        try:
            good = run_case(table[name], options)
        except (CaseError, OSError, KeyError, subprocess.CalledProcessError) as error:
            print("%s: %s" % (name, error))
            good = False
        failed += [] if good else [name]
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
