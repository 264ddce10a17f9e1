"""When a component is taken out of the signal, and how much of it: only while it is far larger than at rest.

An ocular component holds the blinks and, between them, some frontal EEG. Taken out at all times it takes that EEG with
it: 1 to 5 dB of frontal alpha, the leak that Castellanos & Makarov (2006, J. Neurosci. Methods 158:300) report of
whole-component removal. So what is subtracted passes a gate

    g(t) = max(0, 1 - (c σ² / e(t))²),        e(t) = max(r(t)², e(t - 1) exp(-1 / (release_s rate))),

where r is the component's activity above its baseline, e its energy, which rises at once and falls within release_s,
and σ² its energy at rest. Below c σ² the gate is closed and the signal leaves as it came, to the bit. Once an opening
is evident, no EEG but an eye, c sinks to ``hold`` until the gate closes, so that less is left of the end of a blink and
of the lid that turns half way: on simulated signals 1 to 2 dB for no more that is changed between blinks.

The baseline is where the component was just before the gate opened: it follows while the gate is closed and holds while
it is open. A causal high-pass in its place leaves an undershoot after each blink, which the gate then lets through: on
simulated signals the error it makes is 10 dB larger.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nictate.signals import ConfigError, FloatArray


@dataclass(frozen=True, slots=True)
class GateRules:
    """The numbers of the gate."""

    threshold: float = 18.0
    """c: the gate opens above so many times the energy at rest."""
    hold: float = 6.0
    """c of an opening that has become evident."""
    evident: float = 36.0
    """An opening of so many times the energy at rest is an event that neither EEG nor noise makes."""
    release_s: float = 0.07
    """Time constant in s with which the energy falls."""
    baseline_s: float = 0.08
    """Time constant in s with which the baseline follows a closed gate."""
    patience_s: float = 0.7
    """A gate that has been open for so long, in s, looks at a new level (of the gaze, of a lid), not at a blink."""
    surrender_s: float = 0.5
    """Time constant in s with which the baseline follows then."""
    memory_s: float = 30.0
    """How far back in s the energy at rest looks."""
    settle_s: float = 1.0
    """How much of a component must have been seen, in s, before its gate may open."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How far the gates stand open in one frame."""

    share: FloatArray
    """(n, components) in 0 to 1: what part of the activity above the baseline is taken out."""
    follow: FloatArray
    """(components,) in 0 to 1: what part of the way to the frame's mean the baseline goes."""
    closed: bool
    """Whether `share` is 0 throughout."""


