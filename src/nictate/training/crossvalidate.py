"""Cross-validation over people: each is judged once, by a network that has learned nothing of him.

Thresholds and the weights of habits are chosen for each fold by what the other folds' networks said of the people whom
they had not learned from (stacking: Wolpert 1992, Neural Networks 5:241): of those that it has learned from, a network
is surer than it will ever be again.

What is trained and what it said of its fold's people stays in a folder, so that a run that broke off goes on where it
was, and the analysis can be made anew, with mended labels too, without training.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Empty
from typing import Any

import numpy as np

from nictate.edges.onnx import load_model
from nictate.signals import ConfigError
from nictate.training import hearings
from nictate.training.choose import choose
from nictate.training.corpus import LabelledSignal, Split, homes, without_parts
from nictate.training.fit import Epoch
from nictate.training.gaze import lookers
from nictate.training.heard import Heard, listen
from nictate.training.judge import Trial
from nictate.training.recipe import Recipe
from nictate.training.train import make

Told = Callable[[float, str], None]
"""Hears shares of the whole, and what is being done."""

TRAINED, TRAINED_AND_HEARD = 0.75, 0.8
"""Shares of the work; the rest is the choice of thresholds."""


def fold_people(signals: Sequence[LabelledSignal], folds: int, seed: int) -> tuple[Split, ...]:
    """Everybody tested once, and taught in all other folds.

    People are dealt out like cards, one data set after the other, so that each fold has its share of the large sets
    and the people of small ones are spread. Raises `ConfigError` when there are fewer people than folds.
    """
    rng = np.random.default_rng(seed)
    groups = homes(signals)
    people = [groups[of][k] for of in sorted(groups) for k in rng.permutation(len(groups[of]))]
    if len(people) < folds:
        raise ConfigError(f"{folds} folds of {len(people)} people: each fold needs one to be tested")
    splits = []
    for fold in range(folds):
        rest = [person for k, person in enumerate(people) if k % folds != fold]
        splits.append(Split(tuple(sorted(rest)), (), tuple(sorted(people[fold::folds]))))
    return tuple(splits)


@dataclass(frozen=True, slots=True)
class Fold:
    """A part of the work, and the folder that it is kept in."""

    number: int
    """From 1."""
    folder: Path
    split: Split

    @property
    def card(self) -> Path:
        return self.folder / "blink.json"

    def heard(self, signal: LabelledSignal) -> Path:
        return (self.folder / "heard" / signal.name).with_suffix(".npz")

    def tested(self, signals: Sequence[LabelledSignal]) -> list[LabelledSignal]:
        return [s for s in signals if s.subject in self.split.test]

    def lacks(self, signals: Sequence[LabelledSignal]) -> bool:
        """Whether something is still to be done."""
        return not self.card.is_file() or not all(self.heard(s).is_file() for s in self.tested(signals))


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """All folds, and all recordings in their order, each as the network of its fold heard it."""

    folds: tuple[Fold, ...]
    trials: tuple[Trial, ...]


def cross_validate(
    signals: Sequence[LabelledSignal],
    work: Path,
    recipe: Recipe,
    folds: int,
    doubted: Sequence[str],
    jobs: int,
    say: Callable[[str], None],
    advance: Told,
) -> CrossValidation:
    """Trains and hears what ``work`` lacks, ``jobs`` folds at a time.

    Recordings with one of ``doubted`` in their names are heard, but nothing is learned or chosen by their labels. The
    seed is the recipe's. Raises `ConfigError` when ``work`` holds a cross-validation that this does not continue.
    """
    planned = plan(signals, work, recipe, folds, doubted)
    taught = without_parts(signals, doubted)
    todo = [fold for fold in planned if fold.lacks(signals)]
    if done := len(planned) - len(todo):
        say(f"{done} of {len(planned)} folds are in {work} already")
        advance(done * TRAINED_AND_HEARD / len(planned), "")

    def told(share: float, text: str) -> None:
        advance(share / len(planned), text)

    task = Task(tuple(planned), signals, taught, recipe)
    _each(_do, todo, task, jobs, say, told)
    # Only now: a fold's thresholds are chosen by what all the others have said.
    _each(_settle, planned, task, jobs, say, told)
    return _trials(planned, _heard(planned, signals), signals)


def reopen(signals: Sequence[LabelledSignal], work: Path) -> CrossValidation:
    """A cross-validation of these recordings that is done. Raises `ConfigError` when ``work`` lacks a part of it."""
    path = work / "plan.json"
    if not path.is_file():
        raise ConfigError(f"{path} is not there: cross-validate first")
    splits = [Split(*(tuple(of[part]) for part in ("train", "validate", "test"))) for of in _read(path)["folds"]]
    planned = [Fold(k, work / f"fold-{k}", split) for k, split in enumerate(splits, start=1)]
    if any(fold.lacks(signals) for fold in planned):
        raise ConfigError(f"{work} is not finished: cross-validate first")
    return _trials(planned, _heard(planned, signals), signals)


def _heard(planned: Sequence[Fold], signals: Sequence[LabelledSignal]) -> dict[str, Heard]:
    """What was said of each recording by the network of its fold."""
    return {s.name: hearings.load(fold.heard(s), s) for fold in planned for s in fold.tested(signals)}


def _trials(planned: Sequence[Fold], heard: dict[str, Heard], signals: Sequence[LabelledSignal]) -> CrossValidation:
    trials: dict[str, Trial] = {}
    for fold in planned:
        card, _ = load_model(fold.card)
        trials |= {s.name: Trial(card, heard[s.name]) for s in fold.tested(signals)}
    return CrossValidation(tuple(planned), tuple(trials[s.name] for s in signals))


@dataclass(frozen=True, slots=True)
class Task:
    """What all folds share."""

    planned: tuple[Fold, ...]
    signals: Sequence[LabelledSignal]
    taught: Sequence[LabelledSignal]
    """Those by whose labels is learned and chosen."""
    recipe: Recipe


def _settle(fold: Fold, task: Task, say: Callable[[str], None], told: Told) -> None:
    """Give the fold's card what its decision takes from the others and from `lookers`: chosen once, kept with it."""
    card, network = load_model(fold.card)
    if not card.about.get("settled"):
        others = _heard(task.planned, [s for s in task.taught if s.subject in fold.split.train])
        decision = choose(card, list(others.values()), lookers(card, network, task.recipe.gazing_s))
        card = dataclasses.replace(card, decision=decision, about={**card.about, "settled": True})
        say(f"fold {fold.number}: start {card.decision.start}, confirm {card.decision.confirm}")
        _write(fold.card, card.to_json().encode())
    told(1.0 - TRAINED_AND_HEARD, f"fold {fold.number}: thresholds")


