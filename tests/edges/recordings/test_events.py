from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_files import MANY, write

from nictate.edges.recordings import events_path, read_labels, write_events
from nictate.signals import KINDS, BlinkEvent, BlinkFeatures, ConfigError

times_s = st.floats(0.0, 1e5)


@st.composite
def blinks(draw: Callable[..., Any]) -> BlinkEvent:
    onset = draw(times_s)
    decided, confidence = onset + draw(st.floats(0.0, 3.0)), draw(st.floats(0.0, 1.0))
    if draw(st.booleans()):
        return BlinkEvent("blink/start", onset, None, None, None, confidence, decided)
    peak = onset + draw(st.floats(0.0, 1.0))
    # A row that lasts no time is a moment, and gets a span.
    end, height = peak + draw(st.floats(0.05, 1.0)), draw(st.floats(-1e4, 1e4))
    return BlinkEvent("blink", onset, peak, end, height, confidence, decided)


@MANY
@given(events=st.lists(blinks(), max_size=20), starts=st.booleans())
def test_events_come_back_as_labels(tmp_path: Path, events: list[BlinkEvent], starts: bool) -> None:
    labels = read_labels(write_events(tmp_path / "x_events.tsv", events, starts=starts, overwrite=True))
    wanted = sorted((e for e in events if starts or e.kind == "blink"), key=lambda e: e.onset)
    assert sorted(label.kind for label in labels) == sorted(e.kind for e in wanted)
    assert [label.onset for label in labels] == pytest.approx([e.onset for e in wanted], abs=5.1e-5)
    got = sorted(label.peak for label in labels if label.peak is not None)
    assert got == pytest.approx(sorted(e.peak for e in wanted if e.peak is not None), abs=5.1e-5)


def test_events_as_bids(tmp_path: Path) -> None:
    blink = BlinkEvent("blink", 1.00006, 1.1, 1.25, -81.234, 0.98765, 1.4, completes=1.15)
    start = BlinkEvent("blink/start", 1.02, None, None, None, 0.9, 1.15)
    path = write_events(tmp_path / "x_events.tsv", [start, blink], starts=True)
    assert path.read_text(encoding="utf-8").splitlines() == [
        "onset\tduration\ttrial_type\tpeak\tamplitude\tconfidence\tdecided",
        "1.0001\t0.2499\tblink\t1.1000\t-81.23\t0.9877\t1.4000",
        "1.0200\tn/a\tblink/start\tn/a\tn/a\t0.9000\t1.1500",
    ]
    sidecar = json.loads((tmp_path / "x_events.json").read_text(encoding="utf-8"))
    assert list(sidecar) == path.read_text(encoding="utf-8").splitlines()[0].split("\t")
    assert all(column["Description"] for column in sidecar.values())
    assert sidecar["trial_type"]["HED"]["blink"] == "Blink"
    assert set(sidecar["trial_type"]["Levels"]) == set(KINDS)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x_events.json", "x_events.tsv"]


SHAPE = BlinkFeatures(0.3, 0.25, 0.15, 0.14, 0.2222222, 0.09, 0.16, 0.04, 5.0, 9.0, None)


def test_patterns_are_rows_of_their_own_where_they_are_asked_for(tmp_path: Path) -> None:
    blink = BlinkEvent("blink", 1.0, 1.1, 1.25, -81.0, 0.9, 1.4, 1.15)
    start = BlinkEvent("blink/start", 1.02, None, None, None, 0.9, 1.15)
    made = [dataclasses.replace(blink, kind=kind, completes=None) for kind in KINDS if kind.count("/")]
    made = [event for event in made if event.kind != "blink/start"]
    for starts in (False, True):
        for patterns in (False, True):
            path = tmp_path / f"{starts}{patterns}_events.tsv"
            write_events(path, [start, blink, *made], starts=starts, patterns=patterns)
            rows = path.read_text(encoding="utf-8").splitlines()[1:]
            told = {row.split("\t")[2] for row in rows}
            assert told == {"blink", *["blink/start"] * starts, *(event.kind for event in made if patterns)}
            # Nobody takes a pattern for one more blink.
            assert sum(label.kind == "blink" for label in read_labels(path)) == 1


def test_features_are_further_columns_that_are_described(tmp_path: Path) -> None:
    blink = BlinkEvent("blink", 1.0, 1.1, 1.25, -81.0, 0.9, 1.4, 1.15, SHAPE)
    start = BlinkEvent("blink/start", 1.02, None, None, None, 0.9, 1.15)
    path = write_events(tmp_path / "x_events.tsv", [start, blink], starts=True, features=True)
    header, first, second = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    names = [field.name for field in dataclasses.fields(BlinkFeatures)]
    assert header[7:] == names
    assert " ".join(first[7:]) == "0.3000 0.2500 0.1500 0.1400 0.2222 0.0900 0.1600 0.0400 5.0000 9.0000 n/a"
    assert second[7:] == ["n/a"] * len(names)
    sidecar = json.loads((tmp_path / "x_events.json").read_text(encoding="utf-8"))
    assert list(sidecar) == header
    assert {name: sidecar[name]["Units"] for name in names} == {
        name: "cs" if name.endswith("ratio") else "s" for name in names
    }


def test_labels_of_somebody_are_not_overwritten_unasked(tmp_path: Path) -> None:
    path = write(tmp_path / "x_events.tsv", "precious")
    with pytest.raises(ConfigError, match=r"x_events\.tsv exists already"):
        write_events(path, [], starts=False)
    assert path.read_text(encoding="utf-8") == "precious"
    assert not (tmp_path / "x_events.json").exists()
    write_events(path, [], starts=False, overwrite=True)
    assert path.read_text(encoding="utf-8").startswith("onset\t")


def test_an_interrupted_writer_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x_events.tsv", "old")
    sidecar = write(tmp_path / "x_events.json", "old")

    def torn(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", torn)
    blink = BlinkEvent("blink", 1.0, 1.1, 1.25, 80.0, 0.9, 1.4)
    with pytest.raises(KeyboardInterrupt):
        write_events(path, [blink], starts=False, overwrite=True)
    assert path.read_text(encoding="utf-8") == sidecar.read_text(encoding="utf-8") == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x_events.json", "x_events.tsv"]


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere.*x_events\.tsv: cannot be written"):
        write_events(tmp_path / "nowhere" / "x_events.tsv", [], starts=False)


@pytest.mark.parametrize(
    ("name", "events"),
    [
        ("x_eeg.fif", "x_events.tsv"),
        ("x_eeg.fif.gz", "x_events.tsv"),
        ("rec.edf", "rec_events.tsv"),
        ("rec.2024.01.bdf", "rec.2024.01_events.tsv"),
        ("x_raw.fif", "x_raw_events.tsv"),
        ("sub-01_task-rest_eeg.vhdr", "sub-01_task-rest_events.tsv"),
        ("lab.XDF.GZ", "lab_events.tsv"),
        ("-rf\n*_eeg.edf", "-rf\n*_events.tsv"),
    ],
)
def test_the_name_of_the_events_file(tmp_path: Path, name: str, events: str) -> None:
    assert events_path(tmp_path / name) == tmp_path / events
    assert events_path(tmp_path / name, "out") == Path("out") / events


def test_long_names_are_written(tmp_path: Path) -> None:
    path = events_path(tmp_path / ("ä" * 110 + "_eeg.fif"))
    assert write_events(path, [], starts=False).exists()
