"""Labelled recordings in memory, and people kept apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nictate.edges import recordings
from nictate.signals import Block, ConfigError, FloatArray, Montage
from nictate.training.evaluate import Truth

Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LabelledSignal:
    """The EEG of one recording, with the labels of a person."""

    name: str
    set: str
    subject: str
    """Unique over all sets."""
    licence: str
    montage: Montage
    samples: Float32Array
    """(n, channels) in µV."""
    times: FloatArray
    """(n,) in s from the first sample; a step is a hole."""
    truth: Truth
    polarity: float
    """+1 where blinks go up, -1 where they go down; +1 where nobody knows."""
    eyes_closed: bool = False
    """Whether the person was to keep the eyes closed."""
    source: Float32Array | None = None
    """(n,) blink source in µV, NaN where it cannot be trusted; None where there is none."""

    @property
    def duration_s(self) -> float:
        return self.truth.duration_s

    @property
    def channels(self) -> tuple[int, ...]:
        """Those that can show a blink, as the detector chooses them."""
        return self.montage.blink_channels or self.montage.eeg

    @property
    def farther(self) -> tuple[tuple[int, ...], ...]:
        """Those that the detector would choose without the electrodes nearest to the eyes, and without the next."""
        rings = self.montage.rings
        there = [k for k, ring in enumerate(rings) if ring] if self.channels == self.montage.frontal else []
        return tuple(tuple(sorted(sum(rings[k : k + 2], ()))) for k in there[1:])

    def block(self) -> Block:
        """The whole recording."""
        return Block(self.samples.astype(np.float64), self.times)


@dataclass(frozen=True, slots=True)
class Split:
    """People, kept apart: one person's recordings are all in one part."""

    train: tuple[str, ...]
    validate: tuple[str, ...]
    test: tuple[str, ...]


def load(
    folder: Path, say: Callable[[int, int], None], complain: Callable[[str], None] = lambda _: None
) -> tuple[LabelledSignal, ...]:
    """All labelled recordings below ``folder``, see `nictate.edges.recordings.index`; ``say`` hears (done, of),
    ``complain`` a line about whatever was left out or assumed.

    Recordings in which nothing but ``ignore`` is labelled have nothing to teach and are left out. Raises what reading
    them raises.
    """
    found = recordings.index(folder, complain)
    signals = []
    for k, item in enumerate(found):
        say(k, len(found))
        recording = recordings.read(item.path)
        for line in recording.warnings:
            complain(f"{item.path.name}: {line}")
        blocks = list(recording.blocks())
        truth = truth_of(item.labels, recording.duration_s)
        ignored = float((truth.ignore[:, 1] - truth.ignore[:, 0]).sum())
        if not len(truth.blinks) and ignored > 0.9 * recording.duration_s:
            continue
        signals.append(
            LabelledSignal(
                name=f"{item.set}/{item.path.name}",
                set=item.set,
                subject=f"{item.set.split('_')[0]}/{item.subject}",
                licence=item.licence,
                montage=recording.montage,
                samples=np.concatenate([block.samples.astype(np.float32) for block in blocks]),
                times=np.concatenate([block.times for block in blocks]),
                truth=truth,
                polarity=float(item.polarity or 1),
                eyes_closed=item.eyes_closed,
            )
        )
    say(len(found), len(found))
    return tuple(signals)


def truth_of(labels: Sequence[recordings.Label], duration_s: float) -> Truth:
    """Labels as arrays; a blink without a labelled peak has NaN there."""

    def rows(values: Sequence[tuple[float, ...]], width: int) -> FloatArray:
        return np.array(values, dtype=np.float64).reshape(-1, width)

    blinks = [
        (label.onset, np.nan if label.peak is None else label.peak, label.end)
        for label in labels
        if label.kind == "blink"
    ]
    ignore = [(label.onset, label.end) for label in labels if label.kind == "ignore"]
    return Truth(rows(blinks, 3), rows(ignore, 2), duration_s)


def without_parts(signals: Sequence[LabelledSignal], parts: Sequence[str]) -> list[LabelledSignal]:
    """Those with none of ``parts`` in their names. Raises `ConfigError` when a part is in no name."""
    for part in parts:
        if not any(part in s.name for s in signals):
            raise ConfigError(f"{part}: no recording has this in its name")
    return [s for s in signals if not any(part in s.name for part in parts)]


def homes(signals: Sequence[LabelledSignal]) -> dict[str, list[str]]:
    """The people of each data set; who is in several belongs to the first."""
    home: dict[str, str] = {}
    for s in sorted(signals, key=lambda s: (s.set, s.name)):
        home.setdefault(s.subject, s.set)
    groups: dict[str, list[str]] = {}
    for subject, of in home.items():
        groups.setdefault(of, []).append(subject)
    return groups


def split_people(signals: Sequence[LabelledSignal], seed: int) -> Split:
    """70 % of the people for training and validation (a fifth of these validate), 30 % for the test.

    Drawn within each data set, so that every amplifier with enough people is tested; sets of one or two people are
    drawn from together.
    """
    groups = homes(signals)
    small = [of for of, people in groups.items() if len(people) < 3]
    groups[""] = [person for of in small for person in groups.pop(of)]
    rng = np.random.default_rng(seed)
    parts: dict[str, list[str]] = {"train": [], "validate": [], "test": []}
    for of in sorted(groups):
        people = [groups[of][k] for k in rng.permutation(len(groups[of]))]
        tests = round(0.3 * len(people))
        validates = round(0.2 * (len(people) - tests))
        parts["test"] += people[:tests]
        parts["validate"] += people[tests : tests + validates]
        parts["train"] += people[tests + validates :]
    return Split(*(tuple(sorted(parts[name])) for name in ("train", "validate", "test")))
