"""QDQ files by value: what each quantised value is made from, and whether its bytes are right.

Davit runs the whole file with every quantised value as an output; then onnxruntime makes each of
these values by itself, from the bytes that Davit had before it. So nothing accumulates, and two
things can be asked of each byte:

- Is it a rounding of onnxruntime's f32 value? With y that value, s and z the output's scale and
  zero point: |q - z - clip(y / s)| <= 1/2 + d. d is what the arithmetic itself may lose, in steps.
  With M the largest f32 magnitude between the bytes it is 2^-13 M / s: 16 times the rounding of
  factors to 16 bits (2^-17 of each of two operands of a sum), and far more than sums of f32
  products lose unless they cancel. Where there are weights, a bias in f32 is rounded to the unit of
  the sum: s_x s_w / 2 more. A linear resize has weights of 11 bits, which move a result by up to
  2^-12 of the range 2 M for each of two axes: 2^-10 M / s.
- Is it onnxruntime's byte? It may differ by one step, where f32 lies next to the middle of two.
"""

import collections

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from compare import run_davit

LOSS, LOSS_RESIZED = 2.0**-13, 2.0**-10
WEIGHTED = {"Conv", "ConvTranspose", "Gemm", "MatMul"}

Value = collections.namedtuple("Value", "name operators elements differing most wrong")


def session(model, level="ORT_ENABLE_ALL"):
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    settings.log_severity_level = 4
    settings.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    return onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])


def largest(made):
    """The largest finite magnitude among f32 arrays."""
    floats = [array for array in made.values() if array.dtype == np.float32]
    return max((float(np.abs(array[np.isfinite(array)]).max(initial=0)) for array in floats), default=0)


def operators_of(nodes):
    return "+".join(node.op_type for node in nodes if not node.op_type.endswith("uantizeLinear"))


class Qdq:
    """A QDQ file: who makes which value."""

    def __init__(self, model):
        self.model = model
        graph = model.graph
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self.maker = {name: node for node in graph.node for name in node.output}
        self.bytes = [node.output[0] for node in graph.node if node.op_type == "QuantizeLinear"]
        self.inputs = [port.name for port in graph.input]
        self.outputs = [port.name for port in graph.output]

    def scale(self, node):
        """Scale of a QuantizeLinear or DequantizeLinear."""
        return float(numpy_helper.to_array(self.constants[node.input[1]]))

    def zero(self, node):
        return int(numpy_helper.to_array(self.constants[node.input[2]]))

    def with_values(self):
        """The model with every quantised value as an output."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        model.graph.output.extend(helper.make_empty_tensor_value_info(name)
                                  for name in self.bytes if name not in self.outputs)
        return model

    def part(self, wanted, known):
        """The nodes that make a value from known ones (name -> array), and the names of these."""
        nodes, inputs, constants, seen = [], [], [], set()

        def walk(name):
            if not name or name in seen:
                return
            seen.add(name)
            if name in self.constants:
                constants.append(self.constants[name])
            elif name != wanted and name in known:
                inputs.append(name)
            else:
                for operand in self.maker[name].input:
                    walk(operand)
                if self.maker[name] not in nodes:
                    nodes.append(self.maker[name])

        walk(wanted)
        return nodes, inputs, constants

    def run_part(self, wanted, known):
        """What onnxruntime makes of a part without optimisations: name -> array, and its nodes."""
        nodes, inputs, constants = self.part(wanted, known)
        ports = [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(known[name].dtype),
                                               known[name].shape) for name in inputs]
        names = [name for node in nodes for name in node.output if name]
        graph = helper.make_graph(nodes, "part", ports,
                                  [helper.make_empty_tensor_value_info(name) for name in names], constants)
        model = helper.make_model(graph, ir_version=self.model.ir_version, opset_imports=self.model.opset_import)
        made = dict(zip(names, session(model, "ORT_DISABLE_ALL").run(names, {n: known[n] for n in inputs})))
        made.update((name, known[name]) for name in inputs)
        return made, nodes

    def loss(self, scale, made, nodes):
        """d of one value, from the arrays of its part."""
        operators = {node.op_type for node in nodes}
        factor = LOSS_RESIZED if "Resize" in operators else LOSS
        loss = factor * largest(made) / scale
        if operators & WEIGHTED:
            steps = {True: 0.0, False: 0.0}
            for node in nodes:
                if node.op_type == "DequantizeLinear":
                    constant = node.input[0] in self.constants
                    scales = numpy_helper.to_array(self.constants[node.input[1]])
                    steps[constant] = max(steps[constant], float(scales.max()))
            loss += steps[True] * steps[False] / 2 / scale
        return loss

    def judge(self, name, known):
        """One quantised value that Davit made (known[name])."""
        made, nodes = self.run_part(name, known)
        node, ours = self.maker[name], known[name].astype(np.int32)
        if ours.shape != made[name].shape:
            return Value(name, operators_of(nodes), ours.size, 0, 0, ours.size)
        scale, zero = self.scale(node), self.zero(node)
        limits = np.iinfo(known[name].dtype)
        exact = made[node.input[0]].astype(np.float64) / scale
        judged = ~np.isnan(exact)  # ONNX does not say what byte a NaN is
        steps = np.abs(ours - made[name].astype(np.int32))[judged]
        away = np.abs(ours - zero - exact.clip(limits.min - zero, limits.max - zero))[judged]
        return Value(name, operators_of(nodes), steps.size, int(np.count_nonzero(steps)), int(steps.max(initial=0)),
                     int(np.count_nonzero(away > 0.5 + self.loss(scale, made, nodes))))

    def judge_output(self, name, known):
        """An output that is not quantised: onnxruntime's f32 from the same bytes, as f32 is compared."""
        made, nodes = self.run_part(name, known)
        same = np.isclose(known[name], made[name], rtol=1e-3, atol=1e-5 * largest(made))
        same |= np.isnan(made[name])  # a Resize may leave out what has the weight 0
        return Value(name, operators_of(nodes), same.size, 0, 0, int(np.count_nonzero(~same)))

    def judge_all(self, known):
        """Every quantised value, and the outputs that Davit made; yields Value."""
        before = {name: known[name] for name in [*self.inputs, *self.bytes]}
        for name in self.bytes:
            yield self.judge(name, before)
        for name in self.outputs:
            yield self.judge_output(name, {**before, name: known[name]})

    def run_davit(self, inputs, folder, options):
        """What Davit computes: inputs, outputs and quantised values, name -> array."""
        path = "%s/values.onnx" % folder
        onnx.save(self.with_values(), path)
        _, load = run_davit(path, inputs, folder, options)
        return {**inputs, **{name: load(name) for name in [*self.bytes, *self.outputs]}}
