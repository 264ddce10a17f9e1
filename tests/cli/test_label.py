"""The command that helps a person to label blinks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import mne
import numpy as np
import pytest
from programs import column, simulated, table

from nictate.cli import main
from nictate.edges import recordings
from nictate.edges.recordings import Label, Recording
from nictate.service import find_blinks, open_detector

Call = Callable[..., int]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run the command in this process, which has everything loaded, without a display."""
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["nictate", "label", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return ended.value.code

    return run


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("label") / "x_eeg.fif"
    simulated(path, 20.0)
    path.with_name("x_events.tsv").unlink()
    return path


@pytest.fixture
def file(unlabelled: Path, tmp_path: Path) -> Path:
    path = tmp_path / unlabelled.name
    path.write_bytes(unlabelled.read_bytes())
    return path


def found(path: Path) -> list[float | None]:
    recording = recordings.read(path)
    events = find_blinks(open_detector(recording.montage), recording.blocks())
    return [event.peak for event in events if event.kind == "blink"]


def test_proposals_are_what_the_detector_finds_and_say_that_nobody_has_looked(
    file: Path, call: Call, capfd: pytest.CaptureFixture[str]
) -> None:
    assert call(file, "--no-browser") == 0
    tsv = file.with_name("x_events.tsv")
    rows = table(tsv)
    np.testing.assert_allclose(column(rows, "peak"), np.array(found(file), dtype=np.float64), atol=5.1e-5)
    assert len(rows) > 2
    assert {(row["trial_type"], row["note"]) for row in rows} == {("blink", "proposed")}
    said = capfd.readouterr()
    assert said.out.splitlines() == [f"{tsv}: {len(rows)} blinks, not yet looked at"]
    # They are labels, with a warning.
    lines: list[str] = []
    (labelled,) = recordings.index(file.parent, lines.append)
    assert len(labelled.labels) == len(rows)
    assert lines == [f"x_events.tsv: {len(rows)} of {len(rows)} labels are proposals that nobody has looked at"]


def test_labels_are_not_overwritten_unless_asked_for(file: Path, call: Call, capfd: pytest.CaptureFixture[str]) -> None:
    tsv = file.with_name("x_events.tsv")
    tsv.write_text("onset\tduration\ttrial_type\n1\t0.2\tblink\n", encoding="utf-8")
    before = tsv.read_bytes()
    assert call(file, "--no-browser") == 2
    assert "--overwrite" in capfd.readouterr().err
    assert tsv.read_bytes() == before
    assert call(file, "--no-browser", "--overwrite") == 0
    assert tsv.read_bytes() != before


def test_without_a_display_nothing_is_written(file: Path, call: Call, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(file) == 2
    assert capfd.readouterr().err.splitlines()[-1].startswith("nictate: no display: ")
    assert [path.name for path in file.parent.iterdir()] == ["x_eeg.fif"]


def test_what_comes_back_from_the_browser_is_written_and_what_is_there_goes_into_it(
    file: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Sequence[Label]] = []

    def corrected(_: Recording, labels: Sequence[Label]) -> tuple[Label, ...]:
        shown.append(labels)
        return (Label("blink", 1.0, 1.25, 1.125), Label("ignore", 3.0, 4.0, None))

    monkeypatch.setattr(recordings, "browse", corrected)
    assert call(file) == 0
    tsv = file.with_name("x_events.tsv")
    assert [(row["trial_type"], row["peak"], row["note"]) for row in table(tsv)] == [
        ("blink", "1.1250", "n/a"),
        ("ignore", "n/a", "n/a"),
    ]
    assert call(file, "--overwrite") == 0
    assert [label.peak for label in shown[0]] == found(file)
    assert shown[1] == recordings.read_labels(tsv)


def test_proposals_as_annotations(file: Path, call: Call) -> None:
    target = file.with_name("marks.txt")
    assert call(file, "--to", target) == 0
    marks = mne.read_annotations(target)
    assert len(marks) == len(found(file))
    assert set(marks.description) == {"blink"}
    assert not file.with_name("x_events.tsv").exists()
    assert call(file, "--to", target) == 2
