from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import mne
import numpy as np
import pytest
from made_material import RATE_HZ, Made, made

from nictate.comparison.material import band_passed, gather
from nictate.profile import Profile
from nictate.signals import ConfigError, FloatArray, StreamError
from nictate.simulate import Simulator

SECONDS = 20.0


def of() -> Made:
    return made(SECONDS, 2)


def save(path: Path, x: FloatArray, names: Sequence[str], kinds: Sequence[str], marks: object = None) -> Path:
    raw = mne.io.RawArray(x.T * 1e-6, mne.create_info(list(names), RATE_HZ, list(kinds)), verbose="error")
    if marks is not None:
        raw.set_annotations(marks)
    raw.save(path, verbose="error", fmt="double")
    return path


def label(path: Path, rows: Sequence[tuple[float, float, str, str]]) -> None:
    lines = ["onset\tduration\ttrial_type\tpeak", *("\t".join(map(str, row)) for row in rows)]
    path.with_name("x_events.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """19 EEG channels, two that are EOG (one by its label only), and a trigger."""
    signals = of().material.signals
    lid = of().lid
    x = np.hstack((signals.samples, lid, -lid, 0.0 * lid))
    names = [*signals.montage.names, "VEOG", "EOG 2", "STI"]
    return save(tmp_path / "x_eeg.fif", x, names, ["eeg"] * 19 + ["eog", "eeg", "stim"])


def test_all_of_a_labelled_recording(recording: Path) -> None:
    spans = of().spans
    rows = [(a, b - a, "blink", f"{p:.4f}") for a, p, b in spans]
    label(recording, [*rows[:-1], (18.0, 1.0, "ignore", "n/a"), (3.0, 1.0, "cough", "n/a")])
    material = gather(recording)
    signals = material.signals
    assert signals.montage.names == of().material.signals.montage.names
    assert [signals.montage.names[k] for k in signals.frontal] == ["Fp1", "Fp2"]
    assert np.allclose(signals.samples, of().material.signals.samples, atol=1e-6)
    assert signals.eog_names == ("VEOG", "EOG 2")
    assert np.allclose(signals.eog, np.hstack((of().lid, -of().lid)), atol=1e-6)
    assert signals.reference[0] == "VEOG, EOG 2"
    assert material.told_by == "labels"
    assert material.peaks == pytest.approx(spans[:-1, 1], abs=1e-4)
    assert material.busy[-1] == pytest.approx([18.0, 19.0])
    assert np.all(material.busy[:-1, 0] < spans[:-1, 0])
    assert np.all(material.busy[:-1, 1] > spans[:-1, 2])


def test_without_a_labelled_peak_it_is_where_the_deflection_is_largest(recording: Path) -> None:
    label(recording, [(a, b - a, "blink", "n/a") for a, _, b in of().spans])
    assert gather(recording).peaks == pytest.approx(of().spans[:, 1], abs=0.06)


def test_of_a_part_only_the_blinks_in_it_count(recording: Path) -> None:
    label(recording, [(a, b - a, "blink", f"{p:.4f}") for a, p, b in of().spans])
    ends = of().spans[:, 2]
    assert np.any(ends > 16.0)
    assert len(gather(recording, seconds=16.0).peaks) == np.sum(ends < 16.0)


def test_without_labels_the_detector_tells_the_blinks(recording: Path) -> None:
    heard: list[str] = []
    material = gather(recording, said=heard.append)
    assert material.told_by == "detector"
    truth = of().spans[:, 1]
    found = sum(bool(np.any(np.abs(material.peaks - peak) < 0.15)) for peak in truth)
    assert found >= 0.6 * len(truth)
    assert "no labels beside the file: the blinks are those that nictate finds" in heard


def test_channels_are_those_that_are_named(recording: Path) -> None:
    signals = gather(recording, ["Fp2", "Cz", "VEOG"], [], seconds=16.0).signals
    assert signals.montage.names == ("Fp2", "Cz", "VEOG")
    assert signals.eog_names == ()
    assert signals.reference[0] == "Fp2"
    assert signals.duration_s == 16.0
    assert gather(recording, ["Fp1", "O1"], ["Cz"]).signals.eog_names == ("Cz",)
    with pytest.raises(ConfigError, match="no channel Fp9"):
        gather(recording, ["Fp9"])


def test_holes_flat_channels_and_missing_numbers_are_dealt_with_and_said(tmp_path: Path) -> None:
    heard: list[str] = []
    x = of().material.signals.samples.copy()
    x[:, 3] = 7.0
    x[1000:1003, 5] = np.nan
    marks = mne.Annotations([2.0], [1.0], ["BAD_ACQ_SKIP"])
    names = of().material.signals.montage.names
    path = save(tmp_path / "x_eeg.fif", x, names, ["eeg"] * 19, marks)
    label(path, [(a, b - a, "blink", f"{p:.4f}") for a, p, b in of().spans])
    material = gather(path, said=heard.append)
    assert material.signals.montage.names == names[:3] + names[4:]
    assert material.signals.duration_s == pytest.approx(SECONDS - 3.0, abs=0.02)
    line = np.linspace(x[999, 5], x[1003, 5], 5)[1:-1]
    first = round(3.0 * RATE_HZ)
    assert material.signals.samples[1000 - first : 1003 - first, 4] == pytest.approx(line, abs=1e-6)
    later = of().spans[of().spans[:, 0] > 3.0, 1]
    assert material.peaks == pytest.approx(later - 3.0, abs=1e-3)
    said = "\n".join(heard)
    assert "holes: the longest stretch without is taken, 3.0 to 20.0 s" in said
    assert f"flat, left out: {names[3]}" in said
    assert f"not numbers, bridged: 3 values of {names[5]}" in said


def test_where_names_say_nothing_the_blinks_show_the_frontal_channels(tmp_path: Path) -> None:
    heard: list[str] = []
    path = save(tmp_path / "x_eeg.fif", of().material.signals.samples, [f"ch{k}" for k in range(19)], ["eeg"] * 19)
    label(path, [(a, b - a, "blink", f"{p:.4f}") for a, p, b in of().spans])
    assert set(gather(path, said=heard.append).signals.frontal) == {0, 1}
    assert any(line.startswith("no channel is known as frontal: blinks are largest at ch") for line in heard)


def test_on_a_muse_the_blinks_show_where_they_are_seen(tmp_path: Path) -> None:
    """Its reference is at Fpz."""
    simulator = Simulator("muse", RATE_HZ, seed=1, profile=Profile(reference="Fpz"))
    x = simulator.pull(round(SECONDS * RATE_HZ)).samples
    path = save(tmp_path / "x_eeg.fif", x, simulator.montage.names, ["eeg"] * 4)
    label(path, [(b.onset, b.end - b.onset, "blink", f"{b.peak:.4f}") for b in simulator.blinks()])
    heard: list[str] = []
    frontal = gather(path, said=heard.append).signals.frontal
    assert {simulator.montage.names[k] for k in frontal} == {"TP9", "TP10"}
    assert any(line.startswith("the reference is at a frontal pole: blinks are largest at TP") for line in heard)


def test_what_cannot_be_compared_is_refused(tmp_path: Path, recording: Path) -> None:
    with pytest.raises(ConfigError, match=r"x_eeg\.fif: 12\.0 s without a hole: 15 s are needed"):
        gather(recording, seconds=12.0)
    with pytest.raises(ConfigError, match="1 usable EEG channels: at least 2 are needed"):
        gather(recording, ["Fp1"])
    with pytest.raises(StreamError, match="no such file"):
        gather(tmp_path / "nothing_eeg.fif")


def test_the_band_pass_keeps_what_is_in_the_band_where_it_is() -> None:
    t = np.arange(0.0, 20.0, 1.0 / RATE_HZ)[:, np.newaxis]
    inside, outside = np.sin(2 * np.pi * 10.0 * t), np.sin(2 * np.pi * 0.2 * t) + np.sin(2 * np.pi * 60.0 * t)
    y = band_passed(inside + 100.0 + 10.0 * outside, RATE_HZ)
    middle = slice(600, -600)
    assert np.allclose(y[middle], inside[middle], atol=0.02)
