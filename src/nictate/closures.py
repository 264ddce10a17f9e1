"""Long closures: how long the lid stays down, which no blink's own duration tells.

A blink is told at once, from a signal whose band-pass lets a held lid decay within some 0.2 s: closures of 0.5 s and of
3 s have the same duration there. So the signal before the filters is followed from the blink on. It stays raised while
the lid is down, and falls back in one stroke when it opens. What it takes for that:

- The blink's own down stroke was no reopening: it took `SLOW_S` or more to come to zero, which is the filters' decay.
- The signal before the filters stays above `RAISED` of its height, and then falls by `FALL` of it within `STROKE`
  frames, to where it was before the blink, give or take `BACK`.

An amplifier that itself lets slow deflections decay within less than a second hides all this, and a gaze that moves up
with a blink and back down soon after can look like it. Cost: a mean over each frame, and a few comparisons.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from nictate.patterns import PatternRules
from nictate.signals import BlinkEvent, BoolArray, FloatArray

SLOW_S = 0.115
"""Of 368 short blinks that people made on request, 95 % took less from peak to zero; of simulated ones, 99 %."""
RAISED = 0.25
FALL = 0.25
STROKE = 4
"""Frames, of some 40 ms each."""
BACK = 0.3
BEFORE_S = (0.29, 0.03)
"""What the signal was before is its median from so long to so long before the onset."""
TOP_S = 0.05
"""The height is that of the highest frame so near to the peak."""
SETTLE_S = 0.13
"""So long after the fall the signal has come to rest."""
KEPT_S = 2.0
"""A blink is told no later than so long after what its base is read from."""


@dataclass(slots=True)
class Held:
    """A blink that may be a closure, on the channel that it raises most."""

    blink: BlinkEvent
    column: int
    base_uv: float
    height_uv: float
    """Over its base, signed as the channel is."""
    raised: deque[float]
    """The last frames' share of the height."""
    fell_at: float = math.inf
    from_share: float = 0.0
    """What it fell from."""
    lowest: float = math.inf
    """Since it fell."""


class Closures:
    """Follows the lid after each blink; holds the frames of the last two seconds, whatever the length of the stream."""

    def __init__(self, rules: PatternRules) -> None:
        self._rules = rules
        self._frames: deque[tuple[float, FloatArray]] = deque()
        self._held: Held | None = None
        self._opened = -math.inf

    def restart(self) -> None:
        """A hole in time: a lid that was down may have opened in it."""
        self._frames.clear()
        self._held, self._opened = None, -math.inf

    def watch(self, samples: FloatArray, good: BoolArray, times: FloatArray) -> None:
        """The next frame of the channels that can show a blink, as it came.

        ``samples`` (n, channels) in µV, ``good`` (channels,) whether each can be used, ``times`` (n,) in s.
        """
        time = 0.5 * float(times[0] + times[-1])
        level = np.where(good, samples.mean(axis=0), np.nan)
        self._frames.append((time, level))
        while self._frames[0][0] < time - KEPT_S:
            self._frames.popleft()
        if self._held is not None:
            self._follow(self._held, time, level)

    def push(self, events: Iterable[BlinkEvent], decided: float) -> list[BlinkEvent]:
        """The closure that is certain at stream time ``decided``, if one has become so; ``events`` may begin one."""
        closures: list[BlinkEvent] = []
        for event in events:
            slow = event.features is not None and event.features.reopening_time >= SLOW_S
            if (
                event.kind == "blink" and slow and event.onset > self._opened + SETTLE_S
            ):  # A lid that is down cannot close.
                self._held = self._begin(event)
        held = self._held
        if held is not None and self._frames[-1][0] >= held.fell_at + SETTLE_S:
            self._held = None
            lasted = held.fell_at - held.blink.onset
            fell = held.from_share - held.lowest
            if lasted >= self._rules.long_s and fell >= FALL and held.lowest >= -BACK:
                self._opened = held.fell_at
                # As sure as its blink is.
                closure = replace(held.blink, kind="blink/long", end=held.fell_at, decided=decided)
                closures.append(replace(closure, completes=None, features=None))
        return closures

    def _begin(self, blink: BlinkEvent) -> Held | None:
        """The blink among the frames, and what has come since."""
        assert blink.peak is not None
        assert blink.amplitude is not None
        before = [x for t, x in self._frames if blink.onset - BEFORE_S[0] <= t <= blink.onset - BEFORE_S[1]]
        top = [x for t, x in self._frames if abs(t - blink.peak) <= TOP_S]
        if len(before) < 3 or not top:
            return None
        base = np.median(before, axis=0)
        side = math.copysign(1.0, blink.amplitude)
        heights = (side * (np.array(top) - base)).max(axis=0)
        if not (heights > 0.0).any():
            return None
        column = int(np.nanargmax(heights))
        held = Held(blink, column, float(base[column]), side * float(heights[column]), deque(maxlen=STROKE))
        for time, level in self._frames:
            if time > blink.peak:
                self._follow(held, time, level)
        return held

    def _follow(self, held: Held, time: float, level: FloatArray) -> None:
        share = (float(level[held.column]) - held.base_uv) / held.height_uv
        if not math.isfinite(share) or time > held.blink.onset + self._rules.longest_s + SETTLE_S:
            self._held = None
        elif held.fell_at < math.inf:
            held.lowest = min(held.lowest, share)
        elif share < RAISED and held.raised:
            held.fell_at, held.from_share, held.lowest = time, max(held.raised), share
        else:
            held.raised.append(share)
