#!/usr/bin/env python3
"""Compares Davit and onnxruntime on files that `davit quantize` writes.

    quantize_agreement.py --davit PROGRAM --davit-models PROGRAM [--samples N] [NETWORK...]

Values: every quantised value of the network by itself, in both from the same bytes (those of
onnxruntime's run of the whole file without graph optimisations). None may be more than one step
apart, and 99.9 % of them must be equal: onnxruntime computes in f32 between the bytes, so that a
sum next to the middle of two steps may fall to either side.

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
from onnx import helper, numpy_helper

import quantize_accuracy
from compare import CaseError, run_davit
from quantize_accuracy import NETWORKS, ROOT, samples

LEAST_SHARE = 0.999
TIMES_ITSELF = 2
MOST_FAULTS = 5  # that are printed


class Quantised:
    """A quantised file: who makes which value, and where its bytes are."""

    def __init__(self, path):
        self.path = path
        self.model = onnx.load(path)
        graph = self.model.graph
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.maker = {name: node for node in graph.node for name in node.output}
        self.bytes = [node.output[0] for node in graph.node if node.op_type == "QuantizeLinear"]
        self.input = graph.input[0].name
        self.output = graph.output[0].name

    def step(self, node):
        return float(numpy_helper.to_array(self.constants[node.input[1]]))

    def output_step(self):
        node = self.maker[self.output]
        if node.op_type != "DequantizeLinear":
            raise CaseError("the output is not quantised")
        return self.step(node)

    def input_step(self):
        return self.step(next(node for node in self.model.graph.node
                              if node.op_type == "QuantizeLinear" and node.input[0] == self.input))

    def with_values(self):
        """The model with every quantised value as an output."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in self.bytes)
        return model

    def part(self, wanted, values):
        """The model that makes one quantised value from those before it, and the inputs."""
        nodes, inputs, constants, seen = [], [], [], set()

        def walk(name):
            if not name or name in seen:
                return
            seen.add(name)
            if name in self.constants:
                constants.append(self.constants[name])
            elif name != wanted and (name == self.input or name in values):
                inputs.append(name)
            else:
                for operand in self.maker[name].input:
                    walk(operand)
                if self.maker[name] not in nodes:
                    nodes.append(self.maker[name])

        walk(wanted)
        ports = [helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(values[name].dtype), values[name].shape) for name in inputs]
        graph = helper.make_graph(nodes, "part", ports, [helper.make_empty_tensor_value_info(wanted)],
                                  constants)
        model = helper.make_model(graph, ir_version=self.model.ir_version,
                                  opset_imports=self.model.opset_import)
        operators = [node.op_type for node in nodes if not node.op_type.endswith("uantizeLinear")]
        return model, {name: values[name] for name in inputs}, "+".join(operators)


def session(model, level="ORT_ENABLE_ALL"):
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    settings.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    contents = model if isinstance(model, str) else model.SerializeToString()
    return onnxruntime.InferenceSession(contents, settings, providers=["CPUExecutionProvider"])


def compare_values(network, quantised, sample, options, folder):
    """Every quantised value from the same bytes; returns whether they agree."""
    names = [quantised.output, *quantised.bytes]
    whole = session(quantised.with_values(), "ORT_DISABLE_ALL")
    values = dict(zip(names, whole.run(names, {quantised.input: sample})))
    values[quantised.input] = sample
    del values[quantised.output]
    path = os.path.join(folder, "part.onnx")
    total, differing, most, faults = 0, 0, 0, collections.Counter()
    for name in quantised.bytes:
        model, inputs, operators = quantised.part(name, values)
        onnx.save(model, path)
        theirs = session(model, "ORT_DISABLE_ALL").run([name], inputs)[0].astype(np.int32)
        ours = run_davit(path, inputs, folder, options)[1](name).astype(np.int32)
        steps = np.abs(ours - theirs)
        total, differing = total + steps.size, differing + np.count_nonzero(steps)
        most = max(most, int(steps.max(initial=0)))
        faults["%s (%s)" % (name, operators)] = np.count_nonzero(steps)
    good = most <= 1 and differing <= (1 - LEAST_SHARE) * total
    print("%-15s values   %d of %d tensors' %d elements differ (%.5f equal), by %d step at most%s"
          % (network, differing, len(quantised.bytes), total, 1 - differing / total, most,
             "" if good else "   ABOVE"), flush=True)
    for fault, count in faults.most_common(0 if good else MOST_FAULTS):
        print("    %6d in %s" % (count, fault))
    return good


def compare_outputs(network, quantised, tests, options, folder):
    """Whole networks; returns whether Davit is as near to onnxruntime as that is to itself."""
    full, plain = session(quantised.path), session(quantised.path, "ORT_DISABLE_ALL")
    allowed = 1.5 * quantised.output_step()
    far = collections.Counter()
    total = 0
    for sample in tests:
        sample = sample[None]
        moved = sample.copy()
        moved[tuple(extent // 2 for extent in moved.shape)] += quantised.input_step()
        want, unoptimised, other = (
            which.run([quantised.output], {quantised.input: contents})[0]
            for which, contents in ((full, sample), (plain, sample), (full, moved)))
        ours = run_davit(quantised.path, {quantised.input: sample}, folder, options)[1](quantised.output)
        total += want.size
        for key, got in (("davit", ours), ("unoptimised", unoptimised), ("moved", other)):
            far[key] += np.count_nonzero(np.abs(got - want) > allowed)
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
        quantised = Quantised(output)
        tests = samples(kind, shape, 1000, options.samples, pictures)
        good = compare_values(network, quantised, tests[:1], options, folder)
        return compare_outputs(network, quantised, tests, options, folder) and good


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
