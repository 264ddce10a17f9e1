"""What people do with blinks on purpose: two or three in quick succession, as events of their own.

A single blink is never held back: patterns come in addition. (The third thing, a long closure, cannot be told from
single blinks, see `nictate.closures`.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from nictate.signals import BlinkEvent, ConfigError, Kind

TOLD_S = 0.55
"""A blink is told no later than so long after its onset, but for one in two hundred."""

BY_COUNT: dict[int, Kind] = {2: "blink/double", 3: "blink/triple"}


@dataclass(frozen=True, slots=True)
class PatternRules:
    """What makes a pattern; the site's numbers.

    Raises `ConfigError`, naming the rule, when a value is outside `BOUNDS`.
    """

    within_s: float = 0.35
    """A blink belongs to the one before when it begins within so much of that one's end. Doubles made on purpose have
    0.1 to 0.3 s between them."""
    alike: float = 0.4
    """Of two blinks that belong together, the smaller has at least this share of the larger one's height."""
    least_confidence: float = 0.5
    """Blinks of less confidence make no pattern."""
    long_s: float = 0.5
    """A lid that opens again no sooner than this after it began to close was closed on purpose; see
    `nictate.closures`."""
    longest_s: float = 3.0
    """The same, and no later than this: who closes the eyes to rest says nothing."""
    exclusive: bool = False
    """False: a double is told at its second blink, and if a third follows, the triple at that one too. True: both wait
    until it is certain that no other blink follows, `within_s` and `TOLD_S` after the last one's end; a triple is then
    no double as well, and four are neither."""

    def __post_init__(self) -> None:
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise ConfigError(f"{name} = {value!r}: a number from {low:g} to {high:g} is needed")
        if not isinstance(self.exclusive, bool):
            raise ConfigError(f"exclusive = {self.exclusive!r}: true or false is needed")
        if self.longest_s <= self.long_s:
            raise ConfigError(f"longest_s = {self.longest_s:g}: it must be above long_s, {self.long_s:g}")


BOUNDS: dict[str, tuple[float, float]] = {
    "within_s": (0.05, 2.0),
    "alike": (0.0, 1.0),
    "least_confidence": (0.0, 1.0),
    "long_s": (0.3, 5.0),
    "longest_s": (0.4, 10.0),
}
"""Smallest and largest value of each number in `PatternRules`."""


class Patterns:
    """Follows the blinks of a stream; holds three of them at most.

    The same events in the same order give the same patterns, however often `advance` is called between them.
    """

    def __init__(self, rules: PatternRules) -> None:
        self._rules = rules
        self._chain: list[BlinkEvent] = []
        self._count = 0

    def push(self, event: BlinkEvent) -> list[BlinkEvent]:
        """What a ``blink`` makes certain; other events say nothing. In order, as the detector tells them."""
        patterns = self.advance(event.decided)
        if event.kind != "blink" or event.confidence < self._rules.least_confidence:
            return patterns
        if not self._chain or not self._follows(self._chain[-1], event):
            patterns += self._told(event.decided) if self._rules.exclusive else []
            self._chain, self._count = [], 0
        # More than three are none of ours; that they were more is known by their count.
        self._chain = [*self._chain, event][-3:]
        self._count += 1
        return patterns if self._rules.exclusive else patterns + self._told(event.decided)

    def advance(self, time_s: float) -> list[BlinkEvent]:
        """What is certain because the stream has come to ``time_s`` without another blink."""
        if not self._chain or time_s <= self._deadline():
            return []
        patterns = self._told(self._deadline()) if self._rules.exclusive else []
        self._chain, self._count = [], 0
        return patterns

    def restart(self) -> None:
        """A hole in time. What was waiting is not told: a third blink may lie in the hole."""
        self._chain, self._count = [], 0

    def _follows(self, last: BlinkEvent, event: BlinkEvent) -> bool:
        assert last.end is not None
        smaller, larger = sorted(abs(e.amplitude or 0.0) for e in (last, event))
        return event.onset - last.end <= self._rules.within_s and smaller >= self._rules.alike * larger

    def _deadline(self) -> float:
        """When it is certain that no other blink follows the last one."""
        if not self._chain:
            return math.inf
        last = self._chain[-1]
        assert last.end is not None
        return max(last.decided, last.end + self._rules.within_s + TOLD_S)

    def _told(self, decided: float) -> list[BlinkEvent]:
        kind = BY_COUNT.get(self._count)
        if kind is None:
            return []
        first, last = self._chain[0], self._chain[-1]
        largest = max(self._chain, key=lambda e: abs(e.amplitude or 0.0))
        return [
            replace(
                last,
                kind=kind,
                onset=first.onset,
                amplitude=largest.amplitude,
                # No surer than the least sure of them.
                confidence=min(event.confidence for event in self._chain),
                decided=decided,
                completes=None,
                features=None,
            )
        ]
