from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_files import BOUNDARY, RATE_HZ, microvolts, save_xdf, stamps_of, whole, xdf_stream

from nictate.edges.recordings import read
from nictate.signals import ConfigError, StreamError


def test_xdf_metadata(tmp_path: Path) -> None:
    path = save_xdf(tmp_path / "x.xdf", xdf_stream(3, microvolts(500, 2), stamps_of(500)))
    montage = read(path).montage
    assert (montage.names, montage.kinds, montage.reference) == (("Fp1", "Fp2"), ("eeg", "eeg"), "Cz")


@pytest.mark.parametrize(
    ("units", "factors", "warned"),
    [(("uV", "mV"), (1, 1e3), ""), (("volts", "µV"), (1e6, 1), ""), (("Microvolts", "\u03bcV"), (1, 1), ""),
     (("counts", ""), (1, 1), "no unit that is understood, taken as µV: Fp1 (counts), Fp2 (none)")],
)  # fmt: skip
def test_units_of_xdf(tmp_path: Path, units: tuple[str, str], factors: tuple[float, float], warned: str) -> None:
    stream = xdf_stream(1, x := microvolts(500, 2), stamps_of(500), units=units)
    path = save_xdf(tmp_path / "x.xdf", stream)
    assert np.array_equal(whole(path).samples, x * factors)
    assert read(path).warnings == ((warned,) if warned else ())


@pytest.mark.parametrize("desc", ["", "text", "<channels>text</channels>", "<channels><channel/></channels>"])
def test_xdf_without_channel_descriptions(tmp_path: Path, desc: str) -> None:
    stream = xdf_stream(1, microvolts(500, 2), stamps_of(500), desc=desc, kind="eEg")
    recording = read(save_xdf(tmp_path / "x.xdf", stream))
    assert recording.montage.names == ("ch1", "ch2")
    assert recording.warnings[0] == "no channel labels: called ch1 to ch2"


def test_a_hole_in_xdf_stays_visible(tmp_path: Path) -> None:
    stamps = stamps_of(1000)
    stamps[400:] += 1.5
    path = save_xdf(tmp_path / "x.xdf", xdf_stream(1, microvolts(1000, 2), stamps))
    np.testing.assert_allclose(whole(path).times, stamps - 1000.0, rtol=0, atol=1e-6)
    assert read(path).duration_s == pytest.approx(5.5)


def test_jitter_in_xdf_is_straightened_out(tmp_path: Path) -> None:
    stamps = stamps_of(2000) + np.random.default_rng(3).uniform(0, 0.02, 2000)
    steps = np.diff(whole(save_xdf(tmp_path / "x.xdf", xdf_stream(1, microvolts(2000, 2), stamps))).times)
    np.testing.assert_allclose(steps, 1 / RATE_HZ, rtol=1e-3)


@pytest.mark.parametrize(
    ("nominal", "rate", "said"),
    [(250.0, 250.0, ""), (250.0, 252.0, ""), (0.0, 200.0, "no nominal rate: 200.00 Hz from the time stamps"),
     (250.0, 200.0, "a nominal rate of 250 Hz, but 200.00 Hz measured: using the latter")],
)  # fmt: skip
def test_a_wrong_nominal_rate_in_xdf(tmp_path: Path, nominal: float, rate: float, said: str) -> None:
    stream = xdf_stream(1, microvolts(1000, 2), stamps_of(1000, rate), rate_hz=nominal)
    recording = read(save_xdf(tmp_path / "x.xdf", stream))
    assert recording.montage.rate_hz == pytest.approx(rate if said else nominal, rel=1e-6)
    assert [w for w in recording.warnings if "Hz" in w and "nominal" in w] == ([said] if said else [])


def test_several_eeg_streams_must_be_chosen_from(tmp_path: Path) -> None:
    x, y = microvolts(500, 2), microvolts(500, 2, seed=2)
    path = save_xdf(
        tmp_path / "x.xdf",
        xdf_stream(1, x, stamps_of(500), name="left"),
        xdf_stream(2, y, stamps_of(500), name="right"),
        xdf_stream(3, x, stamps_of(500), name="gaze", kind="Gaze"),
    )
    with pytest.raises(ConfigError, match=r"several EEG streams, choose one: left \(number 1, .*right \(number 2,"):
        read(path)
    for wanted in ("right", "2", "id-2"):
        assert np.array_equal(whole(path, stream=wanted).samples, y)
    assert read(path, stream="gaze").n_samples == 500
    with pytest.raises(ConfigError, match=r"^x\.xdf: no stream of numbers called middle; there are: left"):
        read(path, stream="middle")


@pytest.mark.parametrize(
    ("n", "kind", "said"), [(500, "Gaze", "no stream of type EEG.*Gaze"), (0, "EEG", "no samples")]
)
def test_an_xdf_without_eeg_is_refused(tmp_path: Path, n: int, kind: str, said: str) -> None:
    path = save_xdf(tmp_path / "x.xdf", xdf_stream(1, microvolts(n, 2), stamps_of(n), kind=kind))
    with pytest.raises(StreamError, match=rf"^x\.xdf: .*{said}"):
        read(path)


def test_damage_inside_xdf_costs_what_lies_up_to_the_next_boundary(tmp_path: Path) -> None:
    data = bytearray(xdf_stream(1, x := microvolts(1000, 2), stamps_of(1000)))
    second_chunk = data.index(BOUNDARY) + len(BOUNDARY)
    data[second_chunk] = 7  # no width of a length
    path = save_xdf(tmp_path / "x.xdf", bytes(data))
    assert np.array_equal(whole(path).samples, x[np.r_[0:50, 100:1000]])
    assert read(path).warnings
