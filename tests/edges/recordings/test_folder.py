from __future__ import annotations

from pathlib import Path

import edfio
import mne
import numpy as np
import pytest
from made_files import (
    KINDS,
    NAMES,
    RATE_HZ,
    microvolts,
    raw_of,
    save_brainvision,
    save_edf,
    save_eeglab,
    save_fif,
    whole,
    write,
)
from made_text import bursts, mind_monitor, openbci_3, save_eeg_io

from nictate.edges.recordings import Label, index, read, signals_in, write_events
from nictate.signals import BlinkEvent, ConfigError, StreamError

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


def annotated(path: Path, words: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = raw_of(microvolts(1500, 2), NAMES[:2], KINDS[:2])
    raw.set_annotations(mne.Annotations([1.0 + k for k in range(len(words))], 0.25, words))
    raw.save(path, verbose="error")


def test_a_mixture_of_all_forms_at_any_depth(tmp_path: Path) -> None:
    x = microvolts(1500, 2)
    (tmp_path / "lab").mkdir()
    write(tmp_path / "ds1/sub-01/ses-1/eeg/sub-01_ses-1_task-a_events.tsv", "onset\tduration\tvalue\n1\t0\tBlink\n")
    save_brainvision(tmp_path / "ds1/sub-01/ses-1/eeg/sub-01_ses-1_task-a_eeg.vhdr", x)
    write(tmp_path / "ds1/sub-02/eeg/sub-02_events.tsv", "onset\tduration\ttrial_type\n1\t0\tstimulus\n")
    annotated(tmp_path / "ds1/sub-02/eeg/sub-02_eeg.fif", ["blink"])
    annotated(tmp_path / "own/ann_raw.fif", ["BAD_blink", "BAD_muscle"])
    annotated(tmp_path / "own/bob_raw.fif", ["BAD_muscle"])
    annotated(tmp_path / "own/ann_desc-cleaned_eeg.fif", ["blink"])
    edf = save_edf(
        tmp_path / "own/eve.edf",
        [("Fp1", x[:, 0], RATE_HZ, "uV")],
        marks=[edfio.EdfAnnotation(2.0, 0.25, "eye blink")],
    )
    write(tmp_path / "own/torn.edf", edf.read_bytes()[:300].decode("latin-1"))
    save_eeglab(tmp_path / "lab/y.set", x, blink=501.0)
    save_eeg_io(tmp_path / "EEG-IO", x, "corrupt, 0\nblinks\n3, 0\n")
    lines = openbci_3(np.column_stack([x, x, x, x]), (np.arange(1500) % 256).tolist())
    write(tmp_path / "cyton/deep/OpenBCI-RAW-1.txt", "\n".join(lines))
    write(tmp_path / "cyton/deep/OpenBCI-RAW-1_events.tsv", "onset\tduration\ttrial_type\n1\t0.2\tblink\n")
    lines = mind_monitor(np.column_stack([x, x]), bursts(1500, 256.0))
    write(tmp_path / "muse.csv", "\n".join(lines))
    write(
        tmp_path / "muse_events.tsv",
        "onset\tduration\ttrial_type\tnote\n1\t0.2\tblink\tproposed\n3\t0.2\tblink\tn/a\n",
    )
    write(tmp_path / "README.txt", "about it all")
    write(tmp_path / "people.csv", "name,age\n")
    write(tmp_path / "sealed/S01_labels.csv", "corrupt, 0\nblinks\n3, 0\n")
    save_eeg_io(tmp_path / ".trash", x, "corrupt, 0\nblinks\n3, 0\n")
    said: list[str] = []
    found = index(tmp_path, said.append)
    assert [(r.set, r.subject, r.path.name, [x.kind for x in r.labels]) for r in found] == [
        ("BLINK_EEG-IO", "S00", "S00_data.csv", ["blink"]),
        ("cyton", "OpenBCI-RAW-1", "OpenBCI-RAW-1.txt", ["blink"]),
        ("ds1", "sub-01", "sub-01_ses-1_task-a_eeg.vhdr", ["blink"]),
        ("lab", "y", "y.set", ["blink"]),
        (tmp_path.name, "muse", "muse.csv", ["blink", "blink"]),
        ("own", "ann_raw", "ann_raw.fif", ["blink", "ignore"]),
        ("own", "eve", "eve.edf", ["blink"]),
    ]
    assert said[:2] == [
        "sub-02_events.tsv: says nothing of blinks, left out",
        "muse_events.tsv: 1 of 2 labels are proposals that nobody has looked at",
    ]
    assert said[2].startswith("left out: torn.edf: cannot be read: ")
    assert len(said) == 3
    for recording in found:
        assert read(recording.path).n_samples >= 1375
        assert all(0.0 <= label.onset < label.end < 6.0 for label in recording.labels)
    assert {path.name for path in signals_in(tmp_path)} == {
        *(recording.path.name for recording in found),
        *("bob_raw.fif", "sub-02_eeg.fif", "torn.edf"),
    }


def test_a_file_is_itself(tmp_path: Path) -> None:
    for name in ("x.txt", "nowhere.edf", "net.mff"):
        assert signals_in(tmp_path / name) == (tmp_path / name,)
    (tmp_path / "net.mff").mkdir()
    assert signals_in(tmp_path / "net.mff") == (tmp_path / "net.mff",)
    assert signals_in(tmp_path) == ()


def test_labels_by_a_detector_are_told(tmp_path: Path) -> None:
    save_fif(tmp_path / "x_eeg.fif", microvolts(500, 2), names=NAMES[:2], kinds=KINDS[:2])
    write_events(tmp_path / "x_events.tsv", [BlinkEvent("blink", 1.0, 1.1, 1.2, 50.0, 0.9, 1.5)], starts=False)
    said: list[str] = []
    assert len(index(tmp_path, said.append)) == 1
    assert said == ["x_events.tsv: labels that a detector has written, not a person"]


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
