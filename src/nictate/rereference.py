"""What the reference and the brain put into the forehead and the back of the head alike is no blink: it is taken out.

All channels are measured against one electrode. Where that sits on the head (FCz of a cap, P3 of an EPOC, Cz of a net),
what is under it is in every channel, and the forehead's blinks have it for a background; slow waves of the brain are
shared as well. Channels at the back of the head show that, and next to nothing of a blink. From each channel at the
forehead it is taken as far as it is found there: by a regression that is learned as the stream goes, from quiet
stretches, so that it learns nothing from blinks (least squares of trimmed residuals, after Rousseeuw 1984, J. Am. Stat.
Assoc. 79:871), and never by more than it is in the back itself, so that a blink loses no more than the little that the
back shows of it.
"""

from __future__ import annotations

import math

import numpy as np

from nictate.filters import Filtered
from nictate.signals import BoolArray, FloatArray

LEAST = 3
"""Fewer channels at the back than these say too little of what is shared."""
MOST = 8
"""More than these say little more, and cost."""
MEMORY_S = 20.0
"""How far back the regression looks."""
DOUBT_S = 1.0
"""For so long as this, nothing shared is as likely as what was seen."""
QUIET = 3.0
"""Samples further off than so many times the usual are not learned from: blinks, saccades, movements, pops."""


def spread(behind: tuple[int, ...]) -> tuple[int, ...]:
    """As many of the channels as are listened to, from all over the list; none where they are too few."""
    if len(behind) < LEAST:
        return ()
    places = np.linspace(0, len(behind) - 1, min(len(behind), MOST)).round().astype(int)
    return tuple(behind[k] for k in places)


class Rereference:
    """Takes from the first ``inputs`` columns what the last ``behind`` have in common, and these out of the way.

    Columns between them are left as they are, and all where less than `LEAST` of the last are good.
    """

    def __init__(self, inputs: int, behind: int, rate_hz: float) -> None:
        self._inputs, self._behind = inputs, behind
        self._step_s = 1.0 / rate_hz
        self._seen_s = 0.0
        self._usual = np.zeros(inputs + 1)  # The last is that of what is shared.
        self._cross = np.zeros(inputs)
        self._within = np.zeros(inputs)
        self._weights = np.zeros(inputs)

    @property
    def weights(self) -> FloatArray:
        """(inputs,) how much of what is shared was taken out last, 0 to 1."""
        return self._weights

    def push(self, frame: Filtered) -> Filtered:
        """The frame without the last columns."""
        if not self._behind:
            return frame
        kept = frame.samples.shape[1] - self._behind
        samples, good, fresh = frame.samples[:, :kept], frame.good[:kept], frame.fresh[:kept]
        told = frame.good[kept:]
        # Also while the back says nothing: what was known of a channel that begins anew is of another signal.
        anew = fresh[: self._inputs]
        if anew.any():
            self._cross[anew] = self._within[anew] = self._weights[anew] = 0.0
        if len(samples) and np.count_nonzero(told) >= LEAST:
            shared = _shared(frame.samples[:, kept:][:, told])
            samples = samples.copy()
            x, can = samples[:, : self._inputs], good[: self._inputs]
            x -= np.where(can, self._learn(x, shared, can), 0.0) * shared[:, np.newaxis]
        return Filtered(samples, frame.times, good, fresh)

    def _learn(self, x: FloatArray, shared: FloatArray, good: BoolArray) -> FloatArray:
        """(inputs,) the weights, with what ``x`` (n, inputs) and ``shared`` (n,) say of them."""
        n, k = x.shape
        lasting_s = n * self._step_s
        sizes = np.empty((n, k + 1))
        np.subtract(x, self._weights * shared[:, np.newaxis], out=sizes[:, :k])
        sizes[:, k] = shared
        np.abs(sizes, out=sizes)
        # Means that no blink can raise by much.
        within = sizes if self._seen_s == 0.0 else np.minimum(sizes, QUIET * self._usual)
        self._seen_s += lasting_s
        step = np.add.reduce(within) / n - self._usual
        step[:k][~good] = 0.0
        self._usual = self._usual + lasting_s / min(self._seen_s, MEMORY_S) * step
        quiet = sizes <= QUIET * self._usual
        learned = quiet[:, :k] & quiet[:, k:] & good
        fade = math.exp(-lasting_s / MEMORY_S)
        self._cross = fade * self._cross + shared @ (x * learned)
        self._within = fade * self._within + (shared * shared) @ learned
        doubt = self._usual[k] ** 2 * DOUBT_S / self._step_s
        self._weights = np.minimum(np.maximum(self._cross / (self._within + doubt + 1e-9), 0.0), 1.0)
        return self._weights


def _shared(behind: FloatArray) -> FloatArray:
    """(n,) the mean of the inner half of ``behind`` (n, channels) at each time: a single bad electrode is not heard."""
    drop = behind.shape[1] // 4
    inner = np.sort(behind, axis=1)[:, drop : behind.shape[1] - drop]
    return np.asarray(np.add.reduce(inner, axis=1) / inner.shape[1])
