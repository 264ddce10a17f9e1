"""From a folder of labelled recordings to a model, its card and a report."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nictate.card import ModelCard
from nictate.edges.onnx import OnnxNetwork
from nictate.signals import ConfigError
from nictate.training.analysis import analyse
from nictate.training.choose import choose
from nictate.training.corpus import LabelledSignal, load, split_people
from nictate.training.export import OPSET, to_onnx
from nictate.training.fit import Epoch, Fitted, fit
from nictate.training.gaze import lookers
from nictate.training.heard import listen
from nictate.training.judge import Trial, Verdict, judge
from nictate.training.pictures import losses
from nictate.training.recipe import Recipe
from nictate.training.report import picture, write_report
from nictate.training.unmixed import imagined, with_source


@dataclass(frozen=True, slots=True)
class Made:
    """A trained model: nothing has been chosen yet, and the card has nothing for people."""

    card: ModelCard
    weights: bytes
    """The ONNX file."""
    network: OnnxNetwork
    fitted: Fitted


def make(
    recipe: Recipe,
    train: Sequence[LabelledSignal],
    validate: Sequence[LabelledSignal],
    say: Callable[[str], None],
    hear: Callable[[Epoch], None],
) -> Made:
    """Learns from ``train`` and from simulated people, and keeps what is best on ``validate``: see `fit`."""
    card = recipe.card()
    learn = [*train, *imagined(recipe.seed, recipe.imagined, recipe.imagined_s)]
    shown = [[with_source(card, s) for s in part] for part in (learn, validate)]
    of_many = sum(s.source is not None for s in shown[0])
    say(f"blink sources by online ICA: {of_many} recordings, {recipe.imagined} of them simulated")
    fitted = fit(recipe, card, shown[0], shown[1], hear)
    if validate:
        say(f"the best epoch by validation is {fitted.best}")
    weights = to_onnx(fitted.network, recipe.hop, {"nictate": "blink", "seed": str(recipe.seed)})
    card = dataclasses.replace(card, sha256=hashlib.sha256(weights).hexdigest())
    return Made(card, weights, OnnxNetwork(weights, card), fitted)


def train(
    data: Path,
    folder: Path,
    report: Path,
    seed: int,
    epochs: int | None,
    batches: int | None,
    say: Callable[[str], None],
    advance: Callable[[float, str], None],
) -> None:
    """Writes ``folder``/blink.onnx and blink.json, and the report; ``advance`` hears shares of the whole.

    Raises `ConfigError` when the folder has too few people to keep apart, and what reading the recordings raises.
    """
    began = time.monotonic()
    recipe = Recipe(seed=seed)
    recipe = dataclasses.replace(recipe, epochs=epochs or recipe.epochs, batches=batches or recipe.batches)
    signals = load(data, lambda _done, _of: advance(0.0, "reading"), say)
    split = split_people(signals, seed)
    parts = {name: [s for s in signals if s.subject in getattr(split, name)] for name in ("train", "validate", "test")}
    for name, part in parts.items():
        blinks = sum(len(s.truth.blinks) for s in part)
        if not blinks:
            raise ConfigError(f"{data}: no labelled blinks left to {name} with; more people are needed")
        say(f"{name}: {len(getattr(split, name))} people, {len(part)} recordings, {blinks} blinks")

    def hear(epoch: Epoch) -> None:
        say(
            f"epoch {epoch.number}/{recipe.epochs}: negative log likelihood {epoch.train:.4f} in training, "
            f"{epoch.validate:.4f} in validation, after {(time.monotonic() - began) / 60:.1f} min"
        )
        advance(0.9 / recipe.epochs, f"epoch {epoch.number}")

    made = make(recipe, parts["train"], parts["validate"], say, hear)
    card, network = made.card, made.network
    # Also on those it was trained on: a few numbers cannot learn them by heart, and few blinks would make them noise.
    heard = [listen(card, network, s) for s in (*parts["train"], *parts["validate"])]
    card = dataclasses.replace(card, decision=choose(card, heard, lookers(card, network, recipe.gazing_s)))
    say(f"thresholds: start {card.decision.start}, confirm {card.decision.confirm}")
    validated = judge(card, network, parts["validate"], (1.0, 0.3))
    tested = judge(card, network, parts["test"], (1.0, 0.3))
    parameters = sum(p.numel() for p in made.fitted.network.parameters())
    about = {
        **describe(recipe, parameters, made.fitted.best),
        "trained_on": sets_of(parts["train"]),
        "validated_on": sets_of(parts["validate"]),
        "tested_on": sets_of(parts["test"]),
        "tested_by": "people that were kept for the test",
        "tested_people": len(split.test),
        "split": dataclasses.asdict(split),
        "validation": validated.overall.to_dict(),
        "test": figures(tested),
    }
    card = dataclasses.replace(card, about=about)
    write_model(folder, made.weights, card)
    advance(0.05, "report")
    trials = [Trial(card, listen(card, network, s)) for s in parts["test"]]
    write_report(
        report,
        analyse(trials, (1.0, 0.3)),
        f"Model {card.sha256[:12]}, epoch {made.fitted.best}, of people that it has never seen.",
        [("Loss", picture(losses(made.fitted), "loss by epoch", 110))],
    )
    advance(0.05, "")
    late_ms = tested.overall.to_dict()["start_latency_median_ms"]
    started = "no blink found" if late_ms is None else f"blink/start {late_ms:.0f} ms after the peak"
    say(
        f"people never seen: F1 {tested.overall.f1:.3f}, {started}; "
        f"{folder / 'blink.json'} and {report / 'index.html'} written in {(time.monotonic() - began) / 60:.1f} min"
    )


def describe(recipe: Recipe, parameters: int, best: int) -> dict[str, Any]:
    """What the card says to people of any model. Nothing of the machine or the hour: the same seed, the same card."""
    return {
        "description": "Blinks in EEG, per time step and for several look-aheads. Any number of inputs; polarity "
        "and reference do not matter, nor does gain once a blink is known. Not a medical device.",
        "parameters": parameters,
        "opset": OPSET,
        "trained_with": f"torch {torch.__version__.split('+')[0]}",
        "recipe": json.loads(json.dumps(dataclasses.asdict(recipe))),
        "best_epoch": best,
        "blink_source": f"learned from {recipe.imagined} simulated people of {recipe.imagined_s:g} s and from real "
        "recordings of 8 channels and more, through the online ICA, and from a surrogate (the frontal mean with a part "
        "of the added artifacts) in 3 of 10 other examples; in all others it is missing",
    }


def figures(tested: Verdict) -> dict[str, Any]:
    """Scores of each set and overall."""
    return {"overall": tested.overall.to_dict(), **{k: s.to_dict() for k, s in tested.sets.items()}}


def write_model(folder: Path, weights: bytes, card: ModelCard) -> None:
    """``folder``/blink.onnx and blink.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "blink.onnx").write_bytes(weights)
    (folder / "blink.json").write_text(card.to_json(), encoding="utf-8")


def sets_of(signals: Sequence[LabelledSignal]) -> list[dict[str, Any]]:
    """What the card says of recordings: a row for each set."""
    rows = []
    for name in sorted({s.set for s in signals}):
        of = [s for s in signals if s.set == name]
        rows.append(
            {
                "set": name,
                "licence": "; ".join(sorted({s.licence for s in of})),
                "people": len({s.subject for s in of}),
                "recordings": len(of),
                "minutes": round(sum(s.duration_s for s in of) / 60, 1),
                "blinks": sum(len(s.truth.blinks) for s in of),
            }
        )
    return rows
