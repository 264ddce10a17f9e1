"""Which channels can be used, frame by frame: what is bad is masked, and never reaches the filters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nictate.framing import Frame


@dataclass(frozen=True, slots=True)
class QualityRules:
    """The numbers of the model card that say when a channel cannot be used."""

    stuck_s: float
    """A channel whose value does not change for so long is flat, railed or disconnected."""
    jump_uv: float
    """A step between two samples that no EEG makes: the baseline was moved, so the filters start anew after it."""
    noisy_ratio: float
    """An input so many times as large as the median input is too noisy (judged where there are three or more)."""


class Quality:
    """Replaces what is not a number, masks channels that are flat, railed or jump, and says where filters start anew.

    A masked channel shows its last good value, so that nothing downstream meets a step or a NaN.
    """

    def __init__(self, rules: QualityRules, frame_s: float, channels: int) -> None:
        self._jump_uv = rules.jump_uv
        self._stuck_frames = max(1, round(rules.stuck_s / frame_s))
        self._last = np.full(channels, np.nan)
        self._stuck = np.zeros(channels, dtype=np.int64)
        self._was_good = np.zeros(channels, dtype=np.bool_)

    def push(self, frame: Frame) -> Frame:
        x = frame.samples
        n = len(x)
        finite = np.isfinite(x)
        whole = bool(finite.all())
        filled = x if whole else self._hold(x)
        # Up to half a frame of missing values is bridged by the last one; more is a channel that is not there.
        missing = np.zeros(x.shape[1], dtype=np.bool_) if whole else 2 * finite.sum(axis=0) < n
        before = np.where(np.isfinite(self._last), self._last, filled[0])
        steps = np.abs(np.diff(filled, axis=0, prepend=before[np.newaxis]))
        jumped = steps.max(axis=0) > self._jump_uv
        # Nine of ten rather than all: a railed amplifier blips.
        still = 10 * (steps == 0.0).sum(axis=0) >= 9 * n
        self._stuck = np.where(still, self._stuck + 1, 0)
        good = ~(missing | jumped | (self._stuck >= self._stuck_frames))
        self._last = filled[-1]
        if not good.all():
            filled = np.where(good, filled, np.where(np.isfinite(before), before, 0.0))
        fresh = good & ~self._was_good
        self._was_good = good
        return Frame(filled, frame.times, good, fresh)

    def _hold(
        self, x: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """Each missing value becomes the last one that was there (0 before the first)."""
        with_last = np.vstack((self._last, x))
        rows = np.where(np.isfinite(with_last), np.arange(len(with_last))[:, np.newaxis], 0)
        held = np.take_along_axis(with_last, np.maximum.accumulate(rows, axis=0), axis=0)[1:]
        return np.where(np.isfinite(held), held, 0.0)
