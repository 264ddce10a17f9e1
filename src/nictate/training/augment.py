"""What recordings of a few amplifiers do not show, drawn at random and added before the detector's front stages.

Everything here works on raw µV at the recording's own rate, so that filters, masks and scale see it as they would live.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import signal

from nictate.signals import FloatArray
from nictate.waveforms import blink_waveform, pop_waveform, saccade_waveform


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of labelled EEG."""

    samples: FloatArray
    """(n, channels) in µV."""
    rate_hz: float
    blinks: FloatArray
    """(blinks, 3) onset, peak and end in s from the clip's first sample."""
    ignore: FloatArray
    """(intervals, 2) in s; neither blink nor no blink."""
    polarity: float
    """+1 where blinks go up, -1 where they go down, in the channel where they are largest."""
    source: FloatArray | None = None
    """(n,) blink source in µV, as an un-mixing gave it; None where there is none."""


@dataclass(frozen=True, slots=True)
class Example:
    """What was made of a clip."""

    samples: FloatArray
    """(n, inputs) in µV."""
    source: FloatArray
    """(n,) blink source in µV, zeros where there is none."""
    blinks: FloatArray
    """(blinks, 3) onset, peak and end in s, the added ones included, in the order of their peaks."""
    ignore: FloatArray
    """(intervals, 2) in s."""


