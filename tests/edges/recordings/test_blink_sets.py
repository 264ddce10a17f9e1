from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_files import MANY, microvolts, whole, write
from made_text import save_eeg_io, save_eeg_vv

from nictate.edges.recordings import Label, index, labels_beside, read
from nictate.edges.recordings.marked import AFTER_PEAK_S, BEFORE_PEAK_S
from nictate.signals import FloatArray, StreamError

LABELS = "corrupt, 2\n0, 1.5\n9.0, -1\nblinks\n2.5, 0\n4.0, 1\n6.25, 2\n"


def signal(n: int = 2500) -> FloatArray:
    return np.random.default_rng(4).normal(0.0, 50.0, (n, 2)).round(2)


def blink(at: float, note: str = "") -> Label:
    return Label("blink", at - BEFORE_PEAK_S, at + AFTER_PEAK_S, at, note)


WANTED = (
    Label("ignore", 0.0, 1.5, None),
    blink(2.5),
    blink(4.0, "stimulated"),
    blink(6.25, "soft"),
    Label("ignore", 9.0, 10.0, None),
)


def close(found: tuple[Label, ...], wanted: tuple[Label, ...]) -> bool:
    told = [(x.kind, x.note, *np.round([x.onset, x.end, x.peak or -1.0], 6)) for x in found]
    return told == [(x.kind, x.note, *np.round([x.onset, x.end, x.peak or -1.0], 6)) for x in wanted]


@pytest.mark.parametrize("save", [save_eeg_io, save_eeg_vv])
@pytest.mark.parametrize("separator", [", ", ";", ","])
def test_signal_and_labels(tmp_path: Path, save: object, separator: str) -> None:
    assert callable(save)
    x = signal()
    path = save(tmp_path, x, LABELS.replace(", ", separator))
    got, recording = whole(path), read(path)
    np.testing.assert_array_equal(got.samples, x)
    np.testing.assert_allclose(got.times, np.arange(2500) / 250.0, rtol=0, atol=1e-9)
    assert (recording.montage.names, recording.montage.rate_hz) == (("Fp1", "Fp2"), 250.0)
    assert recording.warnings == ()
    assert close(labels_beside(path), WANTED)


def test_times_that_begin_later_are_those_of_the_labels(tmp_path: Path) -> None:
    labels = "corrupt, 2\n100, 101.5\n109.0, -1\nblinks\n102.5, 0\n104.0, 1\n106.25, 2\n"
    path = save_eeg_io(tmp_path, signal(), labels, first_s=100.0)
    assert whole(path).times[0] == 0.0
    assert close(labels_beside(path), WANTED)


def test_a_hole_in_the_times_stays_one(tmp_path: Path) -> None:
    path = save_eeg_io(tmp_path, signal(1000), "corrupt, 0\nblinks\n")
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[:301] + lines[501:]), encoding="utf-8")
    np.testing.assert_allclose(whole(path).times, np.r_[0:300, 500:1000] / 250.0, rtol=0, atol=1e-9)


def test_what_nobody_has_looked_at_is_ignored(tmp_path: Path) -> None:
    path = save_eeg_vv(tmp_path, signal(250 * 201), "corrupt, 0\nblinks\n199, 0\n")
    assert [(x.kind, x.onset, x.end) for x in labels_beside(path)][1:] == [("ignore", 200.0, 201.0)]


def test_damaged_lines_are_counted_and_keep_their_place(tmp_path: Path) -> None:
    x = signal(1000)
    path = save_eeg_vv(tmp_path, x, LABELS)
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[106] = "?"
    path.write_text("\n".join(lines), encoding="utf-8")
    got = whole(path)
    np.testing.assert_array_equal(got.samples, np.delete(x, 100, axis=0))
    np.testing.assert_allclose(got.times, np.delete(np.arange(1000), 100) / 250.0, rtol=0, atol=1e-9)
    assert read(path).warnings == ("1 damaged line left out, the first is line 107: 1 fields, 3 are needed",)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ("corrupt, x\n", "line 1: "),
        ("corrupt, 2\n1, 2\nblinks\n", "line 3: 1 corrupt intervals fewer than announced"),
        ("corrupt, 0\nblinks\n1, 7\n", "line 3: a blink of code 7; there are 0, 1, 2"),
        ("corrupt, 0\nblinks\n1\n", "line 3: 1 fields, 2 are needed"),
        ("corrupt, 0\nblinks\nsoon, 1\n", "line 3: not a number: soon"),
    ],
)
def test_a_damaged_label_is_named_with_line_and_reason(tmp_path: Path, labels: str, said: str) -> None:
    path = save_eeg_io(tmp_path, signal(500), labels)
    with pytest.raises(StreamError, match=rf"^S00_labels\.csv, {said}"):
        labels_beside(path)


def test_the_person_of_two_sets_is_one(tmp_path: Path) -> None:
    x = signal(1000)
    save_eeg_io(tmp_path / "EEG-IO", x, LABELS)
    save_eeg_vv(tmp_path / "EEG-VV", x, LABELS)
    save_eeg_vv(tmp_path / "EEG-VR", x, LABELS, name="S00R")
    assert [(r.set, r.subject, r.path.name, r.polarity) for r in index(tmp_path)] == [
        ("BLINK_EEG-IO", "S00", "S00_data.csv", -1),
        ("BLINK_EEG-VR", "S00", "S00R_data.csv", -1),
        ("BLINK_EEG-VV", "S00", "S00V_data.csv", -1),
    ]


@MANY
@given(junk=st.binary(max_size=400), suffix=st.sampled_from(["x_data.csv", "x.csv", "x.txt"]), at=st.integers(0, 9))
def test_junk_never_raises_anything_else(tmp_path: Path, junk: bytes, suffix: str, at: int) -> None:
    heads = (b"", b"%OpenBCI Raw EEG Data\n%Sample Rate = 250 Hz\n", b"TimeStamp,RAW_AF7,Elements\n", b"0;1;2\n")
    path = tmp_path / suffix
    path.write_bytes(heads[at % 4] + junk)
    write(tmp_path / "x_labels.csv", junk.decode("latin-1") if at > 4 else LABELS)
    try:
        recording = read(path)
        assert 0 < recording.n_samples == sum(map(len, recording.blocks()))
        assert all(np.isfinite(block.times).all() for block in recording.blocks())
        labels_beside(path)
    except StreamError as error:
        complaint = str(error)
    else:
        complaint = "none"
    assert complaint.isprintable()


def test_a_file_without_line_ends_is_refused(tmp_path: Path) -> None:
    for name in ("x.csv", "x_data.csv"):
        with pytest.raises(StreamError, match=rf"^{name}: "):
            read(write(tmp_path / name, "1" * 200_000))


def test_microvolts_reach_the_last_column(tmp_path: Path) -> None:
    x = microvolts(300, 2)
    np.testing.assert_array_equal(whole(save_eeg_vv(tmp_path, x, LABELS), channels=["Fp2"]).samples[:, 0], x[:, 1])
