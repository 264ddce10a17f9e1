"""Rows as people and programs find them."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path

from hypothesis import given
from made_journals import BLINK, RUN, events, filled

from nictate.edges.journal import Journal
from nictate.edges.journal.schema import APPLICATION_ID, entry_of, row_of_event, row_of_run, run_of
from nictate.signals import BlinkEvent, BlinkFeatures


@given(events)
def test_a_row_is_the_event_and_back(event: BlinkEvent) -> None:
    entry = entry_of((7, "run", "stream", 1.5, *row_of_event(event)))
    assert (entry.id, entry.run, entry.stream, entry.utc, entry.event) == (7, "run", "stream", 1.5, event)


def test_a_row_is_the_run_and_back() -> None:
    assert run_of(row_of_run(RUN)) == RUN


def test_hostile_texts_are_kept_as_they_are_but_for_what_no_utf8_has(tmp_path: Path) -> None:
    hostile = dataclasses.replace(
        RUN, id="\ud800", stream="a\ud800b\0c", hostname="'; DROP TABLE runs", channels=("\udfff",)
    )
    with Journal(tmp_path / "j") as journal:
        journal.begin(hostile)
        (entry,) = journal.append(hostile, [BLINK], 0.0)
        assert journal.read() == journal.read(run="\ud800") == [entry]
        assert (entry.run, entry.stream) == ("?", "a?b\0c")
        (run,) = journal.runs()
        assert (run.hostname, run.channels) == (hostile.hostname, ("?",))


def test_people_can_ask_it_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with filled(path, 0) as journal:
        journal.append(RUN, [dataclasses.replace(BLINK, features=BlinkFeatures(*[0.25] * 10, None))], 1.7e9 - 12.4)
    with closing(sqlite3.connect(path)) as by_hand:
        assert by_hand.execute("SELECT id, utc, stream, kind, amplitude, time_shut FROM blinks").fetchall() == [
            (1, "2023-11-14 22:13:20.000", "headset", "blink", -180.4, 0.25)
        ]
        assert by_hand.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert by_hand.execute("PRAGMA integrity_check").fetchone() == ("ok",)
