"""Events as other programs read them."""

from __future__ import annotations

import csv
import dataclasses
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nictate.signals import KINDS, BlinkEvent, BlinkFeatures
from nictate.tables import (
    BIDS_COLUMNS,
    COLUMNS,
    CSV_COLUMNS,
    KINDS_TOLD,
    csv_lines,
    json_lines,
    to_bids,
    to_csv,
    to_json_lines,
)
from nictate.wire import Entry, entry_from_json, iso_of, time_of

times = st.floats(-1e9, 1e9)
events = st.builds(
    BlinkEvent,
    kind=st.sampled_from(KINDS),
    onset=times,
    peak=st.none() | times,
    end=st.none() | times,
    amplitude=st.none() | times,
    confidence=st.floats(0.0, 1.0),
    decided=times,
    completes=st.none() | times,
    features=st.none()
    | st.builds(
        BlinkFeatures,
        **{field.name: times for field in dataclasses.fields(BlinkFeatures)[:-1]},
        inter_blink=st.none() | times,
    ),
)
hostile = st.text() | st.sampled_from(
    ["=1+1", "+x", "-x", "@x", "\t=1", " =1", '"', 'a";=1;"', "\r\n=1", "＝1", "a\x85b"]
)
entries = st.lists(
    st.builds(Entry, id=st.integers(1, 2**53), run=hostile, stream=hostile, utc=st.floats(0.0, 4e9), event=events),
    max_size=5,
)


def number(cell: str) -> float | None:
    return None if cell in ("", "n/a") else float(cell)


@given(entries)
def test_csv_holds_every_number_to_the_bit(told: list[Entry]) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(told), newline="")))
    assert len(rows) == len(told)
    for row, entry in zip(rows, told, strict=True):
        assert (int(row["id"]), row["utc"], row["kind"]) == (entry.id, iso_of(entry.utc), entry.event.kind)
        shape = {} if entry.event.features is None else dataclasses.asdict(entry.event.features)
        numbers = {**dataclasses.asdict(entry.event), "duration": entry.event.duration, **shape}
        for name in CSV_COLUMNS[5:]:
            assert number(row[name]) == numbers.get(name)


@given(entries)
def test_no_hostile_name_breaks_a_line_leaves_its_cell_or_becomes_a_formula(told: list[Entry]) -> None:
    table = to_csv(told)
    assert len(table.splitlines()) == len(told) + 1
    events_tsv = to_bids(told, 0.0).events
    assert len(events_tsv.splitlines()) == len(told) + 1
    cells = [row[3] for row in csv.reader(io.StringIO(table, newline=""))][1:]
    cells += [row.split("\t")[list(BIDS_COLUMNS).index("stream")] for row in events_tsv.splitlines()[1:]]
    for cell in cells:
        assert cell.isprintable()
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
    for line in table.splitlines()[1:]:
        # Also for who separates cells by semicolons: outside of quotes there are none.
        assert ";" not in "".join(line.split('"')[::2])


def test_a_harmless_name_stays_as_it_is() -> None:
    entry = Entry(1, "r", 'Müller\'s "Muse", 3', 0.0, BlinkEvent("blink/start", 1.0, None, None, None, 0.5, 1.0))
    assert [row["stream"] for row in csv.DictReader(io.StringIO(to_csv([entry])))] == [entry.stream]
    assert f"\t{entry.stream}\t" in to_bids([entry], 0.0).events


@given(entries)
def test_json_lines_are_the_entries(told: list[Entry]) -> None:
    lines = to_json_lines(told).split("\n")
    assert lines.pop() == ""
    assert [entry_from_json(line).event for line in lines] == [entry.event for entry in told]


@given(entries)
def test_lines_one_by_one_are_the_text(told: list[Entry]) -> None:
    assert "".join(csv_lines(told)) == to_csv(told)
    assert "".join(json_lines(told)) == to_json_lines(told)


@given(st.lists(st.tuples(st.floats(0.0, 1e6), st.floats(0.0, 1.0), st.floats(0.0, 3600.0)), max_size=5))
def test_bids_onsets_are_in_utc_from_the_origin_whatever_clock_the_stream_has(
    told: list[tuple[float, float, float]],
) -> None:
    origin = 1.7e9
    made = []
    for k, (clock, rise, later) in enumerate(told, start=1):
        event = BlinkEvent("blink", clock, clock + rise, clock + 2 * rise, -99.123, 0.5, clock + 3 * rise)
        made.append(Entry(k, "r", "s", origin + later + rise, event))
    table, sidecar = to_bids(made, origin)
    header, *rows = (line.split("\t") for line in table.splitlines())
    assert header == list(BIDS_COLUMNS) == list(json.loads(sidecar))
    read = [dict(zip(header, row, strict=True)) for row in rows]
    assert [float(row["onset"]) for row in read] == sorted(float(row["onset"]) for row in read)
    for row in read:
        _, rise, later = told[int(row["id"]) - 1]
        assert float(row["onset"]) == pytest.approx(later, abs=1e-4)
        assert float(row["peak"]) == pytest.approx(later + rise, abs=1e-4)
        assert float(row["duration"]) == pytest.approx(2 * rise, abs=1e-4)
        assert float(row["decided"]) == pytest.approx(later + 3 * rise, abs=1e-4)
        assert row["amplitude"] == "-99.12"
        assert row["time_shut"] == "n/a"


def test_the_sidecar_says_from_when_times_are_and_knows_every_kind() -> None:
    described = json.loads(to_bids([], 1.7e9, "the first event").sidecar)
    for name in ("onset", "peak", "decided"):
        assert "from 2023-11-14T22:13:20.000000Z, the first event" in described[name]["Description"]
        assert "first sample" not in described[name]["Description"]
    assert set(described["trial_type"]["Levels"]) == set(KINDS) == set(KINDS_TOLD)
    assert list(COLUMNS) == list(described)[: len(COLUMNS)]


def test_the_entrys_own_time_is_its_utc() -> None:
    event = BlinkEvent("blink/start", 10.0, None, None, None, 0.5, 10.5)
    row = to_bids([Entry(1, "r", "s", 5.0 + time_of(event), event)], 5.0).events.splitlines()[1].split("\t")
    assert (row[0], row[1], row[6]) == ("10.0000", "n/a", "10.5000")
