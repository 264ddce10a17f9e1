"""What is no journal is refused and left alone; one process writes, others read."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from made_journals import BLINK, PATIENCE_S, RUN, WRITER, filled

from nictate.edges.journal import Journal, default_journal
from nictate.signals import ConfigError
from nictate.wire import Entry


@contextmanager
def another_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    """That writes to the journal."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), "theirs"], stdout=subprocess.PIPE, encoding="utf-8"
    ) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "1\n"
            yield writer
        finally:
            writer.kill()
            writer.communicate()


def test_one_process_writes_and_others_read_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with another_process(path) as writer:
        with pytest.raises(ConfigError, match="another nictate writes"):
            Journal(path)
        # Neither by another name.
        (tmp_path / "link").symlink_to(path)
        with pytest.raises(ConfigError, match="another nictate writes"):
            Journal(tmp_path / "link")
        with Journal(path, readonly=True) as reader:
            seen: list[Entry] = []
            while len(seen) < 500:
                assert writer.stdout is not None
                writer.stdout.readline()  # Else its pipe runs full, and it waits.
                seen += reader.read(seen[-1].id if seen else 0)
            assert [entry.id for entry in seen] == list(range(1, len(seen) + 1))
    with Journal(path) as journal:  # A kill has let go of it.
        assert journal.newest_id >= len(seen)


def test_neither_may_two_write_in_one_process_and_close_gives_way(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with filled(path, 1) as journal:
        with pytest.raises(ConfigError, match="another nictate writes"):
            Journal(path)
        with Journal(path, readonly=True):
            pass
        # The refused one and the reader have not let go of what the first holds.
        blocked = subprocess.run(
            [sys.executable, "-c", WRITER, str(path), "x"], capture_output=True, encoding="utf-8", timeout=PATIENCE_S
        )
        assert "another nictate writes" in blocked.stderr
        journal.append(RUN, [BLINK], 0.0)
    with Journal(path) as journal:
        assert journal.newest_id == 2
    assert sorted(file.name for file in tmp_path.iterdir()) == ["j", "j.lock"]


def a_text(path: Path) -> None:
    path.write_text("Blinks, 3rd of May\n" * 200, encoding="utf-8")


def a_folder(path: Path) -> None:
    path.mkdir()


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as theirs:
        theirs.executescript("CREATE TABLE events (id INTEGER); INSERT INTO events VALUES (1);")


def foreign_empty(path: Path) -> None:
    with closing(sqlite3.connect(path)) as theirs:
        theirs.executescript("PRAGMA application_id = 7; CREATE TABLE a (b); DROP TABLE a;")


def newer(path: Path) -> None:
    filled(path, 2).close()
    with closing(sqlite3.connect(path)) as theirs:
        theirs.execute("PRAGMA user_version = 2")


def without_a_table(path: Path) -> None:
    filled(path, 2).close()
    with closing(sqlite3.connect(path)) as theirs:
        theirs.execute("DROP TABLE recordings")


def truncated(path: Path) -> None:
    filled(path, 500).close()
    os.truncate(path, 8192)


def scrambled(path: Path) -> None:
    filled(path, 500).close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 12_000)


SPOILT = [a_text, a_folder, foreign, foreign_empty, newer, without_a_table, truncated, scrambled]


@pytest.mark.parametrize("readonly", [False, True])
@pytest.mark.parametrize("spoil", SPOILT)
def test_what_is_no_journal_is_refused_in_one_line_and_left_as_it_is(
    tmp_path: Path, spoil: Callable[[Path], None], readonly: bool
) -> None:
    path = tmp_path / "journal.sqlite"
    spoil(path)
    before = path.read_bytes() if path.is_file() else b""
    beside = {file.name for file in tmp_path.iterdir() if not file.name.endswith(("-shm", "-wal"))}
    with pytest.raises(ConfigError) as caught:
        Journal(path, readonly=readonly)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (path.read_bytes() if path.is_file() else b"") == before
    assert {file.name for file in tmp_path.iterdir() if not file.name.endswith(("-shm", "-wal"))} == beside
    if spoil is newer:
        assert "version 2" in str(caught.value)


def test_there_must_be_something_to_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such journal"):
        Journal(tmp_path / "none", readonly=True)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty").touch()
    with pytest.raises(ConfigError, match="no journal"):
        Journal(tmp_path / "empty", readonly=True)


def test_an_empty_file_and_folders_that_are_missing_are_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for path in (tmp_path / "empty", tmp_path / "a" / "b" / "j ?#%.sqlite"):
        filled(path, 1).close()
        assert path.is_file()
        with Journal(path) as journal:
            assert journal.newest_id == 1


def test_a_folder_that_cannot_be_made_is_the_operators_matter(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="folder cannot be made"):
        Journal(tmp_path / "file" / "journal.sqlite")


def test_a_process_killed_while_it_began_a_journal_leaves_one_that_can_be_begun(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with closing(sqlite3.connect(path)) as half:
        half.execute("PRAGMA journal_mode = WAL")
    filled(path, 1).close()
    with Journal(path) as journal:
        assert journal.newest_id == 1


def test_its_place_is_the_systems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for platform, environment, expected in (
        ("linux", {}, tmp_path / ".local/state/nictate/journal.sqlite"),
        ("linux", {"XDG_STATE_HOME": str(tmp_path / "x")}, tmp_path / "x/nictate/journal.sqlite"),
        ("linux", {"XDG_STATE_HOME": "relative"}, tmp_path / ".local/state/nictate/journal.sqlite"),
        ("darwin", {}, tmp_path / "Library/Application Support/nictate/journal.sqlite"),
        ("win32", {}, tmp_path / "AppData/Local/nictate/journal.sqlite"),
        ("win32", {"LOCALAPPDATA": str(tmp_path / "l")}, tmp_path / "l/nictate/journal.sqlite"),
    ):
        monkeypatch.setattr(sys, "platform", platform)
        for name in ("XDG_STATE_HOME", "LOCALAPPDATA"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert default_journal() == expected
