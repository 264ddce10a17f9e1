"""What the same recordings would have given on another amplifier: turned over, louder, slower, with one channel,
or with electrodes farther from the eyes.

And what of somebody who had not blinked for a long time before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from scipy.signal import butter, resample_poly, sosfiltfilt

from nictate.signals import FloatArray
from nictate.training.augment import coloured
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import Truth
from nictate.training.intervals import Interval, falls
from nictate.training.judge import Judged, Verdict, conclude, judge
from nictate.training.scores import Score


@dataclass(frozen=True, slots=True)
class Variant:
    """By how much a change of the recordings lowers F1."""

    name: str
    people: int
    before: float
    """F1 of those recordings that can be changed so."""
    after: float
    fall: float
    interval: Interval
    """Of the fall, over people."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON; None where there is nothing to measure."""
        row = dataclasses.asdict(self)
        return {key: None if isinstance(value, float) and np.isnan(value) else value for key, value in row.items()}


def turned(s: LabelledSignal) -> LabelledSignal:
    """Of the other polarity."""
    return dataclasses.replace(s, samples=-s.samples, polarity=-s.polarity)


def louder(s: LabelledSignal, by: float) -> LabelledSignal:
    """As an amplifier delivers it that mistakes its unit."""
    return dataclasses.replace(s, samples=(by * s.samples).astype(np.float32))


def alone(s: LabelledSignal) -> LabelledSignal | None:
    """The channel nearest to the eyes, without the others; None where there is one only."""
    if len(s.channels) < 2:
        return None
    return _of(s, s.channels[:1])


def farther(s: LabelledSignal) -> LabelledSignal | None:
    """Without the electrodes nearest to the eyes; None where no others are known as frontal."""
    if not s.farther:
        return None
    nearest = next(ring for ring in s.montage.rings if ring)
    return _of(s, tuple(k for k in range(len(s.montage.names)) if k not in nearest))


def against(s: LabelledSignal, electrode: str) -> LabelledSignal | None:
    """As measured against one of its own electrodes, which nets and caps are; None where there is none of this name."""
    names = [name.strip(" .").upper() for name in s.montage.names]
    if electrode.upper() not in names or len(names) < 2:
        return None
    k = names.index(electrode.upper())
    moved = dataclasses.replace(s, samples=s.samples - s.samples[:, [k]])
    return _of(moved, tuple(i for i in range(len(names)) if i != k))


def _of(s: LabelledSignal, channels: tuple[int, ...]) -> LabelledSignal:
    """As a headset of these channels alone records it."""
    names, kinds = (tuple(of[k] for k in channels) if of else () for of in (s.montage.names, s.montage.kinds))
    montage = dataclasses.replace(s.montage, names=names, kinds=kinds)
    return dataclasses.replace(s, montage=montage, samples=s.samples[:, channels], source=None)


def resampled(s: LabelledSignal, rate_hz: float) -> LabelledSignal | None:
    """At another rate, each unbroken stretch by itself; None where it has that rate already."""
    old_hz = s.montage.rate_hz
    if rate_hz == old_hz:
        return None
    ratio = Fraction(rate_hz / old_hz).limit_denominator(1000)
    holes = np.flatnonzero(np.diff(s.times) > 1.5 / old_hz) + 1
    samples, times = [], []
    for x, t in zip(np.split(s.samples, holes), np.split(s.times, holes), strict=True):
        # Offsets of many mV would ring, at the ends and through what the filter lets pass.
        offset = np.nan_to_num(np.nanmedian(x, axis=0).astype(np.float64))
        y = resample_poly(x - offset, ratio.numerator, ratio.denominator, axis=0, padtype="line") + offset
        samples.append(y.astype(np.float32))
        times.append(t[0] + np.arange(len(y)) / (old_hz * float(ratio)))
    montage = dataclasses.replace(s.montage, rate_hz=rate_hz)
    return dataclasses.replace(
        s, montage=montage, samples=np.concatenate(samples), times=np.concatenate(times), source=None
    )


def after_silence(s: LabelledSignal, lasting_s: float) -> LabelledSignal:
    """As if nobody had blinked for so long before: 1/f noise, as large as this person's own background.

    The first second behind the seam is ignored, as that of a recording is.
    """
    fs = s.montage.rate_hz
    band = butter(2, [1.0, 20.0], "bandpass", fs=fs, output="sos")

    def usual(x: FloatArray) -> FloatArray:
        return np.asarray(np.median(np.abs(sosfiltfilt(band, x, axis=0)), axis=0))

    own = np.nan_to_num(s.samples.astype(np.float64))
    n = round(lasting_s * fs)
    noise = coloured(np.random.default_rng(1), n, own.shape[1], 1.0)
    # Both by the median, which blinks hardly move. It ends where the recording begins: no step.
    noise *= usual(own) / np.maximum(usual(noise), 1e-12)
    noise += own[0] - noise[-1]
    truth = Truth(
        s.truth.blinks + lasting_s,
        np.concatenate((s.truth.ignore + lasting_s, [[lasting_s, lasting_s + 1.0]])),
        s.truth.duration_s + lasting_s,
    )
    samples = np.concatenate((noise.astype(np.float32), s.samples))
    times = np.concatenate((np.arange(n) / fs, s.times - s.times[0] + n / fs))
    return dataclasses.replace(s, samples=samples, times=times, truth=truth, source=None)


VARIANTS: dict[str, Callable[[LabelledSignal], LabelledSignal | None]] = {
    "polarity flipped": turned,
    "gain x0.3": lambda s: louder(s, 0.3),
    "gain x3": lambda s: louder(s, 3.0),
    "at 100 Hz": lambda s: resampled(s, 100.0),
    "at 200 Hz": lambda s: resampled(s, 200.0),
    "at 500 Hz": lambda s: resampled(s, 500.0),
    "at 1000 Hz": lambda s: resampled(s, 1000.0),
    "one channel": alone,
    "without the electrodes nearest to the eyes": farther,
    "against Cz": lambda s: against(s, "Cz"),
    "after 5 min without blinks": lambda s: after_silence(s, 300.0),
}


def robustness(
    judged: Sequence[Judged],
    verdict: Verdict,
    skip_s: tuple[float, float],
    advance: Callable[[float, str], None] = lambda *_: None,
) -> list[Variant]:
    """Every variant of all recordings, beside their ``verdict`` as they are; ``advance`` hears shares of the whole."""
    rows = []
    count = sum(len(one.signals) for one in judged) * len(VARIANTS)
    for name, changed in VARIANTS.items():
        signals: list[LabelledSignal] = []
        scores: list[Score] = []
        for one in judged:
            for s in one.signals:
                other = changed(s)
                if other is not None:
                    signals.append(s)
                    scores.append(judge(one.card, one.network, [other], skip_s).overall)
                advance(1.0 / count, name)
        after = conclude(signals, scores)
        before = conclude(signals, [verdict.recordings[s.name] for s in signals])
        fall, sure = falls(tuple(before.people.values()), tuple(after.people.values()))
        rows.append(Variant(name, len(after.people), before.overall.f1, after.overall.f1, fall, sure))
    return rows
