"""A model that exists, trained a little further on a user's own recordings; kept only if that has made it better."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nictate.card import ModelCard
from nictate.edges.onnx import OnnxNetwork, load_model
from nictate.signals import ConfigError
from nictate.training.choose import choose
from nictate.training.corpus import LabelledSignal, load
from nictate.training.evaluate import Truth
from nictate.training.export import from_onnx, to_onnx
from nictate.training.fit import Epoch, fit
from nictate.training.heard import listen
from nictate.training.judge import judge
from nictate.training.network import Architecture
from nictate.training.recipe import Recipe
from nictate.training.scores import Score
from nictate.training.unmixed import with_source

EPOCHS = 6
BATCHES = 30
LEARNING_RATE = 3e-4
"""A tenth of what the network was trained with: it knows what a blink is, and is to learn who is before it."""

SHARES = (0.5, 0.65)
"""Of one person's time: to learn from until here, then to choose the epoch, and the rest is held out."""

GAP_S = 10.0
"""Left out between two parts of one person's time, as neighbouring seconds are alike; at most `GAP_SHARE` of it."""

GAP_SHARE = 0.05

LEAST_BLINKS = 5
"""In each part; an F1 of fewer is chance."""

SKIP_S = (1.0, 0.3)
"""As in `nictate evaluate`."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A user's recordings, kept apart."""

    learn: tuple[LabelledSignal, ...]
    validate: tuple[LabelledSignal, ...]
    """For the best epoch; also for the thresholds, with `learn`."""
    test: tuple[LabelledSignal, ...]
    """Held out: for the verdict alone."""
    by: Literal["person", "time"]
    """What keeps `test` apart from the others."""


@dataclass(frozen=True, slots=True)
class FineTuned:
    """How a model did on the held-out part before and after."""

    before: Score
    after: Score | None
    """None when there was nothing to improve."""
    by: Literal["person", "time"]
    written: Path | None
    """The card; None when the model was not replaced."""

    @property
    def line(self) -> str:
        """For the operator."""
        what = "people held out" if self.by == "person" else "time held out"
        old, new = self.before, self.after
        said = f"{what}, {old.hits + old.misses} blinks in {old.scored_s / 60:.1f} min: F1 {old.f1:.3f} before"
        if new is None:
            return f"{said}: nothing to improve, nothing written"
        said += f" ({old.misses} missed, {old.false_alarms} false), {new.f1:.3f} after"
        said += f" ({new.misses} missed, {new.false_alarms} false)"
        return f"{said}; {self.written} written" if self.written else f"{said}: no better, nothing written"


def finetune(
    start: Path,
    data: Path,
    folder: Path,
    seed: int,
    epochs: int | None,
    batches: int | None,
    say: Callable[[str], None],
    advance: Callable[[float, str], None],
) -> FineTuned:
    """Train the model of the card ``start`` further on ``data``, and on nothing else.

    Writes ``folder``/blink.onnx and blink.json only if F1 on the held-out part is higher than before; ``advance`` hears
    shares of the whole. Raises `ConfigError` when the model cannot be trained further or there are too few labels, and
    what reading the recordings raises.
    """
    card, network = load_model(start)
    recipe = dataclasses.replace(
        recipe_of(card),
        seed=seed,
        epochs=epochs or EPOCHS,
        batches=batches or BATCHES,
        learning_rate=LEARNING_RATE,
        imagined=0,
    )
    begin = from_onnx(start.with_suffix(".onnx").read_bytes(), recipe.architecture)
    signals = load(data, lambda _done, _of: advance(0.0, "reading"), say)
    parts = parts_of(signals, seed)
    for name in ("learn", "validate", "test"):
        part: tuple[LabelledSignal, ...] = getattr(parts, name)
        blinks, people = _blinks(part), len({s.subject for s in part})
        if blinks < LEAST_BLINKS:
            raise ConfigError(f"{data}: {blinks} labelled blinks to {name} with; at least {LEAST_BLINKS} are needed")
        say(f"{name}: {people} people, {sum(s.duration_s for s in part) / 60:.1f} min, {blinks} blinks")
    before = judge(card, network, parts.test, SKIP_S).overall
    advance(0.1, "judged as it was")
    if before.f1 == 1.0:
        return FineTuned(before, None, parts.by, None)

    def hear(epoch: Epoch) -> None:
        say(f"epoch {epoch.number}/{recipe.epochs}: negative log likelihood {epoch.validate:.4f} in validation")
        advance(0.8 / recipe.epochs, f"epoch {epoch.number}")

    shown = [[with_source(card, s) for s in part] for part in (parts.learn, parts.validate)]
    fitted = fit(recipe, card, shown[0], shown[1], hear, begin)
    weights = to_onnx(fitted.network, recipe.hop, {"nictate": card.name, "seed": str(seed)})
    tuned = dataclasses.replace(card, sha256=hashlib.sha256(weights).hexdigest())
    network = OnnxNetwork(weights, tuned)
    heard = [listen(tuned, network, s) for s in (*parts.learn, *parts.validate)]
    tuned = dataclasses.replace(tuned, decision=choose(tuned, heard))
    after = judge(tuned, network, parts.test, SKIP_S).overall
    advance(0.1, "")
    if not after.f1 > before.f1:
        return FineTuned(before, after, parts.by, None)
    tuned = dataclasses.replace(tuned, about=_about(card, recipe, parts, before, after))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "blink.onnx").write_bytes(weights)
    (folder / "blink.json").write_text(tuned.to_json(), encoding="utf-8")
    return FineTuned(before, after, parts.by, folder / "blink.json")


