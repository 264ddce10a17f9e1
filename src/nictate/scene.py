"""What is drawn of a stream while it runs: a few channels at about 110 Hz, without their baseline, as small texts.

A *scene* is what has come since the last one, as JSON (``/api/v1/signals`` sends one a message, about 20 a second):

    {"run": "...",                      names the stretch of listening, as in `nictate.wire.Entry`
     "dt": 0.008,                       s between two points where none is missing
     "names": ["Fp1", ...],             up to 8 labels; not trusted, may be any text
     "looked_at": 2,                    so many of them, the first ones, are those on which blinks are sought
     "raw": {"times": [812.004, ...],   (n,) s on the stream's clock, increasing; may be empty
             "data": [[-3.1, ...], ...]}, (channels, n) µV; null where nothing was measured
     "cleaned": {"times": ..., "data": ...},
     "probability": [[812.01, 0.02], ...]}  time in s, and how likely the eyes are in a blink then

``cleaned`` has times of its own, since it comes later than ``raw``, by up to a frame of the un-mixing; it is null while
there is none. Where two times are more than two ``dt`` apart, something was lost, and no line is to be drawn. After a
hole the times may also be earlier: then the stream's clock has become another, and what was drawn before is void.

This is for the eye only: nothing is detected on it.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Sequence

import numpy as np
from scipy.signal import lfilter

from nictate.framing import Run, Timeline
from nictate.signals import Block, ConfigError, FloatArray, Montage, StreamError

CHANNELS = 8
"""So many are drawn at most."""

POINTS_HZ = 110.0
"""About so many points a second are drawn: each the mean of as many samples as come nearest to that."""

BASELINE_HZ = 0.3
"""What is slower is taken out."""

LEAST_S = 0.035
"""A scene of less than this is not worth a message."""

KEPT_S = 2.0
"""What has not been taken after so long is dropped, the oldest first."""

_HOLE_S = 0.06
"""After a longer hole the baseline starts afresh. Like the shipped model's, but nothing depends on that."""

_NO_MEASUREMENT_UV = 1e12
"""What is larger was never measured; beyond it, a double does not hold the µV of a channel."""


class Scenes:
    """Gathers what is drawn of one stream.

    ``looked_at`` are the channels on which blinks are sought: they are drawn first, and others as long as there is
    room. However the samples are cut into blocks, the points are the same. Memory is bounded: what nobody takes is
    dropped after `KEPT_S`. Not for several threads at a time.

    Raises `ConfigError` for channels that the montage does not have.
    """

    def __init__(self, montage: Montage, looked_at: Sequence[int], run: str) -> None:
        if not all(0 <= k < len(montage.names) for k in looked_at):
            raise ConfigError(f"channels {tuple(looked_at)} of a montage with {len(montage.names)}")
        first = list(dict.fromkeys(looked_at))
        drawn = list(dict.fromkeys([*first, *montage.eeg, *range(len(montage.names))]))[:CHANNELS]
        self._columns = np.array(drawn)
        self._channels = len(montage.names)
        together = max(1, round(montage.rate_hz / POINTS_HZ))
        self._dt_s = together / montage.rate_hz
        self._raw = _Strip(montage.rate_hz, together, len(drawn))
        self._cleaned = _Strip(montage.rate_hz, together, len(drawn))
        self._cleans = False
        self._probability: deque[tuple[float, float]] = deque(maxlen=math.ceil(KEPT_S * montage.rate_hz))
        self._head = {
            "run": run,
            "dt": round(self._dt_s, 6),
            "names": [montage.names[k] for k in drawn],
            "looked_at": min(len(first), CHANNELS),
        }

    def push(self, block: Block) -> None:
        """Samples as they came from the stream. Raises `StreamError` when these are not the montage's channels."""
        self._raw.push(self._drawn(block))

    def clean(self, block: Block) -> None:
        """Samples without what the eyes put into them, with the stream's times. Raises as `push`."""
        self._cleans = True
        self._cleaned.push(self._drawn(block))

    def said(self, time_s: float, p: float) -> None:
        """The probability of a blink at a time, as the network says it; what is no number is not drawn."""
        if math.isfinite(time_s) and math.isfinite(p):
            self._probability.append((round(time_s, 4), round(p, 3)))

    def take(self) -> str | None:
        """What has come since the last call as JSON, see above; None while that is less than `LEAST_S` of samples."""
        if self._raw.waiting * self._dt_s < LEAST_S - 1e-9:
            return None
        probability = list(self._probability)
        self._probability.clear()
        scene = {
            **self._head,
            "raw": self._raw.take(),
            "cleaned": self._cleaned.take() if self._cleans else None,
            "probability": probability,
        }
        return json.dumps(scene, allow_nan=False, separators=(",", ":"))

    def _drawn(self, block: Block) -> Block:
        if block.samples.shape[1] != self._channels:
            raise StreamError(f"a block of {block.samples.shape[1]} channels in a stream of {self._channels}")
        return Block(block.samples[:, self._columns], block.times)


