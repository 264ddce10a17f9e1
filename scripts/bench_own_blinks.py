"""Whether a person's earlier blinks make the detector better: python scripts/bench_own_blinks.py DATA_DIR WORK

WORK is where ``nictate evaluate --cross-validate`` has kept what networks said of people whom they had not learned
from. What `nictate.exercises.own_blinks` has learned from a person's blinks so far is weighed with the network's word
on each candidate. Threshold, weight, forgetting and what is learned from are chosen on all other people, and so are a
threshold on the network's word alone and the weights of `nictate.habits`, which the detector uses. Prints counts and
F1, and the gain over the network alone with a bootstrap interval over people.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from nictate.decision import NEVER
from nictate.exercises.own_blinks import Person, likeness, looks, population_of
from nictate.signals import BlinkEvent, FloatArray
from nictate.training.acquaint import neutral
from nictate.training.corpus import load
from nictate.training.crossvalidate import reopen
from nictate.training.evaluate import Truth, match, score
from nictate.training.judge import Trial

CANDIDATES_FROM = 0.2
KEEP = (1.0, 0.98, 0.95, 0.9, 0.8)
LEARN_FROM = (0.75, 0.9, 0.97)
WEIGHTS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
THRESHOLDS = np.arange(-3.0, 5.01, 0.1)

HIT, FALSE, UNCOUNTED = 1, 0, -1


@dataclass(frozen=True, slots=True)
class Candidates:
    """One person's candidates, in the order of their recordings."""

    confidence: FloatArray
    look: FloatArray
    """(n, 2)"""
    label: FloatArray
    """(n,) HIT, FALSE or UNCOUNTED"""
    blinks: int


def gather(recordings: Iterable[tuple[Sequence[BlinkEvent], Truth]]) -> Candidates:
    confidence, look, label, blinks = [], [], [], 0
    for heard, truth in recordings:
        events = [e for e in heard if e.kind == "blink"]
        found = match(np.array([e.peak for e in events], dtype=np.float64), truth)
        kinds = {k: HIT for k, _ in found.pairs} | dict.fromkeys(found.false, FALSE)
        blinks += len(found.pairs) + len(found.missed)
        for k, e in enumerate(events):
            confidence.append(min(e.confidence, 1.0 - 1e-7))
            look.append(looks(e.amplitude or 0.0, e.duration or 0.0))
            label.append(kinds.get(k, UNCOUNTED))
    return Candidates(np.array(confidence), np.array(look).reshape(-1, 2), np.array(label), blinks)


def strangeness(people: dict[str, Candidates], who: str, keep: float, learn_from: float) -> FloatArray:
    """(n, 2) of each candidate when it came; the prior is of all other people."""
    others = population_of([p.look[p.label == HIT] for name, p in people.items() if name != who])
    person, found = Person(others, keep), []
    for confidence, look in zip(people[who].confidence, people[who].look, strict=True):
        found.append(person.strangeness(look))
        if confidence >= learn_from:
            person.learn(look)
    return np.array(found).reshape(-1, 2)


def counts(p: Candidates, score: FloatArray) -> FloatArray:
    """(thresholds, 3): hits, false alarms, blinks."""
    above = score >= THRESHOLDS[:, np.newaxis]
    hits, false = (above & (p.label == HIT)).sum(axis=1), (above & (p.label == FALSE)).sum(axis=1)
    return np.stack((hits, false, np.full(len(hits), p.blinks)), axis=1)


def f1(rows: FloatArray) -> FloatArray:
    return np.asarray(2.0 * rows[..., 0] / np.maximum(rows[..., 0] + rows[..., 1] + rows[..., 2], 1e-9))


def chosen_elsewhere(table: FloatArray) -> FloatArray:
    """(people, 3) each with the setting that is best on all others; ``table`` (people, settings, thresholds, 3)."""
    rows = []
    for k in range(len(table)):
        best = f1(np.delete(table, k, axis=0).sum(axis=0))
        rows.append(table[k][np.unravel_index(int(best.argmax()), best.shape)])
    return np.array(rows)


def candidates(trials: Iterable[Trial]) -> dict[str, Candidates]:
    """Of each person: what the detector finds without habits and with a threshold that is far too low."""
    of: dict[str, list[tuple[list[BlinkEvent], Truth]]] = {}
    for trial in trials:
        rules, signal = trial.card.decision, trial.heard.signal
        confirm = tuple(CANDIDATES_FROM if p < NEVER else NEVER for p in rules.confirm)
        open_to_all = dataclasses.replace(
            rules, confirm=confirm, start=(NEVER,) * len(confirm), habits=neutral(rules.habits)
        )
        of.setdefault(signal.subject, []).append((trial.heard.decide(trial.card, open_to_all), signal.truth))
    return {name: gather(recordings) for name, recordings in of.items()}


def by_habits(trials: Iterable[Trial]) -> dict[str, FloatArray]:
    """(3,) hits, false alarms and blinks of each person, as the detector decides."""
    rows: dict[str, FloatArray] = {}
    for trial in trials:
        found = score(trial.events(), trial.heard.signal.truth)
        row = np.array([found.hits, found.false_alarms, found.hits + found.misses])
        rows[trial.heard.signal.subject] = rows.get(trial.heard.signal.subject, 0) + row
    return rows


def report(people: dict[str, Candidates], habits: dict[str, FloatArray]) -> None:
    unseen = sorted(people)
    logit = {name: np.log(p.confidence / (1.0 - p.confidence)) for name, p in people.items()}

    alone = np.array([[counts(people[name], logit[name])] for name in unseen])
    rows = {"the network alone": chosen_elsewhere(alone), "with habits": np.array([habits[who] for who in unseen])}
    for title, settings in (
        ("with the person's own blinks", list(product(KEEP, LEARN_FROM))),
        ("nothing learned of the person", [(1.0, NEVER)]),
    ):
        table = []
        strange = {(name, *s): strangeness(people, name, *s) for name in people for s in settings}
        for who in unseen:
            mine = []
            for s in settings:
                false = np.concatenate([strange[n, *s][p.label == FALSE] for n, p in people.items() if n != who])
                like = likeness(strange[who, *s], (false.mean(axis=0), false.std(axis=0)))
                mine += [counts(people[who], logit[who] + weight * like) for weight in WEIGHTS]
            table.append(mine)
        rows[title] = chosen_elsewhere(np.array(table))

    print(f"{len(unseen)} people, {sum(people[n].blinks for n in unseen)} blinks")  # noqa: T201
    print("| | hits | false alarms | F1 | mean F1 of people | gain of F1 (95 %) |\n|---|--:|--:|--:|--:|--:|")  # noqa: T201
    base = rows["the network alone"]
    draws = np.random.default_rng(0).integers(0, len(unseen), (4000, len(unseen)))
    for title, row in rows.items():
        total = row.sum(axis=0)
        gain = f1(total) - f1(base.sum(axis=0))
        low, high = np.percentile(f1(row[draws].sum(axis=1)) - f1(base[draws].sum(axis=1)), (2.5, 97.5))
        cells = (title, total[0], total[1], f"{f1(total):.3f}", f"{f1(row[row.sum(axis=1) > 0]).mean():.3f}")
        print("|", *(f"{cell} |" for cell in cells), f"{gain:+.3f} ({low:+.3f} to {high:+.3f}) |")  # noqa: T201


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    done = reopen(load(Path(sys.argv[1]), lambda _done, _of: None), Path(sys.argv[2])).trials
    report(candidates(done), by_habits(done))
