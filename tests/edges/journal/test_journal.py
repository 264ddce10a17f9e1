"""Every event on disk, once, by its number: over any death of the process that wrote it."""

from __future__ import annotations

import dataclasses
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_journals import (
    BLINK,
    OTHER,
    PATIENCE_S,
    RUN,
    START,
    WRITER,
    at,
    events,
    filled,
    fresh,
)

from nictate.edges.journal import Journal, Recording, Run
from nictate.edges.journal.journal import DAY_S, PIECE
from nictate.signals import KINDS, BlinkEvent, ConfigError
from nictate.wire import Entry, time_of

EMPTY_BYTES = 60_000
"""More than a journal takes that holds nothing."""

batches = st.lists(st.tuples(st.sampled_from([RUN, OTHER]), st.lists(events, max_size=4)), max_size=12)


# ---------------------------------------------------------------------------------------------------------------- laws


@settings(max_examples=40, deadline=None)
@given(batches, st.sets(st.integers(0, 11)), st.floats(-1e9, 1e9))
def test_what_is_appended_is_read_back_to_the_bit_with_ids_without_holes(
    told: list[tuple[Run, list[BlinkEvent]]], reopened: set[int], ahead_s: float
) -> None:
    with fresh() as path:
        journal = Journal(path)
        journal.begin(RUN)
        journal.begin(OTHER)
        given_out: list[Entry] = []
        for k, (run, some) in enumerate(told):
            if k in reopened:
                journal.close()
                journal = Journal(path)
            given_out += journal.append(run, some, ahead_s)
        with journal, Journal(path, readonly=True) as reader:
            assert journal.read() == reader.read() == given_out
            assert journal.runs() == reader.runs() == [RUN, OTHER]
            assert journal.newest_id == reader.newest_id == len(given_out)
            assert journal.oldest_id == reader.oldest_id == min(1, len(given_out))
        assert [entry.id for entry in given_out] == list(range(1, len(given_out) + 1))
        said = [(run, event) for run, some in told for event in some]
        for entry, (run, event) in zip(given_out, said, strict=True):
            assert (entry.run, entry.stream, entry.event) == (run.id, run.stream, event)
            assert entry.utc == time_of(event) + ahead_s


@settings(max_examples=60, deadline=None)
@given(
    kinds_of=st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 9), st.booleans()), max_size=30),
    after=st.integers(-3, 33) | st.integers(-(10**30), 10**30),
    until=st.none() | st.integers(-3, 33) | st.integers(-(10**30), 10**30),
    limit=st.integers(0, 40) | st.just(10**30),
    kinds=st.sets(st.sampled_from(KINDS)),
    run=st.sampled_from(["", "r1", "r2", "r3", "' OR 1=1 --"]),
    since=st.none() | st.integers(0, 9),
    before=st.none() | st.integers(0, 9),
    newest_first=st.booleans(),
)
def test_a_page_is_what_a_filter_in_python_leaves(
    kinds_of: list[tuple[str, int, bool]],
    after: int,
    until: int | None,
    limit: int,
    kinds: set[str],
    run: str,
    since: int | None,
    before: int | None,
    newest_first: bool,
) -> None:
    with fresh() as path, Journal(path) as journal:
        journal.begin(RUN)
        journal.begin(OTHER)
        for kind, utc, other in kinds_of:
            journal.append(OTHER if other else RUN, [at(float(utc), kind)], 0.0)
        wanted = [
            entry
            for entry in journal.read()
            if after < entry.id
            and (until is None or entry.id <= until)
            and (not kinds or entry.event.kind in kinds)
            and run in ("", entry.run)
            and (since is None or entry.utc >= since)
            and (before is None or entry.utc < before)
        ]
        page = journal.read(
            after,
            limit,
            until=until,
            kinds=kinds,  # type: ignore[arg-type]
            run=run,
            since_utc=since,
            before_utc=before,
            newest_first=newest_first,
        )
        assert page == (wanted[::-1] if newest_first else wanted)[:limit]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 20), st.integers(1, 25))
