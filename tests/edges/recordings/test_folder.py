from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_files import whole, write

from nictate.edges.recordings import Label, index, read
from nictate.signals import ConfigError, StreamError

LABELS = "onset\tduration\ttrial_type\n1\t0.2\tblink\n"


def test_the_index_of_a_folder_with_a_table(tmp_path: Path) -> None:
    for name in ("b/r2", "b/r1", "a/r1", "b/unlisted"):
        write(tmp_path / f"{name}_eeg.fif", "not looked at")
        write(tmp_path / f"{name}_events.tsv", LABELS)
    write(tmp_path / "sealed" / "holdout.bin", "?")
    rows = ['b\tr2\tann\t-1\t"CC0, ""free"""', "a\tr1\tbob\tn/a\t", "b\tr1\tann\t1\tMIT"]
    table = "set\trecording\tsubject\tblink_polarity\tlicence\n" + "\n".join(rows)
    write(tmp_path / "recordings.tsv", table)
    found = index(tmp_path)
    assert [(r.set, r.path.name, r.subject, r.polarity, r.licence) for r in found] == [
        ("a", "r1_eeg.fif", "bob", None, ""),
        ("b", "r1_eeg.fif", "ann", 1, "MIT"),
        ("b", "r2_eeg.fif", "ann", -1, 'CC0, "free"'),
    ]
    assert found[0].labels == (Label("blink", 1.0, 1.2, None),)

    (tmp_path / "a" / "r1_eeg.fif").unlink()
    (tmp_path / "b" / "r2_events.tsv").unlink()
    with pytest.raises(ConfigError, match=r"2 recordings of recordings\.tsv are not there.*: b/r2, a/r1$"):
        index(tmp_path)


def test_a_table_cannot_point_out_of_its_folder(tmp_path: Path) -> None:
    write(tmp_path / "recordings.tsv", "set\trecording\n..\tsecret\n")
    with pytest.raises(StreamError, match="line 2: set and recording must be plain names"):
        index(tmp_path)


def test_the_index_of_a_folder_without_a_table(tmp_path: Path) -> None:
    for name in ("sub-01/eeg/sub-01_task-rest", "rest/ann", "sealed/x", "single"):
        write(tmp_path / f"{name}_events.tsv", LABELS)
    for name in (
        "sub-01/eeg/sub-01_task-rest_eeg.vhdr",
        "sub-01/eeg/sub-01_task-rest_eeg.eeg",
        "rest/ann_eeg.edf",
    ):
        write(tmp_path / name, "not looked at")
    write(tmp_path / "sealed" / "x_eeg.fif", "not to be looked at")
    assert [(r.set, r.path.name, r.subject) for r in index(tmp_path)] == [
        ("rest", "ann_eeg.edf", "ann"),
        (tmp_path.name, "sub-01_task-rest_eeg.vhdr", "sub-01"),
    ]


def test_a_folder_without_recordings(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no recording"):
        index(tmp_path)
    with pytest.raises(ConfigError, match="no such folder"):
        index(tmp_path / "nowhere")


@pytest.mark.recordings
def test_real_recordings_are_found_and_read(recordings: Path) -> None:
    found = index(recordings)
    assert found == index(recordings)
    assert any(label.kind == "blink" for r in found for label in r.labels)
    by_set = {r.set: r for r in found}
    for labelled in by_set.values():
        recording = read(labelled.path)
        together = whole(labelled.path, 997)
        assert len(together) == recording.n_samples
        assert np.isfinite(together.samples).all()
        assert all(0.0 <= label.onset < recording.duration_s for label in labelled.labels)