class _Strip:
    """Takes out the baseline, means over ``together`` samples, and keeps the points until they are taken."""

    def __init__(self, rate_hz: float, together: int, channels: int) -> None:
        self._timeline = Timeline(rate_hz, _HOLE_S)
        self._period_s = 1.0 / rate_hz
        self._together = together
        self._pole = math.exp(-2.0 * math.pi * BASELINE_HZ / rate_hz)
        self._most = math.ceil(KEPT_S * rate_hz / together)
        self._points = np.empty((0, channels))
        self._times = np.empty(0)
        self._begin(channels)

    def _begin(self, channels: int) -> None:
        """As after a hole."""
        self._first = np.full(channels, np.nan)
        self._held = np.zeros(channels)
        self._state = np.zeros((1, channels))
        self._rest = np.empty((0, channels))
        self._rest_times = np.empty(0)

    @property
    def waiting(self) -> int:
        """So many points have not been taken."""
        return len(self._times)

    def push(self, block: Block) -> None:
        for run in self._timeline.push(block):
            if run.fresh:
                self._begin(block.samples.shape[1])
            self._draw(run)

    def take(self) -> dict[str, list[object]]:
        columns = [[v if math.isfinite(v) else None for v in column] for column in self._points.T.round(1).tolist()]
        said: dict[str, list[object]] = {"times": [round(t, 4) for t in self._times.tolist()], "data": [*columns]}
        self._points, self._times = self._points[:0].copy(), self._times[:0].copy()
        return said

    def _draw(self, run: Run) -> None:
        flat = np.concatenate((self._rest, self._without_baseline(run.samples)))
        times = np.concatenate((self._rest_times, run.times))
        k = self._together
        whole = len(times) // k
        self._rest, self._rest_times = flat[whole * k :].copy(), times[whole * k :].copy()
        if not whole:
            return
        cells = flat[: whole * k].reshape(whole, k, -1)
        # One after the other: the order in which `mean` adds depends on the shape, and with it the last bits.
        total, count = np.zeros(cells[:, 0].shape), np.zeros(cells[:, 0].shape)
        for j in range(k):
            there = np.isfinite(cells[:, j])
            total += np.where(there, cells[:, j], 0.0)
            count += there
        points = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        middle = times[: whole * k : k] + 0.5 * (k - 1) * self._period_s
        self._points = np.concatenate((self._points, points))[-self._most :]
        self._times = np.concatenate((self._times, middle))[-self._most :]

    def _without_baseline(self, samples: FloatArray) -> FloatArray:
        """(n, channels) in µV, NaN where nothing was measured."""
        there = np.abs(samples) < _NO_MEASUREMENT_UV  # False for NaN, too.
        begun = np.isfinite(self._first)
        if not begun.all() and there.any():
            first = np.take_along_axis(samples, there.argmax(axis=0)[np.newaxis], axis=0)[0]
            self._first = np.where(~begun & there.any(axis=0), first, self._first)
        # From the first sample on, so that the filter starts at rest and offsets cost no bits; where nothing was
        # measured, the last value goes on, so that NaN never gets into the filter.
        rows = np.where(there, np.arange(1, len(samples) + 1)[:, np.newaxis], 0)
        away = np.where(there, samples - self._first, 0.0)
        with_last = np.vstack((self._held, away))
        held = np.take_along_axis(with_last, np.maximum.accumulate(rows, axis=0), axis=0)
        self._held = held[-1].copy()
        flat, self._state = lfilter([self._pole, -self._pole], [1.0, -self._pole], held, axis=0, zi=self._state)
        return np.where(there, flat, np.nan)