def test_pages_of_any_length_join_to_the_whole(count: int, limit: int) -> None:
    with fresh() as path, filled(path, count) as journal:
        pages: list[Entry] = []
        while page := journal.read(pages[-1].id if pages else 0, limit):
            assert len(page) <= limit
            pages += page
        assert pages == journal.read()
        assert len(pages) == count


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 3 * PIECE), st.floats(0.0, 3.0 * PIECE), st.integers(0, 3 * PIECE))
def test_pruning_by_days_removes_the_oldest_and_no_others(count: int, keep_days: float, today: int) -> None:
    with fresh() as path, filled(path, count) as journal:
        before = journal.read()
        removed = journal.prune(keep_days=keep_days, keep_bytes=None, utc=DAY_S * today)
        kept = [entry for entry in before if entry.utc >= DAY_S * (today - keep_days)]
        assert journal.read() == kept
        assert removed == len(before) - len(kept)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 6 * PIECE), st.integers(0, 200_000))
def test_pruning_by_size_removes_the_oldest_until_it_fits(count: int, keep_bytes: int) -> None:
    with fresh() as path:
        with filled(path, count) as journal:
            before = journal.read(limit=count)
            assert journal.prune(keep_days=None, keep_bytes=10**7, utc=0.0) == 0
            removed = journal.prune(keep_days=None, keep_bytes=keep_bytes, utc=0.0)
            assert journal.read(limit=count) == before[removed:]
            assert journal.prune(keep_days=None, keep_bytes=keep_bytes, utc=0.0) == 0
        # The file gives back what is not used: its last process has emptied the write-ahead log.
        assert path.stat().st_size <= max(keep_bytes, EMPTY_BYTES)


def test_ids_never_come_again_even_when_all_events_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with filled(path, 5) as journal:
        assert journal.prune(keep_days=0.0, keep_bytes=None, utc=1e9) == 5
        assert (journal.oldest_id, journal.newest_id, journal.read()) == (0, 0, [])
        assert journal.start_recording("next", 0.0).first == 6
    with Journal(path) as journal:
        assert [entry.id for entry in journal.append(RUN, [BLINK, START], 0.0)] == [6, 7]


def test_a_young_event_keeps_those_after_it_when_the_clock_was_set_back(tmp_path: Path) -> None:
    """Only the oldest go: ids stay without holes."""
    with filled(tmp_path / "j", 0) as journal:
        journal.append(RUN, [at(0.0), at(9.0), at(1.0), at(9.0)], 0.0)
        assert journal.prune(keep_days=1.0, keep_bytes=None, utc=DAY_S + 5.0) == 1
        assert [entry.id for entry in journal.read()] == [2, 3, 4]


def test_pruning_nothing_is_asked_of_removes_nothing(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 5) as journal:
        assert journal.prune(keep_days=None, keep_bytes=None, utc=1e12) == 0
        assert journal.newest_id == 5


def test_runs_and_recordings_go_when_their_last_event_does(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 0) as journal:
        for name, run in (("first", RUN), ("second", OTHER)):
            if run is OTHER:
                journal.begin(OTHER)
            recording = journal.start_recording(name, 0.0)
            journal.append(run, [at(0.0 if run is RUN else 5.0 * DAY_S)], 0.0)
            journal.stop_recording(recording.id, 1.0)
        going_on = journal.start_recording("third", 0.0)
        journal.prune(keep_days=1.0, keep_bytes=None, utc=5.0 * DAY_S)
        assert [run.id for run in journal.runs()] == ["r2"]
        assert [recording.name for recording in journal.recordings()] == ["second", "third"]
        journal.prune(keep_days=1.0, keep_bytes=None, utc=50.0 * DAY_S)
        # The newest run may still go on.
        assert [run.id for run in journal.runs()] == ["r2"]
        assert journal.recordings() == [going_on]
        assert journal.append(OTHER, [BLINK], 0.0)[0].id == going_on.first == 3


# ---------------------------------------------------------------------------------------------------------- recordings


