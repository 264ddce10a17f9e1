from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from nictate.card import ModelCard
from nictate.edges.onnx import OnnxNetwork, load_model
from nictate.signals import ConfigError
from stand_in import CARD

ROWS, WINDOW, STEPS, LOOKS = CARD.scale.rows, CARD.window, CARD.hop // CARD.step, len(CARD.looks_s)


def network(
    names: tuple[str, ...] = ("channels", "source", "trusted"),
    *,
    window: int = WINDOW,
    rows: int = ROWS,
    outputs: int = 1,
    spoken: tuple[int | str, int | str] = (LOOKS, STEPS),
) -> bytes:
    """A small model with the expected inputs: the logistic of the mean of all channels, plus the source if trusted."""
    channels, source, trusted = names
    said = [n if isinstance(n, int) else m for n, m in zip(spoken, (LOOKS, STEPS), strict=True)]
    nodes = [
        helper.make_node("ReduceMean", [channels], ["mean"], keepdims=0),
        helper.make_node("ReduceMean", [source], ["aside"], keepdims=0),
        helper.make_node("Mul", ["aside", trusted], ["weighed"]),
        helper.make_node("Add", ["mean", "weighed"], ["sum"]),
        helper.make_node("Sigmoid", ["sum"], ["one"]),
        helper.make_node("Expand", ["one", "shape"], ["probability"]),
        helper.make_node("Identity", ["one"], ["other"]),
    ]
    graph = helper.make_graph(
        nodes,
        "test",
        [
            helper.make_tensor_value_info(channels, TensorProto.FLOAT, ["inputs", rows, window]),
            helper.make_tensor_value_info(source, TensorProto.FLOAT, [rows, window]),
            helper.make_tensor_value_info(trusted, TensorProto.FLOAT, [1]),
        ],
        [
            helper.make_tensor_value_info("probability", TensorProto.FLOAT, spoken),
            helper.make_tensor_value_info("other", TensorProto.FLOAT, [1]),
        ][:outputs],
        [helper.make_tensor("shape", TensorProto.INT64, [2], said)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def card_of(weights: bytes) -> ModelCard:
    return dataclasses.replace(CARD, sha256=hashlib.sha256(weights).hexdigest())


def refusal(weights: bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        OnnxNetwork(weights, card_of(weights))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("trusted", [False, True])
def test_it_computes_what_the_model_says(channels: int, trusted: bool) -> None:
    weights = network()
    rng = np.random.default_rng(channels)
    x = rng.standard_normal((channels, ROWS, WINDOW)).astype(np.float32)
    source = rng.standard_normal((ROWS, WINDOW)).astype(np.float32)
    found = OnnxNetwork(weights, card_of(weights))(x, source, trusted)
    expected = 1.0 / (1.0 + np.exp(-(x.mean() + trusted * source.mean())))
    assert found.shape == (LOOKS, STEPS)
    assert found.dtype == np.float64
    assert found == pytest.approx(np.full((LOOKS, STEPS), expected), abs=1e-6)


def test_weights_that_are_not_the_cards_are_refused_before_they_are_read() -> None:
    with pytest.raises(ConfigError, match="not the one of its card"):
        OnnxNetwork(b"anything", CARD)


@pytest.mark.parametrize(
    "weights",
    [b"", b"\0" * 100, b"this is no model", network()[:-40], network()[40:], b"\x7fELF" + bytes(range(256))],
    ids=["empty", "zeros", "text", "truncated", "beheaded", "foreign"],
)
def test_a_corrupt_file_is_refused_in_one_line(weights: bytes) -> None:
    refusal(weights)


def test_a_foreign_model_is_refused_with_its_inputs() -> None:
    assert "['image', 'source', 'trusted']" in refusal(network(("image", "source", "trusted")))


@pytest.mark.parametrize(
    "weights",
    [
        network(window=WINDOW + 1),
        network(rows=ROWS + 1),
        network(outputs=2),
        network(spoken=(LOOKS + 1, STEPS)),
        network(spoken=(LOOKS, STEPS + 1)),
    ],
    ids=["window", "rows", "outputs", "look-aheads", "steps"],
)
def test_a_model_of_another_shape_than_its_card_is_refused(weights: bytes) -> None:
    """Now, rather than at the first window of a recording that is under way."""
    refusal(weights)


def test_a_model_that_leaves_lengths_open_is_taken() -> None:
    weights = network(spoken=("looks", "steps"))
    shape = (ROWS, WINDOW)
    said = OnnxNetwork(weights, card_of(weights))(np.ones((1, *shape), np.float32), np.ones(shape, np.float32), True)
    assert said.shape == (LOOKS, STEPS)


# --- Files ---------------------------------------------------------------------------------------


def pair(folder: Path) -> Path:
    weights = network()
    (folder / "x.onnx").write_bytes(weights)
    (folder / "x.json").write_text(card_of(weights).to_json(), encoding="utf-8")
    return folder / "x.json"


def test_a_card_and_the_weights_beside_it_are_loaded(tmp_path: Path) -> None:
    card, loaded = load_model(pair(tmp_path))
    assert card == card_of(network())
    assert isinstance(loaded, OnnxNetwork)


def test_what_cannot_be_loaded_is_named_in_one_line(tmp_path: Path) -> None:
    def damage(name: str, content: bytes | None) -> str:
        card_path = pair(tmp_path)
        damaged = tmp_path / name
        damaged.unlink() if content is None else damaged.write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            load_model(card_path)
        message = str(caught.value)
        assert message.startswith(f"{card_path}: ")
        assert "\n" not in message
        return message

    assert "x.json" in damage("x.json", None)
    assert "x.onnx" in damage("x.onnx", None)
    assert "not JSON" in damage("x.json", b"{")
    assert "cannot be read" in damage("x.json", b"\xff\xfe\x00")
    assert "not of format" in damage("x.json", b"{}")
    assert "not the one of its card" in damage("x.onnx", b"")
    assert "not the one of its card" in damage("x.onnx", network()[:-1])


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_model(tmp_path)
