"""What is in the journal's file: its tables, and what their rows are here."""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass, fields
from typing import Any

from nictate.signals import BlinkEvent, BlinkFeatures
from nictate.wire import Entry

APPLICATION_ID = 0x6E696374
"""``nict``: how SQLite and ``file`` tell a journal from other databases."""
VERSION = 1
"""Of the tables below."""

_FEATURES = tuple(field.name for field in fields(BlinkFeatures))
_EVENT = ("kind", "onset", "peak", '"end"', "amplitude", "confidence", "decided", "completes")
_FIELDS = (*_EVENT, *_FEATURES)

CREATE = f"""
CREATE TABLE runs (
    key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, began_utc REAL NOT NULL, stream TEXT NOT NULL,
    source_id TEXT NOT NULL, hostname TEXT NOT NULL, rate_hz REAL NOT NULL, channels TEXT NOT NULL,
    model_sha256 TEXT NOT NULL);
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL REFERENCES runs(key), utc REAL NOT NULL,
    kind TEXT NOT NULL, onset REAL NOT NULL, peak REAL, "end" REAL, amplitude REAL, confidence REAL NOT NULL,
    decided REAL NOT NULL, completes REAL, {", ".join(f"{name} REAL" for name in _FEATURES)});
CREATE INDEX events_of_run ON events(run);
CREATE TABLE recordings (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER,
    began_utc REAL NOT NULL, ended_utc REAL);
CREATE TABLE cursors (name TEXT PRIMARY KEY, id INTEGER NOT NULL);
CREATE VIEW blinks AS
    SELECT events.id, strftime('%Y-%m-%d %H:%M:%f', utc, 'unixepoch') AS utc, runs.stream, runs.id AS run,
        {", ".join(_FIELDS)}
    FROM events JOIN runs ON runs.key = events.run;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
"""
"""AUTOINCREMENT: the id of an event that was removed never comes again. The view is for people."""

TABLES = ("runs", "events", "recordings", "cursors")


@dataclass(frozen=True, slots=True)
class Run:
    """One stretch of listening to one stream with one model."""

    id: str
    """Unique."""
    began_utc: float
    """In s of Unix time, as all times here."""
    stream: str
    """The texts of a stream are not trusted, neither here nor when they are read back."""
    source_id: str
    hostname: str
    rate_hz: float
    channels: tuple[str, ...]
    model_sha256: str


@dataclass(frozen=True, slots=True)
class Recording:
    """A stretch of the journal that somebody has named."""

    id: int
    name: str
    """Not trusted: may be any text."""
    first: int
    """The id of its first event, or of the next one, when there is none yet."""
    last: int | None
    """The id of its last event, ``first - 1`` when there is none; None as long as it goes on."""
    began_utc: float
    ended_utc: float | None


_RUN = ("id", "began_utc", "stream", "source_id", "hostname", "rate_hz", "channels", "model_sha256")

SELECT_EVENTS = (
    f"SELECT events.id, runs.id, stream, utc, {', '.join(_FIELDS)} FROM events JOIN runs ON runs.key = events.run"
)
INSERT_EVENT = f"INSERT INTO events (run, utc, {', '.join(_FIELDS)}) VALUES (?, ?{', ?' * len(_FIELDS)})"
SELECT_RUNS = f"SELECT {', '.join(_RUN)} FROM runs ORDER BY key"
INSERT_RUN = f"INSERT INTO runs ({', '.join(_RUN)}) VALUES ({', '.join('?' * len(_RUN))})"
SELECT_RECORDINGS = "SELECT id, name, first, last, began_utc, ended_utc FROM recordings"


def row_of_event(event: BlinkEvent) -> tuple[Any, ...]:
    """Its columns in the order of `INSERT_EVENT`, after run and utc."""
    shape = (None,) * len(_FEATURES) if event.features is None else astuple(event.features)
    times = (event.onset, event.peak, event.end)
    return (event.kind, *times, event.amplitude, event.confidence, event.decided, event.completes, *shape)


def entry_of(row: tuple[Any, ...]) -> Entry:
    """The inverse, of a row of `SELECT_EVENTS`."""
    id_, run, stream, utc, kind, onset, peak, end, amplitude, confidence, decided, completes, *shape = row
    features = None if all(value is None for value in shape) else BlinkFeatures(*shape)
    event = BlinkEvent(kind, onset, peak, end, amplitude, confidence, decided, completes, features)
    return Entry(id_, run, stream, utc, event)


def row_of_run(run: Run) -> tuple[Any, ...]:
    """Its columns in the order of `INSERT_RUN`."""
    channels = json.dumps([storable(name) for name in run.channels], ensure_ascii=False)
    who = (storable(run.stream), storable(run.source_id), storable(run.hostname))
    return (storable(run.id), run.began_utc, *who, run.rate_hz, channels, storable(run.model_sha256))


def run_of(row: tuple[Any, ...]) -> Run:
    """The inverse, of a row of `SELECT_RUNS`."""
    id_, began_utc, stream, source_id, hostname, rate_hz, channels, model = row
    return Run(id_, began_utc, stream, source_id, hostname, rate_hz, tuple(json.loads(channels)), model)


def storable(text: str) -> str:
    """Text as SQLite can hold it: without lone surrogates, which no UTF-8 has."""
    return text.encode("utf-8", "replace").decode("utf-8")
