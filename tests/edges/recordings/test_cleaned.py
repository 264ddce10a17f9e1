"""Cleaned EEG beside its recording: the same channels, times and descriptions, other samples."""

from __future__ import annotations

from pathlib import Path

import mne
import numpy as np
import pytest
from made_files import KINDS, NAMES, RATE_HZ, microvolts, raw_of, save_edf, whole

from nictate.edges.recordings import CleanedFile, cleaned_path, read
from nictate.signals import Block, ConfigError, StreamError


def cleaned(path: Path, out: Path, factor: float = 0.5, size: int = 64, overwrite: bool = False) -> Path:
    """What is written when cleaning means to halve the samples."""
    recording = read(path)
    file = CleanedFile(cleaned_path(path, out), recording, overwrite=overwrite)
    for block in recording.blocks(size):
        file.push(Block(factor * block.samples, block.times))
    return file.write("halved")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("x_eeg.fif", "x_desc-cleaned_eeg.fif"),
        ("rec.edf", "rec_desc-cleaned_eeg.fif"),
        ("sub-1_task-rest_eeg.vhdr", "sub-1_task-rest_desc-cleaned_eeg.fif"),
        ("x.xdf.gz", "x_desc-cleaned_eeg.fif"),
    ],
)
def test_it_is_named_as_a_derivative(name: str, wanted: str) -> None:
    assert cleaned_path(Path("a") / name) == Path("a") / wanted
    assert cleaned_path(Path("a") / name, "b") == Path("b") / wanted


@pytest.mark.parametrize("size", [1, 64, 4096])
def test_what_is_read_back_is_what_was_pushed(made: dict[str, Path], tmp_path: Path, size: int) -> None:
    for form in ("fif", "edf"):
        before = whole(made[form])
        after = whole(cleaned(made[form], tmp_path / str(size), size=size, overwrite=True))
        np.testing.assert_allclose(after.samples, 0.5 * before.samples, rtol=0, atol=1e-3)
        assert np.array_equal(after.times, before.times)
        assert read(cleaned_path(made[form], tmp_path / str(size))).montage.names == read(made[form]).montage.names


def test_what_the_original_says_of_itself_is_kept(tmp_path: Path) -> None:
    raw = raw_of(microvolts(1000, 2), ("Fp1", "Fp2"), ("eeg", "eeg"))
    raw.set_meas_date(1_600_000_000)
    raw.set_montage("standard_1020", verbose="error")
    raw.set_annotations(mne.Annotations([1.0], [0.5], ["BAD_blink"]))
    raw.save(tmp_path / "x_eeg.fif", verbose="error")
    again = mne.io.read_raw_fif(cleaned(tmp_path / "x_eeg.fif", tmp_path), verbose="error")
    assert again.info["description"] == "halved"
    assert again.info["meas_date"] == raw.info["meas_date"]
    for a, b in zip(again.info["chs"], raw.info["chs"], strict=True):
        np.testing.assert_allclose(a["loc"][:3], b["loc"][:3], rtol=0, atol=1e-6)
    assert list(again.annotations.description) == ["BAD_blink"]
    assert again.annotations.onset[0] - again.first_time == pytest.approx(1.0)


@pytest.mark.parametrize("dated", [True, False])
def test_a_pause_stays_a_pause(tmp_path: Path, dated: bool) -> None:
    raw = raw_of(microvolts(2000, 2), NAMES[:2], KINDS[:2])
    raw.set_meas_date(1_600_000_000 if dated else None)
    raw.set_annotations(mne.Annotations([1.0 - dated, 2.5], [1.0, 1.0], ["BAD_ACQ_SKIP"] * 2))
    raw.save(tmp_path / "x_eeg.fif", verbose="error", buffer_size_sec=0.5)
    before, after = whole(tmp_path / "x_eeg.fif"), whole(cleaned(tmp_path / "x_eeg.fif", tmp_path))
    np.testing.assert_allclose(after.samples, 0.5 * before.samples, rtol=0, atol=1e-3)
    assert np.array_equal(after.times, before.times)


def test_channels_of_several_rates_are_written_at_the_one_that_is_served(tmp_path: Path) -> None:
    x = microvolts(1000, 1)[:, 0]
    path = save_edf(tmp_path / "x.edf", [("EEG Fp1", x, RATE_HZ, "uV"), ("EMG", np.repeat(x, 2), 2 * RATE_HZ, "uV")])
    before, after = whole(path), whole(cleaned(path, tmp_path))
    assert read(cleaned_path(path)).montage.rate_hz == RATE_HZ
    np.testing.assert_allclose(after.samples, 0.5 * before.samples, rtol=0, atol=1e-3)


def test_what_is_there_is_not_overwritten_unless_asked_for(made: dict[str, Path], tmp_path: Path) -> None:
    path = cleaned(made["fif"], tmp_path)
    with pytest.raises(ConfigError, match="exists already"):
        cleaned(made["fif"], tmp_path)
    assert cleaned(made["fif"], tmp_path, factor=0.25, overwrite=True) == path
    np.testing.assert_allclose(whole(path).samples, 0.25 * whole(made["fif"]).samples, rtol=0, atol=1e-3)


def test_a_clock_that_is_slightly_wrong_makes_no_holes(made: dict[str, Path], tmp_path: Path) -> None:
    recording = read(made["fif"])
    file = CleanedFile(tmp_path / "x_eeg.fif", recording)
    n = 0
    for block in recording.blocks(100):
        file.push(Block(block.samples, 1.01 * block.times))
        n += len(block)
    raw = mne.io.read_raw_fif(file.write(""), verbose="error")
    assert raw.n_times == n
    assert len(raw.annotations) == 0


def test_nothing_and_interruptions_of_hours_are_refused(made: dict[str, Path], tmp_path: Path) -> None:
    recording = read(made["fif"])
    file = CleanedFile(tmp_path / "x_eeg.fif", recording)
    with pytest.raises(StreamError, match="no samples"):
        file.write("")
    first = next(recording.blocks(100))
    file.push(first)
    file.push(Block(first.samples, first.times + 1e6))
    with pytest.raises(StreamError, match="too long"):
        file.write("")
    assert not (tmp_path / "x_eeg.fif").exists()


def test_a_folder_that_cannot_be_made_is_the_operators_to_mend(made: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot be written"):
        cleaned(made["fif"], tmp_path / "file")
