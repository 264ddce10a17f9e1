"""The network's home: onnxruntime, one thread, one window at a time.

One thread and one window, live and offline: batching or more threads may change the last bits, and a window costs less
than handing it to another thread would.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from nictate.card import ModelCard
from nictate.signals import ConfigError


def open_session(weights: bytes) -> onnxruntime.InferenceSession:
    """A session on one thread. Raises `ConfigError` when ``weights`` are no ONNX model."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001  (onnxruntime raises a dozen types without a common base)
        raise ConfigError(f"the model cannot be loaded: {str(error).splitlines()[0]}") from None


class OnnxNetwork:
    """The weights that belong to a card, as the detector's `Network`.

    Raises `ConfigError` when the weights are not the card's, are no ONNX model, or have other inputs or another output
    than the card says.
    """

    def __init__(self, weights: bytes, card: ModelCard) -> None:
        card.check(weights)
        self._session = open_session(weights)
        names = [value.name for value in self._session.get_inputs()]
        if names != ["channels", "source", "trusted"]:
            raise ConfigError(f"the model's inputs are {names}, not channels, source and trusted")
        shape = [card.scale.rows, card.window]
        shapes = [value.shape for value in self._session.get_inputs()]
        outputs = [value.shape for value in self._session.get_outputs()]
        spoken = [len(card.looks_s), card.hop // card.step]
        if shapes[0][1:] != shape or shapes[1] != shape or len(outputs) != 1 or not _fits(outputs[0], spoken):
            raise ConfigError(
                f"the model takes {shapes[0]} and gives {outputs}; its card says {shape} a channel, and one of {spoken}"
            )
        self._flags = {True: np.ones(1, dtype=np.float32), False: np.zeros(1, dtype=np.float32)}

    def __call__(
        self, channels: npt.NDArray[np.float32], source: npt.NDArray[np.float32], trusted: bool
    ) -> npt.NDArray[np.float64]:
        """``channels`` (k, rows, window), ``source`` (rows, window) -> probabilities (looks, hop / step)."""
        feed = {"channels": channels, "source": source, "trusted": self._flags[trusted]}
        (probability,) = self._session.run(None, feed)
        return np.asarray(probability, dtype=np.float64)


def _fits(shape: list[int | str | None], expected: list[int]) -> bool:
    """Whether an output may be of this shape; a length that the file leaves open has a name or None."""
    return len(shape) == len(expected) and all(
        n == m or not isinstance(n, int) for n, m in zip(shape, expected, strict=True)
    )


def load_model(card_path: Path) -> tuple[ModelCard, OnnxNetwork]:
    """The card and the weights beside it (``x.json`` and ``x.onnx``). Raises `ConfigError` with the file's name."""
    weights_path = card_path.with_suffix(".onnx")
    try:
        text, weights = card_path.read_text(encoding="utf-8"), weights_path.read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{card_path}: cannot be read as a model card with its model: {error}") from None
    try:
        card = ModelCard.from_json(text)
        return card, OnnxNetwork(weights, card)
    except ConfigError as error:
        raise ConfigError(f"{card_path}: {error}") from None