class Gate:
    """The gates of some components, which come, go and change their order with `rearrange`.

    The energy at rest is the median of one sample a frame: a median, because blinks must not raise it; one, because
    neighbours say the same.
    """

    _NORMAL = 1.4826**2  # Of a normal distribution: variance over the median of the squares.

    def __init__(self, rules: GateRules, rate_hz: float, frame: int) -> None:
        times_s = (rules.release_s, rules.baseline_s, rules.surrender_s, rules.memory_s)
        if min(rules.hold, rules.threshold, *times_s) <= 0.0:
            raise ConfigError(f"{rules!r}: numbers above 0 are needed")
        if not rules.hold <= rules.threshold <= rules.evident:
            raise ConfigError(f"{rules!r}: hold <= threshold <= evident is needed")
        frame_s = frame / rate_hz
        self._rules = rules
        self._fall = np.exp(-np.arange(1, frame + 1) / (rules.release_s * rate_hz))[:, np.newaxis]
        self._closed_follow = -math.expm1(-frame_s / rules.baseline_s)
        self._late_follow = -math.expm1(-frame_s / rules.surrender_s)
        self._patience = round(rules.patience_s / frame_s)
        self._settle = max(1, round(rules.settle_s / frame_s))
        self._every = max(1, round(0.5 / frame_s))  # Frames between two medians.
        self._memory = max(self._settle, round(rules.memory_s / frame_s))
        self.rest = np.empty(0)
        """(components,) energy at rest in µV²; infinite while it is not known."""
        self.events = np.empty(0, dtype=np.int64)
        """(components,) how many evident openings there were."""
        self._squares = np.empty((self._memory, 0))  # One a frame, in a ring; infinite where a component was not there.
        self._frames = 0
        self._limit = self._held = self._clear = np.empty(0)
        self._seen = np.empty(0, dtype=np.int64)
        self._energy = np.empty(0)
        self._open = np.empty(0, dtype=np.int64)
        self._evident = np.empty(0, dtype=np.bool_)
        self._all_closed = True
        self._shut = Opening(np.empty((frame, 0)), np.empty(0), closed=True)

    def __len__(self) -> int:
        return len(self.rest)

    def rearrange(self, order: Sequence[int | None]) -> None:
        """The components in a new order: each the index that it had, or None for one that is new."""
        if list(order) == list(range(len(self))):
            return
        at = np.array([len(self) if k is None else k for k in order], dtype=np.int64)
        self.rest = np.append(self.rest, np.inf)[at]
        self._set_limits()
        self.events = np.append(self.events, 0)[at]
        self._squares = np.hstack((self._squares, np.full((self._memory, 1), np.inf)))[:, at]
        self._seen = np.append(self._seen, 0)[at]
        self._energy = np.append(self._energy, 0.0)[at]
        self._open = np.append(self._open, 0)[at]
        self._evident = np.append(self._evident, False)[at]
        self._shut = Opening(np.zeros((len(self._fall), len(at))), np.full(len(at), self._closed_follow), closed=True)

    def restart(self) -> None:
        """As after a hole in time: all gates closed. What is usual is still known."""
        self._energy.fill(0.0)
        self._open.fill(0)
        self._evident.fill(False)
        self._all_closed = True

    def push(self, r: FloatArray) -> Opening:
        """What to do with a frame of activities above their baselines, (n, components) in µV."""
        squares = r * r
        self._squares[self._frames % self._memory] = squares[-1]
        self._frames += 1
        if self._frames % self._every == 0:
            self._reckon(self._every)
        top, limit = np.maximum.reduce(squares), self._limit
        if not self._all_closed:
            top, limit = np.maximum(top, self._energy), np.where(self._evident, self._held, limit)
        closed = top <= limit
        if np.count_nonzero(closed) == len(closed):
            # Such an energy can open no gate later, either: it has no more than to be forgotten.
            if not self._all_closed:
                self.restart()
            return self._shut
        self._all_closed = False
        energy = np.maximum(np.maximum.accumulate(squares / self._fall), self._energy) * self._fall
        self._energy = energy[-1].copy()
        evident = np.maximum.accumulate(energy > self._clear) | self._evident
        limits = np.where(evident, self._held, limit)
        share = 1.0 - (limits / np.maximum(energy, limits)) ** 2
        self.events = self.events + (evident[-1] & ~self._evident)
        self._evident = evident[-1] & ~closed
        self._open = np.where(closed, 0, self._open + 1)
        late = np.where(self._open > self._patience, self._late_follow, 0.0)
        return Opening(share, np.where(closed, self._closed_follow, late), closed=False)

    def _reckon(self, frames: int) -> None:
        """The energies at rest, so many frames after the last time."""
        self._seen = np.minimum(self._seen + frames, self._memory)
        for k, seen in enumerate(self._seen.tolist()):
            if seen >= self._settle:
                middle = float(np.partition(self._squares[:, k], seen // 2)[seen // 2])
                self.rest[k] = max(self._NORMAL * middle, 1e-12)
        self._set_limits()

    def _set_limits(self) -> None:
        """(components,) energies at which something happens; beyond all energies where that at rest is not known."""
        rules, largest = self._rules, np.finfo(np.float64).max
        ratios = np.array([[rules.threshold], [rules.hold], [rules.evident]])
        self._limit, self._held, self._clear = np.minimum(ratios * self.rest, largest)

    def get_state(self) -> dict[str, npt.NDArray[np.generic]]:
        """What is usual of each component, as plain arrays."""
        return {"squares": self._squares.copy(), "seen": self._seen.copy(), "events": self.events.copy()}

    def set_state(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Takes over what `get_state` gave. Raises `ConfigError` when it does not fit."""
        squares, seen, events = (np.asarray(state[key]) for key in ("squares", "seen", "events"))
        if squares.shape != (self._memory, len(seen)) or events.shape != seen.shape or np.isnan(squares).any():
            raise ConfigError("the saved state of the gates does not fit: start without it")
        self.rearrange([None] * len(seen))
        self._squares[:], self._seen[:], self.events[:] = squares, seen, events
        self._reckon(0)
