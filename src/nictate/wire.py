"""What leaves the process: an event as JSON, as a marker's text, and as a line for people. Defined here only.

Markers are few and constant (``blink/start``, ``blink``), so that a recording groups by them; their time stamp is the
blink's own time, never the time of sending. JSON carries everything, in s and µV on the stream's clock, and where an
event has been journalled also its number, its run, its stream and its UTC. `SCHEMA` describes that.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from nictate.signals import KINDS, BlinkEvent, BlinkFeatures, StreamError

VERSION: Literal[1] = 1
"""Of `SCHEMA`. Another one as soon as a field is taken away or means something else; new ones may come without."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with its place in the journal: what subscribers receive."""

    id: int
    """From 1, one more with each event, without holes, over all runs of one journal."""
    run: str
    """Names one stretch of listening to one stream."""
    stream: str
    """The stream's name. Not trusted: may be any text."""
    utc: float
    """When the event was (`time_of`), in s of Unix time."""
    event: BlinkEvent


def time_of(event: BlinkEvent) -> float:
    """The event's own time in s: a blink is at its peak, its start at its onset."""
    return event.onset if event.peak is None else event.peak


def to_json(event: BlinkEvent) -> str:
    """One line: the fields of `BlinkEvent` by their names, with `BlinkEvent.duration`; null where there is nothing."""
    return json.dumps(_told(event))


def entry_to_json(entry: Entry) -> str:
    """One line, as `SCHEMA` describes it."""
    place = {"version": VERSION, "id": entry.id, "run": entry.run, "stream": entry.stream, "utc": iso_of(entry.utc)}
    return json.dumps({**place, **_told(entry.event)})


def entry_from_json(text: str | bytes) -> Entry:
    """The inverse of `entry_to_json`; fields that are not known are left out.

    Raises `StreamError` when it is no entry, or one of another version.
    """
    try:
        said = json.loads(text)
        if said["version"] != VERSION:
            raise StreamError(f"an event of version {said['version']!r}: this nictate reads version {VERSION}")
        if said["kind"] not in KINDS:
            raise ValueError(said["kind"])
        event = BlinkEvent(**{field.name: said[field.name] for field in dataclasses.fields(BlinkEvent)})
        if event.features is not None:
            shape = {field.name: said["features"][field.name] for field in dataclasses.fields(BlinkFeatures)}
            event = dataclasses.replace(event, features=BlinkFeatures(**shape))
        return Entry(int(said["id"]), str(said["run"]), str(said["stream"]), unix_of(said["utc"]), event)
    except (KeyError, TypeError, ValueError) as error:
        raise StreamError(f"this is no blink event ({error!r}): {text[:80]!r}") from error


def to_sse(entry: Entry) -> str:
    """As a Server-Sent Event (WHATWG HTML, 9.2) whose id a browser sends back as ``Last-Event-ID``."""
    return f"id: {entry.id}\ndata: {entry_to_json(entry)}\n\n"


def iso_of(utc: float) -> str:
    """Unix time as ISO 8601 in UTC, to the microsecond."""
    return datetime.fromtimestamp(utc, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def unix_of(iso: str) -> float:
    """The inverse of `iso_of`; without a zone it is taken for UTC. Raises `ValueError`."""
    moment = datetime.fromisoformat(iso)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def marker_of(event: BlinkEvent) -> tuple[str, float]:
    """Text and time in s of an event's LSL marker."""
    return event.kind, time_of(event)


def line_of(event: BlinkEvent, origin_s: float, now_s: float | None) -> str:
    """One line for people, times from ``origin_s``; with ``now_s`` also how long ago the peak or onset was."""
    text, time = marker_of(event)
    ago = "" if now_s is None else f"{1e3 * (now_s - time):5.0f} ms ago"
    line = f"{time - origin_s:9.3f} s  {text:<12} {ago}"
    if event.kind == "blink/start":
        return f"{line}  ({event.confidence:.0%})"
    height = f"{abs(event.amplitude):4.0f} µV" if event.amplitude is not None else ""
    return f"{line}  {height}  {1e3 * (event.duration or 0.0):4.0f} ms long  ({event.confidence:.0%})"


def _told(event: BlinkEvent) -> dict[str, Any]:
    return {**dataclasses.asdict(event), "duration": event.duration}


Schema: TypeAlias = dict[str, Any]


def _number(about: str, *, null: bool = False, **more: float) -> Schema:
    return {"type": ["number", "null"] if null else "number", "description": about, **more}


SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "A blink event of nictate",
    "type": "object",
    "required": [
        "version", "id", "run", "stream", "utc", "kind", "onset", "peak", "end", "duration", "amplitude", "confidence",
        "decided", "completes", "features",
    ],
    "properties": {
        "version": {"const": VERSION, "description": "Of this description"},
        "id": {"type": "integer", "minimum": 1, "description": "One more with each event, without holes"},
        "run": {"type": "string", "description": "Names one stretch of listening to one stream"},
        "stream": {"type": "string", "description": "The stream's name, as its maker wrote it"},
        "utc": {"type": "string", "format": "date-time", "description": "Peak, or onset where there is none, in UTC"},
        "kind": {"enum": list(KINDS), "description": "What was detected"},
        "onset": _number("When the lid begins to close, in s on the stream's clock, as all times"),
        "peak": _number("When the deflection is largest; null in blink/start", null=True),
        "end": _number("When the deflection is over; null in blink/start", null=True),
        "duration": _number("From onset to end in s; null in blink/start", null=True),
        "amplitude": _number("Height at the largest channel in µV, signed as it is there", null=True),
        "confidence": _number("Probability", minimum=0, maximum=1),
        "decided": _number("Time of the newest sample that was used; less peak: the latency"),
        "completes": _number("For a blink: `decided` of the blink/start that it completes", null=True),
        "features": {
            "type": ["object", "null"],
            "description": "For a blink: its shape, by BLINKER's definitions",
            "required": [field.name for field in dataclasses.fields(BlinkFeatures)],
            "properties": {
                field.name: _number("In centiseconds" if field.name.endswith("ratio") else "In s", null=True)
                for field in dataclasses.fields(BlinkFeatures)
            },
        },
    },
}  # fmt: skip
"""JSON Schema of `entry_to_json`."""
