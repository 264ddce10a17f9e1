"""What leaves the process: an event as JSON, as a marker's text, and as a line for people. Defined here only.

Markers are few and constant (``blink/start``, ``blink``), so that a recording groups by them; their time stamp is the
blink's own time, never the time of sending. JSON carries everything, in s and µV on the stream's clock.
"""

from __future__ import annotations

import dataclasses
import json

from nictate.signals import BlinkEvent


def to_json(event: BlinkEvent) -> str:
    """One line: the fields of `BlinkEvent` by their names, with `BlinkEvent.duration`; null where there is nothing."""
    return json.dumps({**dataclasses.asdict(event), "duration": event.duration})


def marker_of(event: BlinkEvent) -> tuple[str, float]:
    """Text and time in s of an event's LSL marker: a blink is at its peak, its start at its onset."""
    return event.kind, event.onset if event.peak is None else event.peak


def line_of(event: BlinkEvent, origin_s: float, now_s: float | None) -> str:
    """One line for people, times from ``origin_s``; with ``now_s`` also how long ago the peak or onset was."""
    text, time = marker_of(event)
    ago = "" if now_s is None else f"{1e3 * (now_s - time):5.0f} ms ago"
    line = f"{time - origin_s:9.3f} s  {text:<11} {ago}"
    if event.kind == "blink/start":
        return f"{line}  ({event.confidence:.0%})"
    height = f"{abs(event.amplitude):4.0f} µV" if event.amplitude is not None else ""
    return f"{line}  {height}  {1e3 * (event.duration or 0.0):4.0f} ms long  ({event.confidence:.0%})"
