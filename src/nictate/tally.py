"""What the blinks of a stream amount to: how many a minute, and what the last ones were like."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from statistics import median

from nictate.signals import BlinkEvent
from nictate.status import TallyReport

OVER_S = 60.0
"""Blinks per minute are those of so much signal."""
FIRST_S = 5.0
"""Less signal than this says nothing of a rate."""
LAST = 60
"""Medians are over so many blinks: some minutes of somebody awake."""
MOST_PER_MIN = 600
"""No more than this are counted in a minute: ten a second, which no eye does and no detector of ours tells."""


class Tally:
    """Counts blinks against the signal that was seen: pauses of the stream are no time without blinks.

    Holds `LAST` numbers of each kind and the places of the last minute's blinks, however long the stream.
    """

    def __init__(self) -> None:
        self._blinks = 0
        self._seen_s = 0.0
        self._at_s: deque[float] = deque(maxlen=MOST_PER_MIN)
        self._durations = deque[float](maxlen=LAST)
        self._amplitudes = deque[float](maxlen=LAST)
        self._pauses = deque[float](maxlen=LAST)
        self._latencies = deque[float](maxlen=LAST)

    def seen(self, seconds: float) -> None:
        """So much more signal has come. A blink counts where the signal stood when it was pushed."""
        self._seen_s += seconds
        while self._at_s and self._at_s[0] <= self._seen_s - OVER_S:
            self._at_s.popleft()

    def push(self, event: BlinkEvent) -> None:
        """An event of the detector; those that are no ``blink`` are not counted."""
        if event.kind != "blink":
            return
        self._blinks += 1
        self._at_s.append(self._seen_s)
        if event.duration is not None:
            self._durations.append(event.duration)
        if event.amplitude is not None:
            self._amplitudes.append(abs(event.amplitude))
        if event.peak is not None:
            self._latencies.append(event.decided - event.peak)
        if event.features is not None and event.features.inter_blink is not None:
            self._pauses.append(event.features.inter_blink)

    def report(self) -> TallyReport:
        """As it stands. The amplitude is without its sign, which differs between channels."""
        over_s = min(self._seen_s, OVER_S)
        return TallyReport(
            blinks=self._blinks,
            blinks_per_min=60.0 * len(self._at_s) / over_s if over_s >= FIRST_S else None,
            duration_s=_median(self._durations),
            amplitude_uv=_median(self._amplitudes),
            inter_blink_s=_median(self._pauses),
            latency_s=_median(self._latencies),
        )


def _median(numbers: Iterable[float]) -> float | None:
    finite = [number for number in numbers if math.isfinite(number)]
    return median(finite) if finite else None
