from __future__ import annotations

from pathlib import Path
from typing import Any

import mne
import numpy as np
import pytest
from made_files import KINDS, NAMES, RATE_HZ, microvolts, raw_of, save_brainvision, save_eeglab, whole

from nictate.edges.recordings import Label, labels_beside, mne_files, read
from nictate.signals import FloatArray, StreamError


def test_reading_agrees_with_mne(made: dict[str, Path]) -> None:
    volts = mne.io.read_raw(made["fif"], preload=True, verbose="error").get_data()
    assert np.array_equal(whole(made["fif"]).samples, volts.T * 1e6)


@pytest.mark.usefixtures("small_pieces")
def test_a_file_is_read_as_far_as_is_asked_for(made: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    recording = read(made["fif"])
    asked: list[tuple[int, int]] = []
    volts = mne_files._volts

    def counting(raw: Any, picks: Any, start: int, stop: int) -> FloatArray:
        asked.append((start, stop))
        return volts(raw, picks, start, stop)

    monkeypatch.setattr(mne_files, "_volts", counting)
    blocks = recording.blocks(100)
    next(blocks)
    assert asked == [(0, 150)]
    next(blocks)
    assert asked == [(0, 150), (150, 300)]


@pytest.mark.parametrize("dated", [True, False])
def test_a_pause_of_the_recording_is_a_hole(tmp_path: Path, dated: bool) -> None:
    raw = raw_of(x := microvolts(2000, 2), NAMES[:2], KINDS[:2], first=777)
    raw.set_meas_date(1_600_000_000 if dated else None)
    raw.set_annotations(mne.Annotations([2.0, 5.0], [1.0, 0.5], ["BAD_ACQ_SKIP", "BAD_blink"]))
    raw.save(tmp_path / "x_eeg.fif", verbose="error", buffer_size_sec=0.5)
    got, recording = whole(tmp_path / "x_eeg.fif", 64), read(tmp_path / "x_eeg.fif")
    kept = np.r_[0:500, 750:2000]
    np.testing.assert_allclose(got.samples, x[kept], rtol=0, atol=1e-3)
    assert np.array_equal(got.times, kept / RATE_HZ)
    assert (recording.n_samples, recording.duration_s) == (1750, 8.0)
    assert (recording.start_utc is not None) == dated
    blink = Label("blink", pytest.approx(5.0), pytest.approx(5.5), None)
    assert labels_beside(tmp_path / "x_eeg.fif") == (blink,)


def test_a_pause_at_the_start_or_the_end_leaves_the_rest(tmp_path: Path) -> None:
    raw = raw_of(x := microvolts(1000, 2), NAMES[:2], KINDS[:2])
    raw.set_meas_date(1_600_000_000)
    raw.set_annotations(mne.Annotations([0.0, 3.0], [1.0, 1.0], ["BAD_ACQ_SKIP"] * 2))
    raw.save(tmp_path / "x_eeg.fif", verbose="error", buffer_size_sec=0.5)
    got = whole(tmp_path / "x_eeg.fif")
    np.testing.assert_allclose(got.samples, x[250:750], rtol=0, atol=1e-3)
    assert np.array_equal(got.times, np.arange(500) / RATE_HZ)


def test_joints_are_holes(tmp_path: Path) -> None:
    kept = np.r_[0:500, 625:1500]
    joined = mne.concatenate_raws(
        [raw_of(microvolts(500, 2), NAMES[:2], KINDS[:2]), raw_of(microvolts(1000, 2), NAMES[:2], KINDS[:2])],
        verbose="error",
    )
    joined.save(tmp_path / "joined_eeg.fif", verbose="error")
    save_eeglab(tmp_path / "x.set", microvolts(1500, 2), boundary=500.5)
    save_brainvision(tmp_path / "x.vhdr", microvolts(1500, 2))
    for name in ("joined_eeg.fif", "x.set", "x.vhdr"):
        assert np.array_equal(whole(tmp_path / name).times, kept / RATE_HZ), name
        assert "cut and joined in 1 places: 0.5 s after each left out" in read(tmp_path / name).warnings, name


@pytest.mark.parametrize(("unit", "factor"), [("µV", 1.0), ("mV", 1e3)])
def test_brainvision(tmp_path: Path, unit: str, factor: float) -> None:
    path = save_brainvision(tmp_path / "x_eeg.vhdr", x := microvolts(1500, 3), unit)
    np.testing.assert_allclose(whole(path).samples, x[np.r_[0:500, 625:1500]] * factor, rtol=1e-6)
    with pytest.raises(StreamError, match=r"x_eeg\.eeg: is a part of a recording; open x_eeg\.vhdr"):
        read(path.with_suffix(".eeg"))
