#!/usr/bin/env python3
"""Quantises networks with onnxruntime.quantization and runs the results with Davit and onnxruntime.

Every convolution that onnxruntime quantised must be an integer unit (`davit run --json`), and what
both compute must be close: roundings differ between them in single steps, which a network then
amplifies. The distance of onnxruntime to itself without graph optimisations is printed beside ours.
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

from compare import CaseError, argmax_agreement, fill, model_path, relative_l2, run_onnxruntime

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CALIBRATION_SAMPLES = 3
OLDEST_OPSET = 13  # with scales for each channel
MAX_RELATIVE_L2 = 0.15
MIN_ARGMAX = 0.85
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
    """The path of the quantised model, and inputs to run it with."""
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
    return quantised, samples[-1]


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


def compare_output(name, ours, theirs, unoptimised, classes):
    """Prints one line; returns whether the output is close. classes: along the last axis."""
    ours, theirs, unoptimised = (a.astype(np.float64) for a in (ours, theirs, unoptimised))
    distance, own = relative_l2(ours, theirs), relative_l2(unoptimised, theirs)
    rows, agreeing = argmax_agreement(ours, theirs, 0) if classes else (0, 0)
    good = bool(distance <= max(MAX_RELATIVE_L2, 3 * own)) and agreeing >= MIN_ARGMAX * rows
    print("  %-28s relative L2 %.2e (onnxruntime to itself %.2e)  equal %.4f  argmax %d/%d%s"
          % (name, distance, own, np.mean(ours == theirs), agreeing, rows, "" if good else "  DIFFERS"))
    return good


def run_case(case, options):
    folder = os.path.join(options.work, case["name"])
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    path, inputs = quantise(case, folder, options)
    report, ours = run_davit(path, inputs, folder, options)
    good = check_units(case, report)
    for name, expected in run_onnxruntime(path, inputs).items():
        good = compare_output(name, ours[name], *expected, case.get("classes", True)) and good
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
