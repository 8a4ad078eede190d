#!/usr/bin/env python3
"""Compares Davit and onnxruntime on files that `davit quantize` writes.

    quantize_agreement.py --davit PROGRAM --davit-models PROGRAM [--samples N] [NETWORK...]

Values: every quantised value of the network by itself, in onnxruntime from the bytes that Davit had
before it (qdq.py). Each must be a rounding of onnxruntime's f32 value, none more than one step from
its byte, and 99.9 % of them equal, 99 % of each tensor's: a sum next to the middle of two steps may
fall to either side.

Outputs: the whole network, from its input. A step is the scale of the output's quantisation. Of
the elements 99.9 % should be within one step. Networks amplify single steps, some until a change
of one step anywhere early moves the outputs as far as quantisation itself did, whatever program
runs them; so two distances of onnxruntime to itself are printed beside ours: without its graph
optimisations, and with one element of the input moved by one step of its quantisation. Where these
are worse than 99.9 %, twice as many elements of Davit's may be further apart, and three standard
deviations of that count more.

Networks and samples are those of quantize_accuracy.py. Needs tests/peers/requirements.txt. Exit
status: 0 all hold, 1 not, 2 usage.
"""

import argparse
import collections
import math
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

import quantize_accuracy
from compare import CaseError, run_davit
from qdq import Qdq, session
from quantize_accuracy import NETWORKS, ROOT, samples

LEAST_SHARE = 0.999
FEW, LEAST_SHARE_OF_ONE = 3, 0.99
TIMES_ITSELF = 2
MOST_FAULTS = 5  # that are printed


def compare_values(network, qdq, sample, options, folder):
    """Every quantised value from the bytes before it; returns whether they agree."""
    known = qdq.run_davit({qdq.inputs[0]: sample}, folder, options)
    values = [qdq.judge(name, known) for name in qdq.bytes]
    total, differing = sum(v.elements for v in values), sum(v.differing for v in values)
    most, wrong = max(v.most for v in values), sum(v.wrong for v in values)
    good = wrong == 0 and most <= 1 and differing <= (1 - LEAST_SHARE) * total and all(
        v.differing <= FEW + (1 - LEAST_SHARE_OF_ONE) * v.elements for v in values)
    print("%-15s values   %d elements of %d tensors: %.5f equal, others %d step away, %d no rounding of f32%s"
          % (network, total, len(values), 1 - differing / total, most, wrong, "" if good else "   ABOVE"), flush=True)
    for value in sorted(values, key=lambda v: -v.differing)[:0 if good else MOST_FAULTS]:
        print("    %d of %d elements of %s (%s)" % (value.differing, value.elements, value.name, value.operators))
    return good


def steps_of(qdq):
    """The scales of the input's and the output's quantisation."""
    last = qdq.maker[qdq.outputs[0]]
    if last.op_type != "DequantizeLinear":
        raise CaseError("the output is not quantised")
    first = next(node for node in qdq.model.graph.node
                 if node.op_type == "QuantizeLinear" and node.input[0] == qdq.inputs[0])
    return qdq.scale(first), qdq.scale(last)


def compare_outputs(network, qdq, tests, options, folder):
    """Whole networks; returns whether Davit is as near to onnxruntime as that is to itself."""
    full, plain = session(qdq.model), session(qdq.model, "ORT_DISABLE_ALL")
    (port,), (output,) = qdq.inputs, qdq.outputs
    input_step, output_step = steps_of(qdq)
    path = os.path.join(folder, "quantised.onnx")
    far = collections.Counter()
    total = 0
    for sample in tests:
        sample = sample[None]
        moved = sample.copy()
        moved[tuple(extent // 2 for extent in moved.shape)] += input_step
        want, unoptimised, other = (
            which.run([output], {port: contents})[0]
            for which, contents in ((full, sample), (plain, sample), (full, moved)))
        ours = run_davit(path, {port: sample}, folder, options)[1](output)
        total += want.size
        for key, got in (("davit", ours), ("unoptimised", unoptimised), ("moved", other)):
            far[key] += np.count_nonzero(np.abs(got - want) > 1.5 * output_step)
    share = {key: 1 - far[key] / total for key in ("davit", "unoptimised", "moved")}
    own = max(far["unoptimised"], far["moved"])
    good = far["davit"] <= max((1 - LEAST_SHARE) * total, TIMES_ITSELF * own + 3 * math.sqrt(own))
    print("%-15s outputs  within one step: davit %.5f; onnxruntime to itself: unoptimised %.5f, one "
          "input element moved %.5f (%d elements)%s"
          % (network, share["davit"], share["unoptimised"], share["moved"], total,
             "" if good else "   ABOVE"), flush=True)
    return good


def compare(network, pictures, options):
    _, shape, kind, recipe = NETWORKS[network]
    with tempfile.TemporaryDirectory() as folder:
        path = quantize_accuracy.model_path(network, recipe, folder, options)
        output = os.path.join(folder, "quantised.onnx")
        array = samples(kind, shape, 0, quantize_accuracy.CALIBRATION_SAMPLES, pictures)
        quantize_accuracy.quantize_davit(options, path, output, array, options.method, folder)
        qdq = Qdq(onnx.load(output))
        tests = samples(kind, shape, 1000, options.samples, pictures)
        good = compare_values(network, qdq, tests[:1], options, folder)
        return compare_outputs(network, qdq, tests, options, folder) and good


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--davit", required=True)
    parser.add_argument("--davit-models", required=True)
    parser.add_argument("--models", default=os.path.join(ROOT, "build", "models"))
    parser.add_argument("--method", choices=quantize_accuracy.METHODS, default="minmax")
    parser.add_argument("--samples", type=int, default=32, help="whole runs of each network")
    parser.add_argument("--davit-option", action="append", default=[], metavar="OPTION")
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=", ".join(NETWORKS))
    options = parser.parse_args()
    unknown = set(options.networks) - set(NETWORKS)
    if unknown:
        parser.error("no such network: %s" % ", ".join(sorted(unknown)))
    onnxruntime.set_default_logger_severity(3)
    pictures = quantize_accuracy.photographs(options.models)
    good = True
    for network in options.networks or NETWORKS:
        if NETWORKS[network][3] is None and not pictures:
            print("%s: skipped, models/fetch has not been run" % network)
            continue
        try:
            good = compare(network, pictures, options) and good
        except (CaseError, OSError, subprocess.CalledProcessError) as error:
            print("%s: %s" % (network, error))
            good = False
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
