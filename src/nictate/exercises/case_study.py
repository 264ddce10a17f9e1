"""The course's case study is this detector: what its sheet asks is answered by the product's own functions.

Simulated people (`nictate.training.unmixed.imagined`) are split as `nictate train` splits real ones, heard as
`nictate evaluate` hears them, and judged by the same rule. What is added here is what should not be done: splitting
windows at random, judging by accuracy, removing blinks before looking for them; and the matched filter, the baseline.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, find_peaks, sosfiltfilt
from scipy.stats import rankdata

from nictate.exercises.convolution import matched_filter
from nictate.service import open_detector
from nictate.signals import BlinkEvent, Block, BoolArray, FloatArray
from nictate.training.corpus import LabelledSignal, split_people
from nictate.training.evaluate import Truth, score
from nictate.training.scores import Score, add
from nictate.training.unmixed import imagined
from nictate.waveforms import blink_waveform

SEED, PEOPLE, LASTING_S = 2, 6, 40.0


@cache
def people() -> tuple[LabelledSignal, ...]:
    """Simulated people with their frontal channels alone, which is what the detector looks at."""
    return tuple(frontal(signal) for signal in imagined(SEED, PEOPLE, LASTING_S))


def frontal(signal: LabelledSignal) -> LabelledSignal:
    columns = list(signal.channels)
    names = tuple(signal.montage.names[k] for k in columns)
    montage = dataclasses.replace(signal.montage, names=names, kinds=())
    return dataclasses.replace(signal, montage=montage, samples=signal.samples[:, columns])


def kept_apart(signals: Sequence[LabelledSignal]) -> tuple[list[LabelledSignal], list[LabelledSignal]]:
    """Those to learn from and those for the test, 70 % and 30 % of the people, as `nictate train` does it."""
    tested = split_people(signals, SEED).test
    return [s for s in signals if s.subject not in tested], [s for s in signals if s.subject in tested]


# Labels per time stamp, and why accuracy misleads.


def labels(truth: Truth, times: FloatArray, width_s: float) -> BoolArray:
    """(n,) which of the ``times`` (n,) lie within half of ``width_s`` of a blink's peak.

    A width of one sample interval is the sheet's labelling, one positive sample a blink.
    """
    near = np.abs(times[:, np.newaxis] - truth.peaks) <= 0.5 * width_s
    return np.asarray(near.any(axis=1))


def accuracy_of_never(truth: BoolArray) -> float:
    """What answering "no blink" always is worth."""
    return 1.0 - float(truth.mean())


# Ranking: ROC against precision-recall.


def roc_area(p: FloatArray, truth: BoolArray) -> float:
    """The chance that a positive is ranked above a negative (Mann and Whitney 1947), ties counting half.

    Blind to how many negatives there are: that is why it flatters where positives are rare.
    """
    positives = int(truth.sum())
    above = rankdata(p)[truth].sum() - positives * (positives + 1) / 2
    return float(above / (positives * (len(truth) - positives)))


def average_precision(p: FloatArray, truth: BoolArray) -> float:
    """Mean, over the positives, of the precision at the threshold that just reaches them: the area under
    precision-recall (Davis and Goadrich 2006, ICML). Chance is the share of positives.
    """
    order = np.argsort(-p, kind="stable")
    hits = np.cumsum(truth[order])
    return float((hits / np.arange(1, len(p) + 1))[truth[order]].mean())


# Leakage.


@dataclass(frozen=True, slots=True)
class Windows:
    """Overlapping windows of several people, the detector's own, with two answers each."""

    x: npt.NDArray[np.float32]
    """(n, length): the values in each, by size. Windows that share most of their samples are then alike."""
    blink: BoolArray
    """(n,): whether a blink's peak is in it."""
    coin: BoolArray
    """(n,): heads or tails, thrown anew every two seconds. There is nothing to learn."""
    person: npt.NDArray[np.int64]
    """(n,)"""