def test_a_recording_is_what_came_between_its_start_and_its_stop(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with filled(path, 3) as journal:
        first = journal.start_recording(" rest \n", 10.0)
        assert first == Recording(1, "rest", 4, None, 10.0, None)
        journal.append(RUN, [BLINK, BLINK], 0.0)
        second = journal.start_recording("<script>\ud800", 11.0)
        assert journal.recordings() == [first, second]
        ended = journal.stop_recording(1, 20.0)
        assert ended == Recording(1, "rest", 4, 5, 10.0, 20.0)
        assert journal.stop_recording(2, 21.0) == Recording(2, "<script>?", 6, 5, 11.0, 21.0)
        journal.append(RUN, [BLINK], 0.0)
        assert journal.stop_recording(1, 30.0) == ended
        with pytest.raises(ConfigError, match="no recording 10000"):
            journal.stop_recording(10**20, 1.0)
        for name in ("", " \n", "x" * 201):
            with pytest.raises(ConfigError, match="a name"):
                journal.start_recording(name, 0.0)
    with Journal(path, readonly=True) as journal:
        assert journal.recordings()[0] == ended
        assert len(journal.recordings()) == 2


def test_cursors_stay(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        assert journal.cursor("mqtt") is None
        journal.set_cursor("mqtt", 3)
        journal.set_cursor("other", 9)
        journal.set_cursor("mqtt", 4)
        assert journal.cursor("mqtt") == 4
    with Journal(tmp_path / "j") as journal:
        assert (journal.cursor("mqtt"), journal.cursor("other")) == (4, 9)


# --------------------------------------------------------------------------------------------------------------- death


def test_no_number_that_was_told_is_lost_or_given_twice_however_the_writer_dies(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    dice = random.Random(5)
    told: list[int] = []
    for death in range(12):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), f"r{death}"], stdout=subprocess.PIPE, encoding="utf-8"
        ) as writer:
            assert writer.stdout is not None
            told.append(int(writer.stdout.readline()))
            # At any moment after its first event: the timer's, not ours.
            timer = threading.Timer(dice.uniform(0.0, 0.15), writer.kill)
            timer.start()
            told += [int(line) for line in writer.stdout if line.endswith("\n")]
            assert writer.wait(PATIENCE_S) == -signal.SIGKILL
        with Journal(path, readonly=True) as reader:
            written = [entry.id for entry in reader.read(limit=10**6)]
        assert written == list(range(1, len(written) + 1))
        assert told[-1] <= written[-1]
    assert told == sorted(set(told))
    assert set(told) <= set(written)
    with Journal(path) as journal:
        assert [run.id for run in journal.runs()] == [f"r{death}" for death in range(12)]


def test_threads_read_and_write_together(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 0) as journal:
        failures: list[Exception] = []

        def guarded(work: Callable[[], object]) -> threading.Thread:
            def run() -> None:
                try:
                    for _ in range(60):
                        work()
                except (OSError, AssertionError, sqlite3.Error) as error:
                    failures.append(error)

            thread = threading.Thread(target=run)
            thread.start()
            return thread

        def look() -> None:
            ids = [entry.id for entry in journal.read()]
            assert ids == list(range(1, len(ids) + 1))

        def record() -> None:
            journal.stop_recording(journal.start_recording("x", 0.0).id, 0.0)

        threads = [guarded(work) for work in (look, look, record, lambda: journal.append(RUN, [BLINK, START], 0.0))]
        for thread in threads:
            thread.join(PATIENCE_S)
        assert failures == []
        assert journal.newest_id == 120
        assert all(recording.last is not None for recording in journal.recordings())


# ------------------------------------------------------------------------------------------------------ what goes wrong


def fill(journal: Journal) -> None:
    for _ in range(1000):
        journal.append(RUN, [BLINK] * 10, 0.0)


def test_a_full_disk_is_told_and_leaves_no_hole(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 3) as journal:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        # A file of this process may grow to so many bytes, and then no more: as if the disk were full.
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
        try:
            with pytest.raises(OSError, match="the journal fails") as caught:
                fill(journal)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert "\n" not in str(caught.value)
        full = journal.newest_id
        assert full % 10 == 3
        assert journal.append(RUN, [BLINK], 0.0)[0].id == full + 1
        assert [entry.id for entry in journal.read(limit=10**6)] == list(range(1, full + 2))


def test_a_file_that_breaks_while_it_is_open_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "j"
    filled(path, 3000).close()
    with Journal(path, readonly=True) as journal:
        with path.open("r+b") as file:
            file.seek(4096 * 20)
            file.write(b"\xff" * 4096 * 20)
        with pytest.raises(OSError, match="the journal fails"):
            journal.read(limit=10**6)


def test_events_are_written_all_or_none(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 1) as journal:
        spoilt = dataclasses.replace(BLINK, onset=None)  # type: ignore[arg-type]
        with pytest.raises(sqlite3.IntegrityError):
            journal.append(RUN, [BLINK, spoilt], 0.0)
        assert journal.newest_id == 1
        assert journal.append(RUN, [BLINK], 0.0)[0].id == 2


def test_a_run_begins_once_and_before_its_events(tmp_path: Path) -> None:
    with filled(tmp_path / "j", 1) as journal:
        with pytest.raises(ValueError, match="already"):
            journal.begin(RUN)
        with pytest.raises(KeyError):
            journal.append(OTHER, [BLINK], 0.0)
