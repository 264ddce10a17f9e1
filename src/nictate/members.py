"""Which channels take part in the un-mixing: one bad channel would keep it from learning anything."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt

from nictate.signals import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class MemberRules:
    """The numbers that say when a channel leaves the un-mixing, and when it comes back."""

    missing_s: float = 1.0
    """A channel that cannot be used for so long leaves the un-mixing."""
    noisy_ratio: float = 6.0
    """So does one so many times as large as the median channel, 1 to 20 Hz; it returns below half of it."""
    noisy_s: float = 2.9
    """How long a channel must be that large, without a pause."""
    return_s: float = 8.0
    """A channel that has been good for so long comes back."""


class Members:
    """Which channels take part: those that are not flat, railed or far noisier than the others for long."""

    def __init__(self, rules: MemberRules, channels: int, frame_s: float, turn: int) -> None:
        self._missing = round(rules.missing_s / frame_s)
        self._return = round(rules.return_s / frame_s)
        self._ratio = rules.noisy_ratio**2
        self._lately = max(1, round(rules.noisy_s / frame_s / turn))
        self._powers = np.zeros((max(self._lately, round(rules.return_s / frame_s / turn)), channels))
        self._turns = 0
        self._frames = 0
        self._all_good = 0
        self._last_good = np.zeros(channels, dtype=np.int64)
        self._last_bad = np.zeros(channels, dtype=np.int64)
        self.noisy = np.zeros(channels, dtype=np.bool_)
        """(channels,) which are far larger than the others."""
        self.inside = np.ones(channels, dtype=np.bool_)
        """(channels,) which take part."""

    def push(self, good: BoolArray) -> None:
        """Takes which channels can be used in a frame."""
        self._frames += 1
        if np.count_nonzero(good) == len(good):
            self._all_good = self._frames
        else:
            self._last_good[good] = self._frames
            self._last_bad[~good] = self._frames

    def finish(self, power: FloatArray) -> None:
        """Takes the channels' power (channels,) in µV² since the last call, and judges anew."""
        rows = len(self._powers)
        self._powers[self._turns % rows] = power
        self._turns += 1
        missing = self._frames - np.maximum(self._last_good, self._all_good) >= self._missing
        if (~missing).sum() >= 3 and self._turns >= self._lately:  # Two cannot outvote each other.
            lately = self._powers[(self._turns - 1 - np.arange(self._lately)) % rows]
            # The least of the last turns: who blinks often is large at the forehead, but not without a pause.
            least = lately.min(axis=0)
            noisy = least > self._ratio * median(least[~missing].tolist())
            if self.noisy.any():
                usual = np.median(self._powers[: self._turns], axis=0)
                noisy |= self.noisy & ~(usual <= 0.25 * self._ratio * np.median(usual[~missing & ~self.noisy]))
            self.noisy = noisy
        good_for = self._frames - self._last_bad
        self.inside = ~missing & ~self.noisy & (self.inside | (good_for >= self._return))

    @property
    def good_for(self) -> npt.NDArray[np.int64]:
        """(channels,) so many frames each has been good."""
        return self._frames - self._last_bad