@cache
def windows() -> Windows:
    """Of the first channel of each of `people`, once it has settled."""
    rng = np.random.default_rng(SEED)
    x, blink, coin, person = [], [], [], []
    for k, signal in enumerate(people()):
        seen = [w for w, _ in open_detector(signal.montage).windows(signal.block()) if w.times[0] > 0.0]
        first, last = (np.array([w.times[end] for w in seen])[:, np.newaxis] for end in (0, -1))
        peaks = signal.truth.peaks
        x.append(np.sort([w.inputs[0, 0] for w in seen], axis=1))
        blink.append(((first < peaks) & (peaks < last)).any(axis=1))
        coin.append((rng.random(1 + int(LASTING_S / 2.0)) < 0.5)[(last[:, 0] // 2.0).astype(int)])
        person.append(np.full(len(seen), k))
    return Windows(*(np.concatenate(parts) for parts in (x, blink, coin, person)))


def by_heart(x: npt.NDArray[np.float32], answers: BoolArray, test: BoolArray) -> float:
    """Balanced accuracy in the ``test`` (n,) of answering as the most similar other window would: 0.5 is chance.

    The mean of the shares of positives and of negatives that are answered right.
    """
    known, asked, truth = x[~test], x[test], answers[test]
    distance = (known**2).sum(axis=1) - 2.0 * asked @ known.T
    said = answers[~test][distance.argmin(axis=1)]
    return 0.5 * float(said[truth].mean() + (~said[~truth]).mean())


def at_random() -> BoolArray:
    """(n,) 30 % of the windows for the test, whoever they are of: the hand-in's split."""
    return np.random.default_rng(SEED).random(len(windows().x)) < 0.3


def by_person() -> BoolArray:
    """(n,) the windows of the people who are kept for the test."""
    names = [signal.name for signal in kept_apart(people())[1]]
    return np.array([people()[k].name in names for k in windows().person])


# Events, by the product's rule.


def filtered(signal: LabelledSignal) -> FloatArray:
    """(n,) frontal mean from 0.75 to 15 Hz, blinks upward. Offline and told the polarity: a baseline may cheat."""
    sos = butter(2, (0.75, 15.0), "bandpass", fs=signal.montage.rate_hz, output="sos")
    mean = signal.samples[:, signal.channels].astype(np.float64).mean(axis=1)
    return np.asarray(signal.polarity * sosfiltfilt(sos, mean))


def matched(signal: LabelledSignal) -> FloatArray:
    """(n,) the matched filter's answer in µV: how large a blink around each sample would be."""
    rate_hz = signal.montage.rate_hz
    half = round(0.2 * rate_hz)
    template = blink_waveform(np.arange(-half, half + 1) / rate_hz + 0.085)
    return matched_filter(filtered(signal), template)


def events_above(signal: LabelledSignal, answer: FloatArray, threshold: float) -> list[BlinkEvent]:
    """A blink at each largest answer above so many times what is usual in the recording."""
    usual = 1.4826 * float(np.median(np.abs(answer)))
    found, _ = find_peaks(answer, height=threshold * usual, distance=max(1, round(0.2 * signal.montage.rate_hz)))
    return [
        BlinkEvent("blink", t, t, t, float(answer[k]), 1.0, t) for k, t in zip(found, signal.times[found], strict=True)
    ]


def baseline(learn: Sequence[LabelledSignal], test: Sequence[LabelledSignal]) -> tuple[float, Score]:
    """The matched filter with the threshold that is best on some people, judged on others: (threshold, score)."""

    def judged(signals: Sequence[LabelledSignal], threshold: float) -> Score:
        return add(score(events_above(s, matched(s), threshold), s.truth) for s in signals)

    best = max(np.arange(3.0, 12.5, 0.5), key=lambda threshold: judged(learn, threshold).f1)
    return float(best), judged(test, best)


@cache
def capped() -> LabelledSignal:
    """Somebody with a cap of 8 channels."""
    _, person = imagined(1, 2, 80.0)
    return person


def cleaned(signal: LabelledSignal) -> LabelledSignal:
    """The recording as the detector's own ICA hands it on to others: without blinks."""
    parts: list[Block] = []
    detector = open_detector(signal.montage, on_clean=parts.append)
    detector.push(signal.block())
    detector.flush()
    return dataclasses.replace(signal, samples=np.concatenate([part.samples for part in parts]).astype(np.float32))


def detected(signal: LabelledSignal, skip_s: float) -> Score:
    """The shipped detector on the frontal channels, judged from ``skip_s`` on."""
    signal = frontal(signal)
    detector = open_detector(signal.montage)
    return score(detector.push(signal.block()) + detector.flush(), signal.truth, (skip_s, 0.3))
