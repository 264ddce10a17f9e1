"""The model to ship: cross-validated over people for its figures and thresholds, then trained on everybody."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from nictate.training.analysis import analyse
from nictate.training.choose import choose
from nictate.training.corpus import load, without_parts
from nictate.training.crossvalidate import Told, cross_validate
from nictate.training.fit import Epoch
from nictate.training.gaze import lookers
from nictate.training.judge import judge_trials
from nictate.training.recipe import Recipe
from nictate.training.report import write_report
from nictate.training.train import describe, figures, make, sets_of, write_model

SKIP_S = (1.0, 0.3)
"""Of a recording's start and end nothing is scored: see `nictate.training.evaluate`."""


def train_on_everybody(
    data: Path,
    folder: Path,
    report: Path,
    recipe: Recipe,
    work: Path,
    folds: int,
    doubted: Sequence[str],
    jobs: int,
    say: Callable[[str], None],
    advance: Told,
) -> None:
    """Writes ``folder``/blink.onnx and blink.json, and the report of the cross-validation that ``work`` keeps.

    Nobody is left to test this very model. Its card says so, and gives the figures of models that were made in the same
    way without the people that they are judged by. Nothing is learned from recordings with one of ``doubted`` in their
    names. Raises `ConfigError` as `cross_validate` does, and what reading the recordings raises.
    """
    began = time.monotonic()
    signals = load(data, lambda _done, _of: advance(0.0, "reading"), say)
    tested = cross_validate(
        signals, work, recipe, folds, doubted, jobs, say, lambda share, text: advance(0.8 * share, text)
    )
    verdict = judge_trials(tested.trials, SKIP_S)
    taught = without_parts(signals, doubted)

    def hear(epoch: Epoch) -> None:
        say(f"everybody: epoch {epoch.number}/{recipe.epochs}, after {(time.monotonic() - began) / 60:.1f} min")
        advance(0.15 / recipe.epochs, f"everybody: epoch {epoch.number}")

    made = make(recipe, taught, (), say, hear)
    names = {s.name for s in taught}
    heard = [trial.heard for trial in tested.trials if trial.heard.signal.name in names]
    decision = choose(made.card, heard, lookers(made.card, made.network, recipe.gazing_s))
    people = sorted({s.subject for s in taught})
    about = {
        **describe(recipe, sum(p.numel() for p in made.fitted.network.parameters()), made.fitted.best),
        "trained_on": sets_of(taught),
        "tested_on": sets_of(signals),
        "tested_by": f"cross-validation over people in {folds} folds: by models made in the same way without them",
        "tested_people": len({s.subject for s in signals}),
        "doubted": sorted(doubted),
        "split": {"train": people, "validate": [], "test": []},
        "test": figures(verdict),
    }
    card = dataclasses.replace(made.card, decision=decision, about=about)
    write_model(folder, made.weights, card)
    advance(0.03, "report")
    write_report(
        report,
        analyse(tested.trials, SKIP_S),
        f"Cross-validation in {folds} folds: each recording is judged by a model that has never seen its person.",
    )
    advance(0.02, "")
    say(
        f"people never seen: F1 {verdict.overall.f1:.3f}; {folder / 'blink.json'} and {report / 'index.html'} "
        f"written in {(time.monotonic() - began) / 60:.1f} min"
    )
