"""The pass: a torch or ONNX model of dense sigmoid layers, rewritten into its tanh twin.

What `nictate.exercises.activations` says of two layers holds at each sigmoid that stands between two dense layers:
halve what comes in; halve the weights that take its output and add half their sum to the bias. A sigmoid that stands
elsewhere, as at the output of a classifier, is left as it is, so the result always computes what the model did.

torch and onnx are imported when they are needed; nothing else here needs them.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from nictate.edges.onnx import open_session
from nictate.exercises.activations import Dense
from nictate.signals import ConfigError, FloatArray

if TYPE_CHECKING:
    from torch import nn

ALIKE = 1e-5
"""How much two float32 networks may differ, relative to the largest output or 1: hundreds of roundings."""

NOTHING_TO_REWRITE = "no sigmoid stands between two dense layers: there is nothing to rewrite"


def tanh_twin(model: nn.Sequential) -> nn.Sequential:
    """A new model that computes what ``model`` does. Raises `ConfigError` where there is nothing to rewrite."""
    import torch
    from torch import nn

    layers = [copy.deepcopy(layer) for layer in model]  # One by one: layers that share weights are parted.
    rewritten = 0
    for k in range(1, len(layers) - 1):
        before, after = layers[k - 1], layers[k + 1]
        if not (isinstance(layers[k], nn.Sigmoid) and isinstance(before, nn.Linear) and isinstance(after, nn.Linear)):
            continue
        with torch.no_grad():
            before.weight.div_(2.0)
            if before.bias is not None:
                before.bias.div_(2.0)
            shift = after.weight.sum(dim=1) / 2.0
            after.weight.div_(2.0)
            after.bias = nn.Parameter(shift if after.bias is None else after.bias + shift)
        layers[k] = nn.Tanh()
        rewritten += 1
    if not rewritten:
        raise ConfigError(NOTHING_TO_REWRITE)
    return nn.Sequential(*layers).train(model.training)


def tanh_twin_onnx(weights: bytes) -> bytes:
    """The same for an ONNX model, verified in ONNX Runtime.

    Dense layers are ``Gemm``, or ``MatMul`` and ``Add``, with constant weights. Raises `ConfigError` where there is
    nothing to rewrite, `RuntimeError` if the two models differ.
    """
    import onnx

    model = onnx.load_from_string(weights)
    graph = _Graph(model.graph)
    if not sum(graph.rewrite(node) for node in list(model.graph.node) if node.op_type == "Sigmoid"):
        raise ConfigError(NOTHING_TO_REWRITE)
    graph.drop_unused()
    onnx.checker.check_model(model, full_check=True)
    twin: bytes = model.SerializeToString()
    if not (apart := difference(weights, twin)) < ALIKE:
        raise RuntimeError(f"the ONNX models differ by {apart:.2g}")
    return twin


def difference(one: bytes, other: bytes) -> float:
    """Largest difference of two ONNX models' outputs over random inputs, relative to the largest output or 1."""
    sessions = [open_session(weights) for weights in (one, other)]
    rng = np.random.default_rng(0)
    feed = {}
    for wanted in sessions[0].get_inputs():
        shape = [size if isinstance(size, int) else 16 for size in wanted.shape]
        kind = np.float64 if wanted.type == "tensor(double)" else np.float32
        feed[wanted.name] = rng.standard_normal(shape).astype(kind)
    said = [session.run(None, feed) for session in sessions]
    return max(
        float(np.abs(a - b).max()) / max(1.0, float(np.abs(a).max())) for a, b in zip(said[0], said[1], strict=True)
    )