def plan(
    signals: Sequence[LabelledSignal], work: Path, recipe: Recipe, folds: int, doubted: Sequence[str]
) -> list[Fold]:
    """Who is tested where: as ``work`` has it, or anew.

    Raises `ConfigError` when the plan that is there is of other people, folds or seed, or, where a fold is still to be
    trained, of another recipe.
    """
    splits = fold_people(signals, folds, recipe.seed)
    wanted = {
        "seed": recipe.seed,
        "folds": [{key: list(people) for key, people in dataclasses.asdict(split).items()} for split in splits],
        "recipe": json.loads(json.dumps(dataclasses.asdict(recipe))),
        "doubted": sorted(doubted),
    }
    planned = [Fold(k, work / f"fold-{k}", split) for k, split in enumerate(splits, start=1)]
    path = work / "plan.json"
    if not path.exists():
        _write(path, (json.dumps(wanted, indent=2) + "\n").encode())
        return planned
    there = _read(path)
    other = f"{work} holds another cross-validation: name another folder, or delete this one"
    if there.get("seed") != wanted["seed"] or there.get("folds") != wanted["folds"]:
        raise ConfigError(f"{other} (its seed is {there.get('seed')}, its folds {len(there.get('folds', []))})")
    if there.get("doubted") != wanted["doubted"]:
        raise ConfigError(f"{other} (it doubts {', '.join(there.get('doubted', [])) or 'no labels'})")
    if there.get("recipe") != wanted["recipe"] and any(not fold.card.is_file() for fold in planned):
        raise ConfigError(f"{other} (it was begun with another recipe)")
    return planned


