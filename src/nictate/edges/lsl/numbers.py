"""Blink events as numbers: one sample an event, with a channel for each thing that is known of it.

For those that cannot read texts (mne-lsl's ``StreamLSL`` takes numbers only), and for plotting and statistics at once.
The texts are on the `MarkerOutlet`; both have the same time stamps.
"""

from __future__ import annotations

import dataclasses
import math
from types import TracebackType
from typing import Self

import pylsl

from nictate.edges.lsl.outlets import sendable
from nictate.signals import KINDS, BlinkEvent, BlinkFeatures
from nictate.status import TallyReport
from nictate.wire import time_of

TYPE = "BlinkFeatures"
"""Of the stream."""

SHAPE = tuple(field.name for field in dataclasses.fields(BlinkFeatures))

CHANNELS: dict[str, str] = {
    "kind": "none",
    "onset": "seconds",
    "peak": "seconds",
    "duration": "seconds",
    "amplitude": "microvolts",
    "confidence": "none",
    "delay": "seconds",
    "blinks_per_min": "1/min",
    **{name: "centiseconds" if name.endswith("ratio") else "seconds" for name in SHAPE},
}
"""Label and unit of each channel, in order.

``kind`` is the place in `nictate.signals.KINDS`, from 0, which the description repeats under ``kinds``; ``onset`` and
``peak`` are on the LSL clock; ``delay`` is from the time stamp to the newest sample that was used; ``blinks_per_min``
is that of `TallyReport`; the rest is in `BlinkFeatures`.
"""


class FeaturesOutlet:
    """A stream of numbers at irregular times (type ``BlinkFeatures``); NaN where there is nothing."""

    def __init__(self, name: str, source_id: str) -> None:
        info = pylsl.StreamInfo(
            sendable(name), TYPE, len(CHANNELS), pylsl.IRREGULAR_RATE, pylsl.cf_double64, sendable(source_id)
        )
        desc = info.desc()
        desc.append_child_value("manufacturer", "nictate")
        channels = desc.append_child("channels")
        for label, unit in CHANNELS.items():
            channel = channels.append_child("channel")
            channel.append_child_value("label", label)
            channel.append_child_value("unit", unit)
            channel.append_child_value("type", "Feature")
        kinds = desc.append_child("kinds")
        for number, kind in enumerate(KINDS):
            one = kinds.append_child("kind")
            one.append_child_value("number", str(number))
            one.append_child_value("name", kind)
        self._outlet: pylsl.StreamOutlet | None = pylsl.StreamOutlet(info)

    def push(self, event: BlinkEvent, tally: TallyReport) -> None:
        """Send one event, stamped with its own time; ``tally`` is how the stream stands with it."""
        assert self._outlet is not None, "the outlet is closed"
        time_s = time_of(event)
        shape = None if event.features is None else dataclasses.asdict(event.features)
        values = {
            "kind": KINDS.index(event.kind),
            "onset": event.onset,
            "peak": event.peak,
            "duration": event.duration,
            "amplitude": event.amplitude,
            "confidence": event.confidence,
            "delay": event.decided - time_s,
            "blinks_per_min": tally.blinks_per_min,
            **(shape or dict.fromkeys(SHAPE)),
        }
        self._outlet.push_sample(
            [math.nan if (value := values[label]) is None else value for label in CHANNELS], time_s
        )

    def close(self) -> None:
        """Take the stream off the network. Close whoever reads it in the same process first."""
        self._outlet = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
