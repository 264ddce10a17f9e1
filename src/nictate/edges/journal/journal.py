"""Events on disk: appended, read by pages, named as recordings, and in the end removed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nictate.edges.journal.opening import open_reader, open_writer, shown
from nictate.edges.journal.schema import (
    INSERT_EVENT,
    INSERT_RUN,
    SELECT_EVENTS,
    SELECT_RECORDINGS,
    SELECT_RUNS,
    Recording,
    Run,
    entry_of,
    row_of_event,
    row_of_run,
    run_of,
    storable,
)
from nictate.signals import BlinkEvent, ConfigError, Kind
from nictate.wire import Entry, time_of

DAY_S = 86400.0
PIECE = 256
"""So many events are removed at a time: an append that comes meanwhile waits for no more."""
NAME_LENGTH = 200
"""Characters of a recording's name at most."""


class Journal:
    """Events on disk. Every method may be called from every thread.

    Methods raise `OSError` when the disk is full or the file has become unreadable; what was being written is then not
    in the journal, and takes no id.
    """

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        """Open a journal, or begin one; ``readonly`` reads one that may be written to meanwhile by another process.

        Raises `ConfigError` when the file is no journal of nictate's, damaged, of a newer nictate, not writable, or
        when another process writes to it. Such a file is left as it is.
        """
        # The same file by whatever name: SQLite's own files, and the lock, lie beside it.
        self.path = Path(path).resolve()
        self._write_lock, self._read_lock = threading.Lock(), threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._lock: sqlite3.Connection | None = None
        # Readers have a connection of their own: no append waits for a page that is being read.
        self._reader: sqlite3.Connection | None = None
        self._keys: dict[str, int] = {}
        try:
            if not readonly:
                self._writer, self._lock = open_writer(self.path)
            self._reader = open_reader(self.path)
            self._keys = dict(self._ask("SELECT id, key FROM runs"))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file. Nothing may be asked of it afterwards."""
        with self._write_lock, self._read_lock:
            # The reader first: the last one to close a journal tidies up, which a reader cannot.
            for connection in (self._reader, self._writer, self._lock):
                if connection is not None:
                    connection.close()
            self._reader = self._writer = self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------------------- writing

    def begin(self, run: Run) -> None:
        """Note a run, whose events may then be appended. Raises `ValueError` when its id is taken."""
        if run.id in self._keys:
            raise ValueError(f"there is a run {run.id!r} already")
        with self._transaction() as writer:
            key = writer.execute(INSERT_RUN, row_of_run(run)).lastrowid
        assert key is not None
        self._keys[run.id] = key

    def append(self, run: Run, events: Sequence[BlinkEvent], ahead_s: float) -> list[Entry]:
        """Write events of a run that has begun, all or none, and tell their numbers.

        ``ahead_s`` is Unix time less the stream's clock. They are safe from the process's end when this returns.
        """
        if not events:
            return []
        key, stream = self._keys[run.id], storable(run.stream)
        entries = []
        with self._transaction() as writer:
            for event in events:
                utc = time_of(event) + ahead_s
                done = writer.execute(INSERT_EVENT, (key, utc, *row_of_event(event)))
                assert done.lastrowid is not None
                entries.append(Entry(done.lastrowid, storable(run.id), stream, utc, event))
        return entries

    def start_recording(self, name: str, utc: float) -> Recording:
        """Name what comes from now on. Raises `ConfigError` when the name is empty or longer than `NAME_LENGTH`."""
        name = storable(name.strip())
        if not 0 < len(name) <= NAME_LENGTH:
            raise ConfigError(f"a recording needs a name of 1 to {NAME_LENGTH} characters")
        with self._transaction() as writer:
            first = self._given(writer) + 1
            done = writer.execute(
                "INSERT INTO recordings (name, first, began_utc) VALUES (?, ?, ?)", (name, first, utc)
            )
        assert done.lastrowid is not None
        return Recording(done.lastrowid, name, first, None, utc, None)

    def stop_recording(self, id: int, utc: float) -> Recording:  # noqa: A002
        """End a recording; one that has ended stays as it is. Raises `ConfigError` when there is none of that id."""
        with self._transaction() as writer:
            writer.execute(
                "UPDATE recordings SET last = ?, ended_utc = ? WHERE id = ? AND ended_utc IS NULL",
                (self._given(writer), utc, _fitting(id)),
            )
            row = writer.execute(f"{SELECT_RECORDINGS} WHERE id = ?", (_fitting(id),)).fetchone()
        if row is None:
            raise ConfigError(f"there is no recording {id}")
        return Recording(*row)

    def set_cursor(self, name: str, id: int) -> None:  # noqa: A002
        """Remember how far a reader has come."""
        with self._transaction() as writer:
            writer.execute("INSERT OR REPLACE INTO cursors (name, id) VALUES (?, ?)", (storable(name), id))

    def prune(self, *, keep_days: float | None, keep_bytes: int | None, utc: float) -> int:
        """Remove the oldest events, those before ``utc - keep_days`` and so many that the rest takes ``keep_bytes``.

        From the oldest on, up to the first that may stay; their ids never come again. Runs and recordings of which
        nothing is left go with them. Returns how many events were removed.
        """
        removed = 0
        while True:
            with self._transaction() as writer:
                rows = writer.execute("SELECT id, utc FROM events ORDER BY id LIMIT ?", (PIECE,)).fetchall()
                going = len(rows)
                if keep_bytes is None or _used_bytes(writer) <= keep_bytes:
                    oldest_utc = -float("inf") if keep_days is None else utc - keep_days * DAY_S
                    going = next((k for k, (_, then) in enumerate(rows) if then >= oldest_utc), going)
                if not going:
                    self._forget_empty(writer)
                    break
                writer.execute("DELETE FROM events WHERE id <= ?", (rows[going - 1][0],))
                removed += going
            with self._write_lock, self._failing():
                # As a script: else Python takes but its first step, which frees one page.
                writer.executescript("PRAGMA incremental_vacuum")
        return removed

    def _forget_empty(self, writer: sqlite3.Connection) -> None:
        """Not the newest run: its events are still to come."""
        newest = "(SELECT max(key) FROM runs)"
        gone = writer.execute(
            f"DELETE FROM runs WHERE key < {newest} AND key NOT IN (SELECT run FROM events) RETURNING id"
        ).fetchall()
        for (run,) in gone:
            self._keys.pop(run, None)
        oldest = writer.execute("SELECT min(id) FROM events").fetchone()[0] or self._given(writer) + 1
        writer.execute("DELETE FROM recordings WHERE last < ?", (oldest,))

    def _given(self, connection: sqlite3.Connection) -> int:
        """The last id that was ever given."""
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
        return int(row[0]) if row else 0

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._write_lock, self._failing():
            writer = self._writer
            assert writer is not None, "the journal is closed, or was opened to read"
            writer.execute("BEGIN IMMEDIATE")
            try:
                yield writer
                writer.execute("COMMIT")
            finally:
                if writer.in_transaction:
                    writer.execute("ROLLBACK")

    # ------------------------------------------------------------------------------------------------------- reading

    def read(
        self,
        after: int = 0,
        limit: int = 1000,
        *,
        until: int | None = None,
        kinds: Collection[Kind] = (),
        run: str = "",
        since_utc: float | None = None,
        before_utc: float | None = None,
        newest_first: bool = False,
    ) -> list[Entry]:
        """At most ``limit`` entries with ``after < id <= until`` and ``since_utc <= utc < before_utc``, by their ids.

        ``kinds`` and ``run`` leave only those; empty for all.
        """
        wanted: list[tuple[str, tuple[Any, ...]]] = [("events.id > ?", (_fitting(after),))]
        if until is not None:
            wanted.append(("events.id <= ?", (_fitting(until),)))
        if kinds:
            wanted.append((f"kind IN ({', '.join('?' * len(kinds))})", tuple(kinds)))
        if run:
            wanted.append(("runs.id = ?", (storable(run),)))
        if since_utc is not None:
            wanted.append(("utc >= ?", (since_utc,)))
        if before_utc is not None:
            wanted.append(("utc < ?", (before_utc,)))
        rows = self._ask(
            f"{SELECT_EVENTS} WHERE {' AND '.join(text for text, _ in wanted)}"
            f" ORDER BY events.id {'DESC' if newest_first else ''} LIMIT ?",
            (*(value for _, values in wanted for value in values), _fitting(max(limit, 0))),
        )
        return [entry_of(row) for row in rows]

    @property
    def oldest_id(self) -> int:
        """0 when there is nothing."""
        return int(self._ask("SELECT min(id) FROM events")[0][0] or 0)

    @property
    def newest_id(self) -> int:
        """0 when there is nothing."""
        return int(self._ask("SELECT max(id) FROM events")[0][0] or 0)

    def runs(self) -> list[Run]:
        """All runs, in the order in which they began."""
        return [run_of(row) for row in self._ask(SELECT_RUNS)]

    def recordings(self) -> list[Recording]:
        """All recordings, in the order in which they were started."""
        return [Recording(*row) for row in self._ask(f"{SELECT_RECORDINGS} ORDER BY id")]

    def cursor(self, name: str) -> int | None:
        """What was last set; None before."""
        rows = self._ask("SELECT id FROM cursors WHERE name = ?", (storable(name),))
        return int(rows[0][0]) if rows else None

    def _ask(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        # To the last row: a question that stays open would keep the write-ahead log from being emptied.
        with self._read_lock, self._failing():
            assert self._reader is not None, "the journal is closed"
            return self._reader.execute(sql, values).fetchall()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """What the disk does to us, as `OSError`; what we do wrong stays what it is."""
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise
        except sqlite3.DatabaseError as error:
            raise OSError(f"{shown(self.path)}: the journal fails: {error}") from error


def _used_bytes(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _fitting(number: int) -> int:
    """A number of a stranger, as SQLite can hold it."""
    return max(-(2**63), min(number, 2**63 - 1))
