"""The model card: every number that the detector is built from, beside the weights that they belong to.

The card is a JSON file. Its first part is read by the detector, its second (`ModelCard.about`) by people: what the
model was trained on, under which licences, and how well it does (Mitchell et al. 2019, Model Cards for Model
Reporting).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

from nictate.decision import DecisionRules
from nictate.filters import Band
from nictate.habits import Features
from nictate.ica import IcaRules
from nictate.quality import QualityRules
from nictate.scaling import ScaleRules
from nictate.signals import ConfigError

FORMAT = 1


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What `nictate.Detector` is built from. Times in s, frequencies in Hz, lengths in samples at the model's rate."""

    name: str
    sha256: str
    """Of the ONNX file; a model that differs is refused."""
    rate_hz: float
    """Rate of the model's input."""
    window: int
    """Length of the model's input in samples."""
    hop: int
    """Samples between two windows."""
    step: int
    """Samples between two outputs; ``hop / step`` of each window's outputs are new."""
    frame_s: float
    """Length of the frames that all stages before the windows work on."""
    hole_s: float
    """A longer step in time is a hole: the detector starts afresh after it."""
    max_inputs: int
    """The model sees so many channels at most; of more, those where blinks are largest."""
    looks_s: tuple[float, ...]
    """Look-aheads of the outputs, the shortest first: at stream time t, output k speaks of t - looks_s[k]."""
    band: Band
    quality: QualityRules
    ica: IcaRules
    scale: ScaleRules
    decision: DecisionRules
    about: dict[str, Any] = dataclasses.field(default_factory=dict)
    """For people: training data with licences and counts, split, seed, opset, metrics."""

    def frame(self, rate_hz: float) -> int:
        """Samples in a frame of a stream of ``rate_hz``."""
        return max(2, round(self.frame_s * rate_hz))

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Raises `ConfigError` that names the key when one is missing, unknown or of the wrong type."""
        try:
            raw = json.loads(text)
        except ValueError as error:
            raise ConfigError(f"the model card is not JSON: {error}") from None
        if not isinstance(raw, dict) or raw.pop("format", None) != FORMAT:
            raise ConfigError(f"the model card is not of format {FORMAT}")
        card = _build(cls, raw, "")
        if not (
            card.step > 0
            and card.hop % card.step == 0
            and card.window > card.hop > 0
            and card.rate_hz > 0
            and card.frame_s > 0
        ):
            raise ConfigError("the model card's window, hop, rate and frame do not fit each other")
        looks = len(card.looks_s)
        if not looks or looks != len(card.decision.start) or looks != len(card.decision.confirm):
            raise ConfigError("the model card's decision needs one threshold for each of its looks_s")
        weights = 2 + len(Features._fields)
        if len(card.decision.habits.weights) != weights:
            raise ConfigError(f"the model card's decision.habits.weights are not {weights} numbers")
        return card

    def check(self, weights: bytes) -> None:
        """Raises `ConfigError` when ``weights`` are not the ones that this card describes."""
        found = hashlib.sha256(weights).hexdigest()
        if found != self.sha256:
            raise ConfigError(
                f"the model file is not the one of its card (sha256 {found[:12]}..., the card says "
                f"{self.sha256[:12]}...): restore the pair, or train again"
            )


T = TypeVar("T")


def _build(kind: type[T], raw: object, where: str) -> T:
    """A dataclass from parsed JSON, every key checked."""
    if not isinstance(raw, dict):
        raise ConfigError(f"the model card's {where or 'content'} is not an object")
    hints = get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in raw:
        if key not in fields:
            raise ConfigError(f"the model card has an unknown key: {where}{key}")
    values = {}
    for name in fields:
        if name not in raw:
            if hints[name] == dict[str, Any]:  # What is for people may be missing.
                continue
            raise ConfigError(f"the model card lacks a key: {where}{name}")
        value, hint = raw[name], hints[name]
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            value = _build(hint, value, f"{where}{name}.")
        elif hint == tuple[float, ...]:
            if not isinstance(value, list) or not all(type(item) in (int, float) for item in value):
                raise ConfigError(f"the model card's {where}{name} is {value!r}, not a list of numbers")
            value = tuple(float(item) for item in value)
        elif hint == dict[str, Any] and not isinstance(value, dict):
            raise ConfigError(f"the model card's {where}{name} is {value!r}, not an object")
        elif hint is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        elif hint in (int, float, str) and type(value) is not hint:
            raise ConfigError(f"the model card's {where}{name} is {value!r}, not a {hint.__name__}")
        values[name] = value
    return kind(**values)