class _Graph:
    """An ONNX graph, and who makes and takes each of its values."""

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._makers = {name: node for node in graph.node for name in node.output}

    def rewrite(self, sigmoid: Any) -> bool:
        """Makes a tanh of a sigmoid if that can be done without a change of what the graph computes."""
        before = self._dense(self._makers.get(sigmoid.input[0]))
        after = [self._dense(node, sigmoid.output[0]) for node in self._takers(sigmoid.output[0])]
        rewritable = [dense for dense in after if dense is not None]
        if before is None or not after or len(rewritable) < len(after) or self._takers(sigmoid.input[0]) != [sigmoid]:
            return False
        before.scale(0.5)
        for dense in rewritable:
            dense.shift_input(0.5)
        sigmoid.op_type = "Tanh"
        return True

    def _takers(self, name: str) -> list[Any]:
        """The nodes that take a value; with it the graph itself where it is an output."""
        nodes = [node for node in self._graph.node if name in node.input]
        return nodes + [output for output in self._graph.output if output.name == name]

    def _dense(self, node: Any, taken: str | None = None) -> _Dense | None:
        """The dense layer that ``node`` ends, or, where ``taken`` is given, that takes this value with ``node``."""
        kind = getattr(node, "op_type", "")
        if kind == "MatMul" and taken is not None:
            found = self._takers(node.output[0])
            return self._with_bias(node, found[0]) if len(found) == 1 else None
        if kind == "Add" and taken is None:
            product = next((self._makers[name] for name in node.input if name in self._makers), None)
            if product is None or self._takers(product.output[0]) != [node]:
                return None
            return self._with_bias(product, node)
        if kind != "Gemm" or (taken is not None and node.input[0] != taken):
            return None
        options = {attribute.name: attribute for attribute in node.attribute}
        alpha, beta = (options[key].f if key in options else 1.0 for key in ("alpha", "beta"))
        flips = {key: bool(options[key].i) if key in options else False for key in ("transA", "transB")}
        if flips["transA"] or beta == 0.0 or not all(name in self._constants for name in node.input[1:]):
            return None
        return _Dense(self, node, node, 2, axis=1 if flips["transB"] else 0, gain=alpha / beta)

    def _with_bias(self, product: Any, add: Any) -> _Dense | None:
        """``x @ W + b`` of two nodes."""
        if getattr(add, "op_type", "") != "Add" or product.op_type != "MatMul":
            return None
        bias = [k for k, name in enumerate(add.input) if name in self._constants]
        weights = self._constants.get(product.input[1])
        if len(bias) != 1 or weights is None or len(weights.dims) != 2:
            return None
        return _Dense(self, product, add, bias[0], axis=0, gain=1.0)

    def values(self, name: str) -> FloatArray:
        from onnx import numpy_helper

        return np.asarray(numpy_helper.to_array(self._constants[name]))

    def add(self, name: str, values: FloatArray) -> str:
        """A constant of its own for one layer: others may share the one that it had."""
        from onnx import numpy_helper

        while name in self._constants:
            name += "_twin"
        tensor = numpy_helper.from_array(values, name)
        self._graph.initializer.append(tensor)
        self._constants[name] = tensor
        return name

    def drop_unused(self) -> None:
        used = {name for node in self._graph.node for name in node.input} | {o.name for o in self._graph.output}
        kept = [tensor for tensor in self._graph.initializer if tensor.name in used]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)


class _Dense:
    """A dense layer of a graph: which node has the weights, which the bias, and where."""

    def __init__(self, graph: _Graph, product: Any, add: Any, bias_at: int, *, axis: int, gain: float) -> None:
        self._graph, self._product, self._add, self._bias_at = graph, product, add, bias_at
        self._axis = axis
        """Of the weights, that along which the inputs are."""
        self._gain = gain
        """How many times the bias the weights are counted."""

    def scale(self, by: float) -> None:
        """Makes its output ``by`` times what it was."""
        self._set(self._product, 1, self._weights * self._weights.dtype.type(by))
        if self._bias is not None:
            self._set(self._add, self._bias_at, self._bias * self._bias.dtype.type(by))

    def shift_input(self, by: float) -> None:
        """Makes it take (1 + x) ``by`` where it was to take x."""
        shift = (self._gain * by * self._weights.sum(axis=self._axis)).astype(self._weights.dtype)
        bias = shift if self._bias is None else self._bias + shift
        self._set(self._add, self._bias_at, bias)
        self._set(self._product, 1, self._weights * self._weights.dtype.type(by))

    @property
    def _weights(self) -> FloatArray:
        return self._graph.values(self._product.input[1])

    @property
    def _bias(self) -> FloatArray | None:
        inputs = self._add.input
        return self._graph.values(inputs[self._bias_at]) if self._bias_at < len(inputs) else None

    def _set(self, node: Any, k: int, values: FloatArray) -> None:
        old = node.input[k] if k < len(node.input) else f"{node.input[1]}_bias"
        name = self._graph.add(old, values)
        if k < len(node.input):
            node.input[k] = name
        else:
            node.input.append(name)


def onnx_model(net: Dense) -> bytes:
    """A dense sigmoid network in float32 as an ONNX model: ``x`` (n, inputs) to ``y`` (n, outputs)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = {name: w.astype(np.float32) for name, w in zip(("W1", "b1", "W2", "b2"), net.weights, strict=True)}
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "W1", "b1"], ["z"], transB=1),
            helper.make_node("Sigmoid", ["z"], ["hidden"]),
            helper.make_node("Gemm", ["hidden", "W2", "b2"], ["y"], transB=1),
        ],
        "sigmoid",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", net.W1.shape[1]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", net.W2.shape[0]])],
        [numpy_helper.from_array(w, name) for name, w in weights.items()],
    )
    model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 20)])
    onnx.checker.check_model(model, full_check=True)
    exported: bytes = model.SerializeToString()
    return exported
