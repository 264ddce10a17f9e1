"""How one un-mixing follows another when channels leave or come back: learned beside it, from the newest signal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from nictate.orica import OnlineICA
from nictate.refit import Submit
from nictate.signals import FloatArray

Columns = npt.NDArray[np.intp]


class History:
    """The newest frames, so many at most: half as wide as they came, which is some nV of signals without offsets."""

    def __init__(self, frames: int, length: int, channels: int) -> None:
        self._length = length
        self._ring = np.zeros((frames * length, channels), np.float32)
        self._frames = 0

    def push(self, samples: FloatArray) -> None:
        """Takes a frame (length, channels)."""
        at = self._frames * self._length % len(self._ring)
        self._ring[at : at + self._length] = samples
        self._frames += 1

    def latest(self, frames: int) -> FloatArray:
        """(n, channels) the newest frames, oldest first; fewer where there are not so many."""
        end = self._frames * self._length
        n = min(frames * self._length, end, len(self._ring))
        return self._ring[np.arange(end - n, end) % len(self._ring)].astype(np.float64)


@dataclass(slots=True)
class _Successor:
    """An un-mixing of other channels, in the making."""

    columns: Columns
    result: Callable[[], OnlineICA]
    frames: int = 0
    """Frames since it was asked for."""
    ica: OnlineICA | None = None


class Succession:
    """Has an un-mixing made of other channels, and says when it is the better one.

    What is made is asked for at one moment of the stream and taken over at another, ``adopt_frames`` later, however
    long it took: what comes of it depends on the samples alone.
    """

    def __init__(
        self, history: History, rate_hz: float, calibration_s: float, adopt_frames: int, submit: Submit
    ) -> None:
        self._history = history
        self._open = partial(OnlineICA, rate_hz, calibration_s=calibration_s)
        self._adopt_frames = adopt_frames
        self._submit = submit
        self._successor: _Successor | None = None

    def push(self, ica: OnlineICA, columns: Columns, wanted: Columns, good_for: int, frames: int) -> OnlineICA | None:
        """The un-mixing of the ``wanted`` columns, once it should follow ``ica``, which is of ``columns``.

        ``good_for`` is for how many frames all wanted columns have been good, ``frames`` how many there were since the
        last call.
        """
        successor = self._successor
        if successor is not None and not np.array_equal(successor.columns, wanted):
            successor = self._successor = None
        if successor is None:
            if not np.array_equal(columns, wanted) and len(wanted) >= 2:
                work = partial(_learned, self._history.latest(good_for)[:, wanted], self._open)
                self._successor = _Successor(wanted, self._submit(work))
            return None
        successor.frames += frames
        if successor.ica is None:
            if successor.frames < self._adopt_frames:
                return None
            made = successor.result()
            successor.ica = self._open(submit=self._submit).set_state(made.get_state())
            frames = successor.frames
        successor.ica.partial_fit(self._history.latest(frames)[:, wanted])
        # A learned un-mixing, its missing channels bridged, is better than one that is still learning.
        if successor.ica.phase != "learned" and ica.phase == "learned":
            return None
        self._successor = None
        return successor.ica


def _learned(samples: FloatArray, empty: Callable[[], OnlineICA]) -> OnlineICA:
    """What there is to learn from these samples."""
    return empty().partial_fit(samples)
