"""The first layer of a trained model, read from its ONNX file: `nictate.exercises.convolution` is its oracle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nictate.exercises.convolution import layer
from nictate.signals import ConfigError, FloatArray


@dataclass(frozen=True, slots=True)
class FirstLayer:
    """A convolution without padding over (rows, time)."""

    W: FloatArray
    """(filters, rows, taps)"""
    b: FloatArray
    """(filters,)"""
    stride: int
    dilation: int
    output: str
    """The name of its result in the file."""

    def __call__(self, x: FloatArray) -> FloatArray:
        """(filters, steps) of ``x`` (rows, time), before the ReLU, in float64."""
        return layer(x, self.W, self.b, self.stride, self.dilation)


def first_layer(weights: bytes) -> FirstLayer:
    """The first ``Conv`` of an ONNX model. Raises `ConfigError` where there is none, or one that pads or has groups."""
    import onnx

    graph = onnx.load_from_string(weights).graph
    node = next((node for node in graph.node if node.op_type == "Conv"), None)
    if node is None:
        raise ConfigError("the model has no convolution")
    options = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    if any(options.get("pads", ())) or options.get("group", 1) != 1 or len(node.input) != 3:
        raise ConfigError("the model's first convolution pads, has groups or no bias")
    constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    W, b = (np.asarray(constants[name], dtype=np.float64) for name in node.input[1:])
    (stride,), (dilation,) = options.get("strides", (1,)), options.get("dilations", (1,))
    return FirstLayer(W, b, stride, dilation, node.output[0])
