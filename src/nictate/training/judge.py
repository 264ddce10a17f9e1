"""The verdict on a detector: scores per recording, per person, per set and overall, and how sure they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nictate.card import ModelCard
from nictate.detector import Detector, Network
from nictate.signals import BlinkEvent
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import score
from nictate.training.heard import Heard
from nictate.training.intervals import LEVEL, RESAMPLES, intervals, per_person
from nictate.training.scores import Score, add

CLOSED, FREE = "eyes closed", "without blinks"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Scores by name, each level added up from the recordings (micro average)."""

    recordings: dict[str, Score]
    people: dict[str, Score]
    sets: dict[str, Score]
    conditions: dict[str, Score]
    """Recordings with the eyes closed, and recordings in which nobody saw a blink; one may be both."""
    people_of: dict[str, tuple[Score, ...]]
    """By set, the scores of each person in it."""
    overall: Score

    def to_dict(self) -> dict[str, Any]:
        """For JSON: see `Score.to_dict`, and `nictate.training.intervals` for the rest."""
        levels = {"recordings": self.recordings, "people": self.people, "sets": self.sets}
        everybody = tuple(self.people.values())
        return {
            "overall": self.overall.to_dict(),
            **{level: {name: s.to_dict() for name, s in rows.items()} for level, rows in levels.items()},
            "conditions": {name: s.to_dict() for name, s in self.conditions.items()},
            "per_person": {
                "overall": _each(everybody),
                "sets": {name: _each(people) for name, people in self.people_of.items()},
            },
            "intervals": {
                "resamples": RESAMPLES,
                "level": LEVEL,
                "overall": intervals(everybody),
                "sets": {name: intervals(people) for name, people in self.people_of.items()},
            },
        }


@dataclass(frozen=True, slots=True)
class Trial:
    """A recording as a network heard it that had not learned from it, and the card by which it is decided."""

    card: ModelCard
    heard: Heard

    def events(self) -> list[BlinkEvent]:
        return self.heard.decide(self.card, self.card.decision)


@dataclass(frozen=True, slots=True)
class Judged:
    """A network, and recordings that it has not learned from."""

    card: ModelCard
    network: Network
    signals: tuple[LabelledSignal, ...]


def judge(
    card: ModelCard,
    network: Network,
    signals: Sequence[LabelledSignal],
    skip_s: tuple[float, float],
    heard: Callable[[str], None] = lambda _: None,
) -> Verdict:
    """Runs the detector over every recording; ``heard`` is told each one's name when it is done."""
    scores: list[Score] = []
    for s in signals:
        detector = Detector(card, network, s.montage)
        scores.append(score(detector.push(s.block()) + detector.flush(), s.truth, skip_s))
        heard(s.name)
    return conclude(signals, scores)


def judge_trials(trials: Sequence[Trial], skip_s: tuple[float, float]) -> Verdict:
    """The same of recordings that were heard before."""
    scores = [score(trial.events(), trial.heard.signal.truth, skip_s) for trial in trials]
    return conclude([trial.heard.signal for trial in trials], scores)


def conclude(signals: Sequence[LabelledSignal], scores: Sequence[Score]) -> Verdict:
    """The verdict from the score of each recording."""

    def by(names: Iterable[str | None]) -> dict[str, Score]:
        groups: dict[str, list[Score]] = {}
        for name, one in zip(names, scores, strict=True):
            if name is not None:
                groups.setdefault(name, []).append(one)
        return {name: add(groups[name]) for name in sorted(groups)}

    people_of: dict[str, dict[str, list[Score]]] = {}
    for s, one in zip(signals, scores, strict=True):
        people_of.setdefault(s.set, {}).setdefault(s.subject, []).append(one)
    return Verdict(
        recordings=by(s.name for s in signals),
        people=by(s.subject for s in signals),
        sets=by(s.set for s in signals),
        conditions={
            **by(CLOSED if s.eyes_closed else None for s in signals),
            **by(None if len(s.truth.blinks) else FREE for s in signals),
        },
        people_of={name: tuple(add(of) for of in people.values()) for name, people in sorted(people_of.items())},
        overall=add(scores),
    )


def _each(people: Sequence[Score]) -> dict[str, Any]:
    return {name: measure.to_dict() for name, measure in per_person(people).items()}
