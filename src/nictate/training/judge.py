"""The verdict on a detector: scores per recording, per person, per set and overall."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nictate.card import ModelCard
from nictate.detector import Detector, Network
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import Score, add, score


@dataclass(frozen=True, slots=True)
class Verdict:
    """Scores by name, each level added up from the recordings (micro average)."""

    recordings: dict[str, Score]
    people: dict[str, Score]
    sets: dict[str, Score]
    overall: Score

    def to_dict(self) -> dict[str, Any]:
        """For JSON, see `Score.to_dict`."""
        levels = {"recordings": self.recordings, "people": self.people, "sets": self.sets}
        return {
            "overall": self.overall.to_dict(),
            **{level: {name: s.to_dict() for name, s in rows.items()} for level, rows in levels.items()},
        }


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

    def by(names: Iterable[str]) -> dict[str, Score]:
        groups: dict[str, list[Score]] = {}
        for name, one in zip(names, scores, strict=True):
            groups.setdefault(name, []).append(one)
        return {name: add(groups[name]) for name in sorted(groups)}

    return Verdict(by(s.name for s in signals), by(s.subject for s in signals), by(s.set for s in signals), add(scores))
