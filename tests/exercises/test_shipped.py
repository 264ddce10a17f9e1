"""The first layer of the shipped model, by the readable convolution and by ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from nictate.card import ModelCard
from nictate.edges.onnx import open_session
from nictate.exercises.convolution import correlate_by_loops
from nictate.exercises.shipped import first_layer
from nictate.service import shipped_card
from nictate.signals import ConfigError


@pytest.fixture(scope="module")
def weights() -> bytes:
    return shipped_card().with_suffix(".onnx").read_bytes()


def test_the_first_layer_is_what_onnx_runtime_makes_of_it(weights: bytes) -> None:
    card = ModelCard.from_json(shipped_card().read_text(encoding="utf-8"))
    layer = first_layer(weights)
    model = onnx.load_from_string(weights)
    model.graph.output.append(helper.make_tensor_value_info(layer.output, TensorProto.FLOAT, None))
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, card.scale.rows, card.window)).astype(np.float32)
    feed = {"channels": x[:2], "source": x[2], "trusted": np.ones(1, dtype=np.float32)}
    (theirs,) = open_session(model.SerializeToString()).run([layer.output], feed)
    assert theirs.shape[:2] == (3, len(layer.b))
    for ours, of_them in zip(x, theirs, strict=True):
        np.testing.assert_allclose(layer(ours), of_them, atol=1e-5)
    # And by the definition alone: a filter as high as the input has one place from top to bottom.
    taps = layer.W.shape[2]
    reach = layer.stride * (theirs.shape[2] - 1) + layer.dilation * (taps - 1) + 1
    (row,) = correlate_by_loops(x[0, :, :reach].astype(np.float64), layer.W[0], "valid")[:, :: layer.stride]
    np.testing.assert_allclose(row + layer.b[0], theirs[0, 0], atol=1e-5)


def model_of(kind: str, *inputs: str, **options: object) -> bytes:
    w, b = np.ones((2, 1, 3), dtype=np.float32), np.zeros(2, dtype=np.float32)
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, ["y"], **options)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 9])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(w, "w"), numpy_helper.from_array(b, "b")],
    )
    made: bytes = helper.make_model(graph).SerializeToString()
    return made


def test_what_the_file_does_not_say_is_1() -> None:
    layer = first_layer(model_of("Conv", "x", "w", "b"))
    assert (layer.stride, layer.dilation, layer.output) == (1, 1, "y")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (model_of("Relu", "x"), "no convolution"),
        (model_of("Conv", "x", "w", "b", pads=[1, 1]), "pads"),
        (model_of("Conv", "x", "w"), "no bias"),
    ],
)
def test_other_layers_are_refused(model: bytes, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        first_layer(model)