def coloured(rng: np.random.Generator, n: int, channels: int, exponent: float) -> FloatArray:
    """Noise with a spectrum of 1/f**exponent and unit variance, (n, channels)."""
    spectrum = rng.standard_normal((n // 2 + 1, channels)) + 1j * rng.standard_normal((n // 2 + 1, channels))
    k = np.arange(n // 2 + 1.0)
    k[0] = np.inf
    noise = np.fft.irfft(spectrum / k[:, np.newaxis] ** (exponent / 2.0), n, axis=0)
    return np.asarray(noise / (noise.std(axis=0) + 1e-12))


def augment(rng: np.random.Generator, clip: Clip, inputs: int) -> Example:
    """At most ``inputs`` channels of a clip, with what other people, amplifiers and rooms would have added."""
    x = _montage(rng, clip.samples, inputs)
    n, k = x.shape
    fs = clip.rate_hz
    band = signal.sosfiltfilt(signal.butter(2, [1.0, 20.0], "bandpass", fs=fs, output="sos"), np.nan_to_num(x), axis=0)
    # What is usual here, by which everything that is added is measured; drift and offsets are not part of it.
    unit = float(np.clip(1.5 * np.median(np.abs(band)), 1.0, 40.0))
    blinks, ignore = clip.blinks, clip.ignore
    source = _source(rng, x, clip, unit)
    seen = bool(source.any())

    if rng.random() < 0.35:
        size = _height(band, clip) or unit * 10 ** rng.uniform(0.9, 1.7)
        added, more, closures = _blinks(rng, clip, n, size)
        x = x + added[:, np.newaxis] * rng.uniform(0.6, 1.0, k) * clip.polarity
        source = source + seen * clip.polarity * rng.uniform(0.7, 1.0) * added
        blinks = np.concatenate((blinks, more))
        blinks = blinks[np.argsort(blinks[:, 1], kind="stable")]
        ignore = np.concatenate((ignore, closures))

    # One clip in four stays as it was recorded: what is common should not become rare.
    if rng.random() < 0.75:
        if rng.random() < 0.6:
            turns = _saccades(rng, n, fs, k, unit)
            x = x + turns
            # They look much like blinks from outside.
            source = source + seen * rng.uniform(0.3, 1.0) * turns.mean(axis=1)
        disturbed = _disturbed(rng, x, fs, unit)
        # Of everything else, an un-mixing leaves more or less in the source.
        leak = rng.uniform(0.0, 0.3) if rng.random() < 0.6 else rng.uniform(0.3, 1.0)
        source = source + seen * leak * (disturbed - x).mean(axis=1)
        x = _broken(rng, disturbed, unit)
    flip = rng.choice([-1.0, 1.0])
    signs = np.where(rng.random(k) < 0.05, -flip, flip) if k > 1 else np.full(k, flip)
    gain = 10 ** rng.uniform(-0.4, 0.4)
    return Example(x * signs * gain, source * flip * gain, blinks, ignore)


def _source(rng: np.random.Generator, x: FloatArray, clip: Clip, unit: float) -> FloatArray:
    """(n,) what an un-mixing gave; for some of the other clips what one might give; for the rest zeros."""
    if clip.source is not None and rng.random() < 0.7:
        return clip.source
    if clip.source is None and rng.random() < 0.3:
        noise = coloured(rng, len(x), 1, 1.0)[:, 0]
        return np.asarray(x.mean(axis=1) + unit * rng.uniform(0.0, 0.5) * noise)
    return np.zeros(len(x))


def _disturbed(rng: np.random.Generator, x: FloatArray, fs: float, unit: float) -> FloatArray:
    """What other people, amplifiers and rooms add."""
    n, k = x.shape
    # Background: others have more of it against their blinks.
    if rng.random() < 0.4:
        x = x + coloured(rng, n, k, rng.uniform(0.3, 1.4)) * unit * rng.uniform(0.2, 1.5)
    if rng.random() < 0.25:
        rhythm = signal.butter(2, [8.0, 12.5], "bandpass", fs=fs, output="sos")
        alpha = signal.sosfilt(rhythm, rng.standard_normal((n,)))
        x = x + (alpha / alpha.std())[:, np.newaxis] * unit * rng.uniform(0.3, 3.0, k)
    if rng.random() < 0.25:
        x = x + _bursts(rng, n, fs, k, unit)
    if rng.random() < 0.2:
        x = x + _pops(rng, n, fs, k, unit)
    if rng.random() < 0.25:
        x = x + coloured(rng, n, k, 3.0) * unit * 10 ** rng.uniform(0.3, 2.0)
    if rng.random() < 0.1:
        x = x + _movement(rng, n, fs, k, unit)
    if rng.random() < 0.3:
        hum = np.sin(2 * np.pi * rng.choice([50.0, 60.0]) * np.arange(n) / fs + rng.uniform(0, 2 * np.pi))
        x = x + hum[:, np.newaxis] * 10 ** rng.uniform(0.5, 2.4) * rng.uniform(0.3, 1.0, k)
    return x


def _broken(rng: np.random.Generator, x: FloatArray, unit: float) -> FloatArray:
    """Now and then an electrode that shows something else than the head."""
    n, k = x.shape
    if k > 1 and rng.random() < 0.15:
        # One bad electrode beside good ones: the pool must not follow it.
        x = x.copy()
        x[:, rng.integers(k)] = coloured(rng, n, 1, rng.uniform(0.5, 2.5))[:, 0] * unit * 10 ** rng.uniform(0.3, 1.7)
    if k > 1 and rng.random() < 0.05:
        x = x.copy()
        x[int(rng.uniform(0, n)) :, rng.integers(k)] = 0.0
    return x


def _height(band: FloatArray, clip: Clip) -> float | None:
    """How large this person's blinks are in µV, so that added ones are of the same person; None without any."""
    at = np.round(clip.blinks[:, 1] * clip.rate_hz).astype(np.int64)
    at = at[(at >= 0) & (at < len(band))]
    return float(np.median(np.abs(band[at]).max(axis=1))) if len(at) else None


def _montage(rng: np.random.Generator, x: FloatArray, inputs: int) -> FloatArray:
    """Some of the channels, sometimes against another one of them."""
    k = x.shape[1]
    take = rng.permutation(k)[: rng.integers(1, min(k, inputs) + 1)]
    y = x[:, take].copy()
    if k > 1 and rng.random() < 0.15:
        other = rng.integers(k)
        y -= rng.uniform(0.2, 0.8) * x[:, [other]]
    return y


def _blinks(rng: np.random.Generator, clip: Clip, n: int, size: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Deflections (n,) where no label is, their onsets, peaks and ends (k, 3), and closures (j, 2) that are no blinks.

    Of one person: of about one height and course. Some people hold the lid closed for a while, some flutter.
    """
    y = np.zeros(n)
    t = np.arange(n) / clip.rate_hz
    length_s = n / clip.rate_hz
    taken = [(a - 0.4, b + 0.4) for a, _, b in clip.blinks] + [(a - 0.4, b + 0.4) for a, b in clip.ignore]
    blinks: list[tuple[float, float, float]] = []
    closures: list[tuple[float, float]] = []
    closing, opening = rng.uniform(0.06, 0.16), 10 ** rng.uniform(-0.9, -0.35)
    holds, flutters = rng.random() < 0.25, rng.random() < 0.15
    for _ in range(rng.integers(1, 1 + max(2, round(0.2 * length_s)))):
        first = rng.uniform(0.6, length_s - 1.2)
        group = [first]
        nearest, chance = (0.16, 0.6) if flutters else (0.22, 0.25)
        while len(group) < (6 if flutters else 4) and rng.random() < chance:
            group.append(group[-1] + rng.uniform(nearest, nearest + 0.3))
        if any(a < group[-1] + 0.7 and b > first - 0.4 for a, b in taken):
            continue
        taken.append((first - 0.5, group[-1] + 0.8))
        for peak, following in zip(group, [*group[1:], np.inf], strict=True):
            height = size * rng.uniform(0.6, 1.3) * (rng.uniform(0.3, 0.6) if rng.random() < 0.08 else 1.0)
            slower = rng.uniform(0.85, 1.2)
            rise, fall = closing * slower, opening * slower
            if np.isfinite(following):  # The lid turns before it is open, but not much before.
                fall = min(fall, 1.3 * (following - peak))
            hold = rng.uniform(0.05, 0.45) if holds and rng.random() < 0.4 and len(group) == 1 else 0.0
            y += height * blink_waveform(t - peak + rise, rise, fall, hold, rng.uniform(0.4, 1.0))
            blinks.append((peak - 0.6 * rise, peak, peak + hold + 0.4 * fall))
    if rng.random() < 0.15:
        shut, open_again = (begin := rng.uniform(0.5, length_s)), begin + 10 ** rng.uniform(-0.1, 0.6)
        if not any(a < open_again + 0.4 and b > shut - 0.4 for a, b in taken):
            y += size * blink_waveform(t - shut, closing, opening, open_again - shut, rng.uniform(0.0, 0.8))
            closures.append((shut - 0.1, open_again + closing + opening + 0.1))
    return y, np.reshape(blinks, (-1, 3)), np.reshape(closures, (-1, 2))


def _saccades(rng: np.random.Generator, n: int, fs: float, k: int, unit: float) -> FloatArray:
    """Steps of gaze, singly and there and back; vertical ones alike on all channels, horizontal ones of both signs."""
    y = np.zeros((n, k))
    t = np.arange(n) / fs
    for _ in range(rng.poisson(n / fs * rng.uniform(0.05, 0.8))):
        height = unit * 10 ** rng.uniform(0.3, 1.35)
        side = rng.choice([-1.0, 1.0]) * rng.uniform(0.5, 1.0, k)
        if k > 1 and rng.random() < 0.4:
            side = rng.uniform(-1.0, 1.0, k)
        rise = rng.uniform(0.02, 0.08)
        start = rng.uniform(0.0, n / fs)
        turn = saccade_waveform(t - start, rise)
        step = turn
        if rng.random() < 0.5:
            back = start + rise + rng.exponential(0.5) + 0.15
            step = step - rng.uniform(0.7, 1.1) * saccade_waveform(t - back, rise * rng.uniform(0.8, 1.3))
        if rng.random() < 0.3:
            # The spike potential and the overshoot of a lid that follows the eye.
            step = step + rng.uniform(0.1, 0.4) * turn * pop_waveform(t - start, 0.08)
        y += height * step[:, np.newaxis] * side
    return y


def _bursts(rng: np.random.Generator, n: int, fs: float, k: int, unit: float) -> FloatArray:
    """Muscle: noise above 15 Hz that swells and goes."""
    t = np.arange(n) / fs
    top = min(0.45 * fs, 120.0)
    noise = signal.sosfilt(
        signal.butter(2, [15.0, top], "bandpass", fs=fs, output="sos"), rng.standard_normal((n, k)), axis=0
    )
    swell = np.zeros(n)
    for _ in range(rng.integers(1, 1 + max(2, round(0.14 * t[-1])))):
        swell += np.exp(-0.5 * ((t - rng.uniform(0, t[-1])) / rng.uniform(0.05, 0.8)) ** 2)
    return np.asarray(noise / noise.std() * swell[:, np.newaxis] * unit * 10 ** rng.uniform(0.2, 1.3))


def _pops(rng: np.random.Generator, n: int, fs: float, k: int, unit: float) -> FloatArray:
    """Electrodes that pop: a step on one channel that decays."""
    y = np.zeros((n, k))
    t = np.arange(n) / fs
    for _ in range(rng.integers(1, 1 + max(2, round(0.1 * t[-1])))):
        start = rng.uniform(0, t[-1])
        decay = pop_waveform(t - start, 10 ** rng.uniform(-1.5, 0.5))
        y[:, rng.integers(k)] += rng.choice([-1.0, 1.0]) * unit * 10 ** rng.uniform(0.5, 2.3) * decay
    return y


def _movement(rng: np.random.Generator, n: int, fs: float, k: int, unit: float) -> FloatArray:
    """Head and cable: slow waves of one to three swings, on all channels, larger than blinks and longer."""
    y = np.zeros((n, k))
    t = np.arange(n) / fs
    for _ in range(rng.integers(1, 1 + max(2, round(0.1 * t[-1])))):
        centre, width = rng.uniform(0, t[-1]), rng.uniform(0.3, 1.5)
        wave = np.sin(2 * np.pi * rng.uniform(0.3, 2.0) * (t - centre) + rng.uniform(0, 2 * np.pi))
        envelope = np.exp(-0.5 * ((t - centre) / width) ** 2)
        y += (wave * envelope)[:, np.newaxis] * rng.uniform(-1, 1, k) * unit * 10 ** rng.uniform(0.5, 1.6)
    return y