def _read(path: Path) -> dict[str, Any]:
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON ({error}): delete its folder, or name another") from None
    return there if isinstance(there, dict) else {}


def _do(fold: Fold, task: Task, say: Callable[[str], None], told: Told) -> None:
    """Train the fold's network unless it is there, and hear those of its recordings that have not been heard."""
    name = f"fold {fold.number}"
    if not fold.card.is_file():
        _train(fold, task.taught, task.recipe, lambda line: say(f"{name}: {line}"), told)
    else:
        told(TRAINED, name)
    card, network = load_model(fold.card)
    tested = fold.tested(task.signals)
    for s in tested:
        if not fold.heard(s).is_file():
            hearings.save(fold.heard(s), listen(card, network, s), card.hop)
        told((TRAINED_AND_HEARD - TRAINED) / len(tested), f"{name}: {s.name}")


def _train(
    fold: Fold, taught: Sequence[LabelledSignal], recipe: Recipe, say: Callable[[str], None], told: Told
) -> None:
    began = time.monotonic()
    learn = [s for s in taught if s.subject in fold.split.train]
    if not sum(len(s.truth.blinks) for s in learn):
        raise ConfigError(f"fold {fold.number} has no labelled blinks to train with: more people are needed")

    def hear(epoch: Epoch) -> None:
        minutes = (time.monotonic() - began) / 60
        told(TRAINED / recipe.epochs, f"fold {fold.number}: epoch {epoch.number}/{recipe.epochs}, {minutes:.1f} min")

    made = make(recipe, learn, (), say, hear)
    about = {"split": dataclasses.asdict(fold.split), "best_epoch": made.fitted.best}
    card = dataclasses.replace(made.card, about=about)
    _write(fold.folder / "blink.onnx", made.weights)
    _write(fold.card, card.to_json().encode())  # Last: where it is, the fold is trained.


Message = tuple[float, str] | str
Step = Callable[[Fold, Task, Callable[[str], None], Told], None]


def _each(step: Step, folds: Sequence[Fold], task: Task, jobs: int, say: Callable[[str], None], told: Told) -> None:
    """``jobs`` folds at a time."""
    if jobs == 1 or len(folds) < 2:
        for fold in folds:
            step(fold, task, say, told)
        return
    context = get_context("spawn")
    told_by: Queue[Message] = context.Queue()
    # Not daemons: each has a process of its own that makes its batches.
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_remember, initargs=(told_by, task)) as pool:
        running: set[Future[None]] = {pool.submit(_do_one, step, fold) for fold in folds}
        while running:
            done, running = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            _pass_on(told_by, say, told)
            for future in done:
                if future.exception() is not None:
                    pool.shutdown(wait=True, cancel_futures=True)
                future.result()
    _pass_on(told_by, say, told)


def _pass_on(told_by: Queue[Message], say: Callable[[str], None], told: Told) -> None:
    while True:
        try:
            message = told_by.get_nowait()
        except Empty:
            return
        if isinstance(message, str):
            say(message)
        else:
            told(*message)


_work: tuple[Queue[Message], Task]


def _remember(told_by: Queue[Message], task: Task) -> None:
    global _work  # The worker's own: sent once, not with each fold.
    _work = told_by, task


def _do_one(step: Step, fold: Fold) -> None:
    told_by, task = _work
    step(fold, task, told_by.put, lambda share, text: told_by.put((share, text)))


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)
