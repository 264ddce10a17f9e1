"""At the journal's door: where it is, whether it is one, and that one process writes to it.

What SQLite says there becomes one line for the operator.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from nictate.edges.journal.schema import APPLICATION_ID, CREATE, TABLES, VERSION
from nictate.signals import ConfigError

PATIENCE_S = 5.0
"""How long a write waits for somebody who changes the file by hand."""
WAL_BYTES = 2**22
"""What the write-ahead log may take on disk once it has been emptied."""


def default_journal() -> Path:
    """Where the journal is kept, unless somebody wishes otherwise: the system's place for what programs remember."""
    if sys.platform == "win32":
        home = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        home = Path.home() / "Library" / "Application Support"
    else:
        said = Path(os.environ.get("XDG_STATE_HOME") or ".")
        home = said if said.is_absolute() else Path.home() / ".local" / "state"  # A relative one is to be ignored.
    return home / "nictate" / "journal.sqlite"


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection to a journal that cannot change it. Raises `ConfigError`."""
    reader = _connect(path, "ro")
    try:
        _check(path, reader)
    except BaseException:
        reader.close()
        raise
    return reader


def open_writer(path: Path) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    """A connection to a journal, which is begun when there is none, and the one that holds its lock.

    Raises `ConfigError`; what is no journal is left as it is.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{shown(path)}: its folder cannot be made: {error.strerror or error}") from None
    if path.exists():  # Judged before anything is written, be it a lock beside a file that is no journal.
        with closing(_connect(path, "ro")) as probe, _complaints(path):
            if not _is_new(probe):
                _check(path, probe)
    lock = _sole_writer(path)
    try:
        writer = _connect(path, "rwc")
        try:
            _make_ready(path, writer)
        except BaseException:
            writer.close()
            raise
    except BaseException:
        lock.close()
        raise
    return writer, lock


def _make_ready(path: Path, writer: sqlite3.Connection) -> None:
    with _complaints(path):
        if new := _is_new(writer):
            writer.execute("PRAGMA auto_vacuum = INCREMENTAL")
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA synchronous = NORMAL")
        writer.execute("PRAGMA foreign_keys = ON")
        writer.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
        if new:
            writer.executescript(f"BEGIN IMMEDIATE; {CREATE} COMMIT;")
        else:  # Nothing comes of it but the news that the file cannot be written to.
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("ROLLBACK")


def _sole_writer(path: Path) -> sqlite3.Connection:
    """A lock that ends with the process, whatever it dies of: a transaction that never ends, on a file beside it.

    The journal itself cannot be locked in this way without locking its readers out.
    """
    beside = path.with_name(f"{path.name}.lock")
    lock = _connect(beside, "rwc", timeout_s=0.0)
    try:
        lock.execute("PRAGMA journal_mode = MEMORY")
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        lock.close()
        if _code(error) == sqlite3.SQLITE_BUSY:
            why = "another nictate writes to this journal; end that one, or name another journal"
            raise ConfigError(f"{shown(path)}: {why}") from None
        raise ConfigError(f"{shown(beside)}: cannot be locked: {error}") from None
    return lock


def _connect(path: Path, mode: str, timeout_s: float = PATIENCE_S) -> sqlite3.Connection:
    # Asked before SQLite is, which has the same few words for both. The file is never opened but by SQLite: by POSIX,
    # closing it once would give up the locks of all connections in this process.
    if path.is_dir():
        raise ConfigError(f"{shown(path)}: is a folder, not a journal")
    if mode == "ro" and not path.exists():
        raise ConfigError(f"{shown(path)}: no such journal")
    address = f"{path.as_uri()}?mode={mode}"
    try:
        return sqlite3.connect(address, uri=True, timeout=timeout_s, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise ConfigError(f"{shown(path)}: cannot be opened: {error}") from None


def _is_new(connection: sqlite3.Connection) -> bool:
    """Whether the file is empty, or was left so by a process that was killed while it began a journal."""
    said = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(said == (0,) and connection.execute("PRAGMA application_id").fetchone() == (0,))


def _check(path: Path, connection: sqlite3.Connection) -> None:
    with _complaints(path):
        application = int(connection.execute("PRAGMA application_id").fetchone()[0])
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if application == APPLICATION_ID and version > VERSION:
            raise ConfigError(
                f"{shown(path)}: a journal of version {version}, this nictate reads up to {VERSION}; update it"
            )
        if application != APPLICATION_ID or version != VERSION:
            raise ConfigError(f"{shown(path)}: is no journal of nictate's; name another file")
        for table in TABLES:
            connection.execute(f"SELECT * FROM {table} LIMIT 1").fetchall()
        connection.execute("SELECT min(id), max(id) FROM events").fetchall()


@contextmanager
def _complaints(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if _code(error) == sqlite3.SQLITE_NOTADB:
            raise ConfigError(f"{shown(path)}: is no journal of nictate's; name another file") from None
        if _code(error) in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            raise ConfigError(f"{shown(path)}: it or its folder cannot be written to: {error}") from None
        raise ConfigError(f"{shown(path)}: cannot be used as it is ({error}); if damaged, move it away") from None


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 when Python itself complains."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def shown(path: Path) -> str:
    """In one line, whatever the folders are called."""
    return "".join(c if c.isprintable() else "·" for c in str(path))
