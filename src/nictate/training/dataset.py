"""From labelled recordings to what the network sees, through the detector's own front stages."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from nictate.card import ModelCard
from nictate.detector import Detector
from nictate.ica import PassThrough
from nictate.signals import Block, FloatArray, Montage
from nictate.training.augment import Clip, augment
from nictate.training.corpus import LabelledSignal
from nictate.training.recipe import Recipe

Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Batch:
    """What the network is shown, dense in time, and what it should answer."""

    channels: Float32Array
    """(batch, inputs, rows, time)"""
    usable: Float32Array
    """(batch, inputs, time), 0 or 1"""
    source: Float32Array
    """(batch, rows, time)"""
    trusted: Float32Array
    """(batch,), 0 or 1"""
    target: Float32Array
    """(batch, looks, time): 1 blink, 0 none"""
    weight: Float32Array
    """(batch, looks, time): 0 where the answer is not asked for"""


def see(card: ModelCard, montage: Montage, samples: FloatArray) -> tuple[Float32Array, Float32Array, FloatArray]:
    """All that the network sees of a signal: inputs (channels, rows, time), usable (channels, time) and times (time,).

    The columns of ``samples`` may belong to different examples: without the rule that compares them (which channels are
    too noisy) the stages treat each channel by itself.
    """
    alone = dataclasses.replace(card, quality=dataclasses.replace(card.quality, noisy_ratio=np.inf))

    def silent(_c: Float32Array, _s: Float32Array, _t: bool) -> FloatArray:
        raise AssertionError("the front stages alone were asked for")

    detector = Detector(alone, silent, montage, channels=range(len(montage.names)), ica=PassThrough())
    inputs, usable, times = [], [], []
    for window, _ in detector.windows(Block(samples, np.arange(len(samples)) / montage.rate_hz)):
        inputs.append(window.inputs[:-1, :, -card.hop :])
        usable.append(np.repeat(window.usable[:-1, np.newaxis], card.hop, axis=1))
        times.append(window.times[-card.hop :])
    return (
        np.concatenate(inputs, axis=2),
        np.concatenate(usable, axis=1).astype(np.float32),
        np.concatenate(times),
    )


def answers(
    recipe: Recipe, card: ModelCard, times: FloatArray, blinks: FloatArray, ignore: FloatArray, until_s: float
) -> tuple[Float32Array, Float32Array]:
    """Targets and weights, (looks, time) each, of outputs at ``times`` for ``blinks`` (k, 3): onset, peak, end in s."""
    target = np.zeros((len(card.looks_s), len(times)), dtype=np.float32)
    weight = np.zeros((len(card.looks_s), len(times)), dtype=np.float32)
    peaks = blinks[:, 1]
    for row, look_s in enumerate(card.looks_s):
        of = times - look_s
        nearest = np.full(len(times), np.inf)
        if len(peaks):
            nearest = np.abs(of[:, np.newaxis] - peaks).min(axis=1)
        target[row] = nearest <= recipe.core_s
        inside = np.zeros(len(times), dtype=np.bool_)
        for onset, _, end in blinks:
            inside |= (of >= onset) & (of <= end)
        asked = (nearest <= recipe.core_s) | ((nearest > recipe.margin_s) & ~inside)
        # Between two blinks that follow each other closely the answer is no blink, or they would fuse.
        for valley in (0.5 * (a + b) for a, b in pairwise(peaks) if b - a < 0.6):
            gap = np.abs(of - valley) <= 0.02
            target[row, gap] = 0.0
            asked |= gap
        for begin, end in ignore:
            asked &= ~((of >= begin - 0.1) & (of <= end + 0.1)) | (target[row] > 0.0)
        weight[row] = asked & (of >= recipe.settle_s - look_s) & (of <= until_s)
    return target, weight


def batches(
    recipe: Recipe, card: ModelCard, signals: Sequence[LabelledSignal], seed: int, count: int
) -> Iterator[Batch]:
    """``count`` augmented batches, the same for the same seed.

    A batch shows recordings of one rate, sped up or slowed down a little (so that neither rate nor tempo can be
    learned) and side by side as the channels of one detector, which makes the front stages cheap.
    """
    by_rate: dict[float, list[LabelledSignal]] = {}
    for s in signals:
        by_rate.setdefault(s.montage.rate_hz, []).append(s)
    rates = sorted(by_rate)
    weights = {s.name: _weight(s, signals) for s in signals}
    shares = np.array([sum(weights[s.name] for s in by_rate[rate]) for rate in rates])
    for k in range(count):
        rng = np.random.default_rng((seed, k))
        rate = rates[rng.choice(len(rates), p=shares / shares.sum())]
        pool = by_rate[rate]
        chance = np.array([weights[s.name] for s in pool])
        tempo = float(np.exp(rng.uniform(-0.2, 0.2)))
        played_hz = float(np.clip(rate * tempo, 100.0, 2000.0))
        clips = [
            _clip(rng, pool[j], played_hz, recipe.example_s)
            for j in rng.choice(len(pool), size=recipe.batch, p=chance / chance.sum())
        ]
        yield _show(rng, recipe, card, clips, played_hz)


def _weight(s: LabelledSignal, signals: Sequence[LabelledSignal]) -> float:
    """Chance of a recording: sets by the root of their length, so that a large one does not drown the others."""
    total = sum(other.duration_s for other in signals if other.set == s.set)
    return float(s.duration_s / np.sqrt(total))


def _clip(rng: np.random.Generator, s: LabelledSignal, played_hz: float, length_s: float) -> Clip:
    """A random stretch of a recording, as if it had been sampled at ``played_hz``."""
    n = round(length_s * played_hz)
    first = int(rng.integers(0, max(1, len(s.samples) - n)))
    x = s.samples[first : first + n, s.channels].astype(np.float64)
    times = s.times[first : first + n]
    holes = np.flatnonzero(np.diff(times) > 1.5 / s.montage.rate_hz)
    x = x[: holes[0] + 1] if len(holes) else x
    source = None if s.source is None else s.source[first : first + len(x)].astype(np.float64)
    if source is not None and np.isnan(source).any():
        source = None  # An example has it from its first sample to its last, or not at all.
    # The edges of a recording are not judged (see evaluate), so they are not taught either; nor is what follows a hole.
    end_s = times[len(x) - 1] if len(holes) else s.duration_s
    ignore = np.vstack((s.truth.ignore, [[-np.inf, 1.0], [end_s - 0.3, np.inf]]))
    slower = s.montage.rate_hz / played_hz
    begin_s = float(times[0])
    blinks = (s.truth.spans - begin_s) * slower
    ignore = (ignore - begin_s) * slower
    short = n - len(x)
    shown_s = len(x) / played_hz if short > 0 else length_s + 0.5
    if short > 0:
        # What follows the end of a short recording is a mirror of it, about which nothing is asked.
        mirror: Literal["reflect", "symmetric"] = "reflect" if short < len(x) else "symmetric"
        x = np.pad(x, ((0, short), (0, 0)), mode=mirror)
        source = None if source is None else np.pad(source, (0, short), mode=mirror)
    inside = (blinks[:, 1] > -0.5) & (blinks[:, 1] < shown_s)
    near = (ignore[:, 1] > -0.5) & (ignore[:, 0] < length_s + 0.5)
    return Clip(x, played_hz, blinks[inside], ignore[near], s.polarity, source)


def _show(rng: np.random.Generator, recipe: Recipe, card: ModelCard, clips: Sequence[Clip], rate_hz: float) -> Batch:
    examples = [augment(rng, clip, recipe.inputs) for clip in clips]
    columns = [np.column_stack((e.samples, e.source)) for e in examples]
    widths = [c.shape[1] for c in columns]
    whole = np.hstack(columns)
    inputs, usable, times = (
        np.concatenate(parts, axis=0) if k < 2 else parts[0]
        for k, parts in enumerate(
            zip(
                *(
                    see(card, Montage(("x",) * whole[:, a : a + 250].shape[1], rate_hz), whole[:, a : a + 250])
                    for a in range(0, whole.shape[1], 250)
                ),
                strict=True,
            )
        )
    )
    b, t = len(clips), len(times)
    channels = np.zeros((b, recipe.inputs, card.scale.rows, t), dtype=np.float32)
    seen = np.zeros((b, recipe.inputs, t), dtype=np.float32)
    source = np.zeros((b, card.scale.rows, t), dtype=np.float32)
    trusted = np.zeros(b, dtype=np.float32)
    target = np.zeros((b, len(card.looks_s), t), dtype=np.float32)
    weight = np.zeros((b, len(card.looks_s), t), dtype=np.float32)
    at = 0
    for j, (example, width) in enumerate(zip(examples, widths, strict=True)):
        k = width - 1
        channels[j, :k], seen[j, :k] = inputs[at : at + k], usable[at : at + k]
        # The detector pools an input over its whole window once it is usable, also over the silence before it came.
        for row in seen[j, :k]:
            row[: int(row.argmax())] = 1.0
        if example.source.any():
            source[j], trusted[j] = inputs[at + k], 1.0
        target[j], weight[j] = answers(recipe, card, times, example.blinks, example.ignore, recipe.example_s)
        at += width
    return Batch(channels, seen, source, trusted, target, weight)