def recipe_of(card: ModelCard) -> Recipe:
    """What the model was made with, as its card says. Raises `ConfigError` when it does not say, or says otherwise."""
    told = card.about.get("recipe")
    if not isinstance(told, dict) or not isinstance(told.get("architecture"), dict):
        raise ConfigError("the model's card does not say what the model was made with: it cannot be trained further")
    layers = {name: _tuples(value) for name, value in told["architecture"].items()}
    rest = {name: _tuples(value) for name, value in told.items() if name != "architecture"}
    # The card itself rules over what it tells of its making.
    layers["outputs"], rest["looks_s"] = len(card.looks_s), card.looks_s
    try:
        return Recipe(architecture=Architecture(**layers), **rest)
    except TypeError:
        raise ConfigError("the model's card is of another version of nictate: it cannot be trained further") from None


def parts_of(signals: Sequence[LabelledSignal], seed: int) -> Parts:
    """Two of five people are held out, at least one; where there is one person, the last third of the time.

    Who chooses the epoch: one person more where three or more are left, or else the last part of the others' time.
    People are drawn among those who blink.
    """
    blinking = {s.subject for s in signals if len(s.truth.blinks)}
    if len(blinking) < 2:
        learn, validate, test = in_time(signals, SHARES)
        return Parts(learn, validate, test, "time")
    people = sorted(blinking)
    order = [people[k] for k in np.random.default_rng(seed).permutation(len(people))]
    held = max(1, round(0.4 * len(order)))
    test = tuple(s for s in signals if s.subject in order[:held])
    left = tuple(s for s in signals if s.subject not in order[:held])
    if len(order) - held >= 3:
        validate = tuple(s for s in left if s.subject == order[held])
        return Parts(tuple(s for s in left if s.subject != order[held]), validate, test, "person")
    learn, validate = in_time(left, (0.75,))
    return Parts(learn, validate, test, "person")


def in_time(signals: Sequence[LabelledSignal], shares: Sequence[float]) -> list[tuple[LabelledSignal, ...]]:
    """The recordings of each person one after the other, cut at these shares of their time, a gap apart."""
    parts: list[list[LabelledSignal]] = [[] for _ in range(len(shares) + 1)]
    for person in sorted({s.subject for s in signals}):
        of = sorted((s for s in signals if s.subject == person), key=lambda s: s.name)
        total_s = sum(s.duration_s for s in of)
        gap_s = min(GAP_S, GAP_SHARE * total_s)
        edges = [0.0, *(share * total_s for share in shares), total_s]
        origin_s = 0.0
        for s in of:
            for k, part in enumerate(parts):
                start_s = edges[k] - origin_s + (gap_s if k else 0.0)
                piece = stretch(s, max(0.0, start_s), min(s.duration_s, edges[k + 1] - origin_s))
                if piece is not None:
                    part.append(piece)
            origin_s += s.duration_s
    return [tuple(part) for part in parts]


def stretch(signal: LabelledSignal, start_s: float, end_s: float) -> LabelledSignal | None:
    """A part of a recording, on a clock of its own; None when it has no samples. Half a blink at an edge is ignored."""
    if end_s <= start_s:
        return None
    inside = (signal.times >= start_s) & (signal.times < end_s)
    if not inside.any():
        return None
    blinks, ignore = signal.truth.blinks, signal.truth.ignore
    whole = (blinks[:, 0] >= start_s) & (blinks[:, 2] <= end_s)
    halves = np.concatenate((ignore, blinks[~whole][:, [0, 2]]))
    halves = halves[(halves[:, 0] < end_s) & (halves[:, 1] > start_s)]
    return dataclasses.replace(
        signal,
        name=signal.name if (start_s, end_s) == (0.0, signal.duration_s) else f"{signal.name} from {start_s:.0f} s",
        samples=signal.samples[inside],
        times=signal.times[inside] - start_s,
        truth=Truth(blinks[whole] - start_s, np.clip(halves, start_s, end_s) - start_s, end_s - start_s),
        source=None if signal.source is None else signal.source[inside],
    )


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples that they were."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _blinks(signals: Sequence[LabelledSignal]) -> int:
    return sum(len(s.truth.blinks) for s in signals)


def _about(card: ModelCard, recipe: Recipe, parts: Parts, before: Score, after: Score) -> dict[str, Any]:
    """The card for people: what it said of the first model, and what was done since."""
    people = {name: sorted({s.subject for s in getattr(parts, name)}) for name in ("learn", "validate", "test")}
    kept_apart = people["test"] if parts.by == "person" else []
    kept: dict[str, Any] = {
        key: card.about[key] for key in ("description", "parameters", "opset", "recipe") if key in card.about
    }
    return {
        **kept,
        "base": {key: value for key, value in card.about.items() if key not in kept},
        "split": {"train": people["learn"], "validate": people["validate"], "test": kept_apart},
        "fine_tuned": {
            "from": card.sha256,
            "epochs": recipe.epochs,
            "batches": recipe.batches,
            "learning_rate": recipe.learning_rate,
            "seed": recipe.seed,
            "held_out_by": parts.by,
            **{
                f"{name}_blinks": _blinks(of)
                for name, of in (("learn", parts.learn), ("validate", parts.validate), ("test", parts.test))
            },
            "before": before.to_dict(),
            "after": after.to_dict(),
        },
    }
