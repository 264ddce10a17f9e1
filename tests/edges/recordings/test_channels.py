from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_files import RATE_HZ, microvolts, save_edf, save_fif, whole

from nictate.edges.recordings import read
from nictate.signals import ConfigError, StreamError


def test_only_eeg_is_served_unless_channels_are_named(tmp_path: Path) -> None:
    path = save_fif(tmp_path / "x_eeg.fif", x := microvolts(500, 4))
    assert read(path).montage.names == ("Fp1", "Fp2")
    named = read(path, channels=["veog", " Fp1"])
    assert (named.montage.names, named.montage.kinds) == (("VEOG", "Fp1"), ("eog", "eeg"))
    np.testing.assert_allclose(whole(path, channels=["VEOG", "Fp1"]).samples, x[:, [2, 0]], rtol=0, atol=1e-3)


@pytest.mark.parametrize(("channels", "said"), [(["Oz"], "no channel Oz; there are Fp1, Fp2"), ([], "no channels")])
def test_channels_that_are_not_there_are_the_operators_mistake(
    made: dict[str, Path], channels: list[str], said: str
) -> None:
    with pytest.raises(ConfigError, match=rf"^x_eeg\.fif: {said}"):
        read(made["fif"], channels=channels)


def test_letter_case_counts_where_it_tells_channels_apart(tmp_path: Path) -> None:
    path = save_fif(tmp_path / "x_eeg.fif", microvolts(500, 2), names=("Fp1", "FP1"), kinds=("eeg", "eeg"))
    assert read(path, channels=["FP1"]).montage.names == ("FP1",)
    with pytest.raises(ConfigError, match="2 channels are called fp1"):
        read(path, channels=["fp1"])


def test_a_file_that_calls_its_eeg_misc_is_served_with_a_warning(tmp_path: Path) -> None:
    path = save_fif(tmp_path / "x_eeg.fif", microvolts(500, 2), names=("a", "b"), kinds=("misc", "misc"))
    recording = read(path)
    assert recording.montage.eeg == (0, 1)
    assert recording.warnings == ("no channel is marked as EEG: taking a, b as EEG",)


def test_a_file_without_eeg_is_refused_unless_its_channels_are_named(tmp_path: Path) -> None:
    path = save_fif(tmp_path / "x_eeg.fif", microvolts(500, 2), names=("a", "b"), kinds=("eog", "misc"))
    with pytest.raises(StreamError, match=r"x_eeg\.fif: no EEG channel \(there are: 1 eog, 1 misc\)"):
        read(path)
    assert read(path, channels=["a"]).montage.names == ("a",)


def test_labels_tell_other_signals_from_eeg_where_the_format_does_not(tmp_path: Path) -> None:
    labels = ["EEG Fp1-REF", "EOG horizontal", "ECG", "EMG2", "Resp oro-nasal", "Temp rectal", "EXG1", "Ch 4"]
    signals = [(label, microvolts(500, 1)[:, 0], RATE_HZ, "uV") for label in labels]
    recording = read(save_edf(tmp_path / "x.edf", signals))
    assert recording.montage.names == ("EEG Fp1-REF", "EXG1", "Ch 4")
    assert recording.montage.frontal == (0,)


def test_a_rate_outside_what_is_served_is_the_files_fault(tmp_path: Path) -> None:
    path = save_edf(tmp_path / "x.edf", [("Fp1", np.arange(500.0), 50, "uV")])
    with pytest.raises(StreamError, match=r"^x\.edf: a rate of 50 Hz"):
        read(path)
