from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_files import MANY, microvolts, whole, write
from made_text import START, openbci_3, openbci_5

from nictate.edges.recordings import read
from nictate.signals import FloatArray, StreamError


def save(path: Path, lines: list[str]) -> Path:
    return write(path / "OpenBCI-RAW-2024-05-17.txt", "\n".join(lines) + "\n")


def clock(n: int, rate_hz: float = 250.0) -> FloatArray:
    """Stamps of arrival, 20 ms of jitter."""
    return np.arange(n) / rate_hz + 0.02 * np.random.default_rng(2).random(n)


def test_what_version_5_writes_is_read_to_the_bit(tmp_path: Path) -> None:
    x = np.random.default_rng(1).normal(0.0, 1e4, (600, 8))
    path = save(tmp_path, openbci_5(x, (np.arange(600) % 256).tolist(), clock(600)))
    got, recording = whole(path), read(path)
    assert got.samples.tobytes() == x.tobytes()
    np.testing.assert_array_equal(got.times, np.arange(600) / 250.0)
    assert recording.montage.names == tuple(f"EXG Channel {k}" for k in range(8))
    assert recording.montage.rate_hz == 250.0
    assert recording.warnings == ()
    assert recording.start_utc is not None
    assert abs((recording.start_utc - START).total_seconds()) < 0.1


@pytest.mark.parametrize("comma", [False, True])
@pytest.mark.parametrize("channels", [4, 8, 16])
def test_older_versions(tmp_path: Path, comma: bool, channels: int) -> None:
    x = np.round(np.random.default_rng(1).normal(0.0, 1e4, (300, channels)), 2)
    path = save(tmp_path, openbci_3(x, (np.arange(7, 307) % 256).tolist(), comma=comma))
    np.testing.assert_array_equal(whole(path).samples, x)
    assert read(path).warnings == ()


def test_channels_without_an_electrode_are_left_out(tmp_path: Path) -> None:
    x = microvolts(300, 8)
    x[:, 2:] = -187500.02
    path = save(tmp_path, openbci_3(x, (np.arange(300) % 256).tolist()))
    recording = read(path)
    assert recording.montage.names == ("EXG Channel 0", "EXG Channel 1")
    assert recording.warnings[0].startswith("not connected, left out: EXG Channel 2, ")
    np.testing.assert_array_equal(whole(path, channels=["exg channel 5"]).samples[:, 0], x[:, 5])


@MANY
@given(
    first=st.integers(0, 255),
    lost=st.lists(st.integers(0, 120), min_size=5, max_size=5),
    step=st.sampled_from([1, 2]),
)
def test_lost_packets_are_holes_by_the_sample_index(tmp_path: Path, first: int, lost: list[int], step: int) -> None:
    kept = np.ones(800, dtype=bool)
    for at, count in zip(range(30, 780, 150), lost, strict=True):
        kept[at : at + count] = False
    where = np.flatnonzero(kept)
    x = microvolts(800, 8)[where]
    path = save(tmp_path, openbci_3(x, ((first + step * where) % 256).tolist()))
    got = whole(path)
    np.testing.assert_array_equal(got.samples, x)
    np.testing.assert_allclose(got.times, where / 250.0, rtol=0, atol=1e-9)
    said = [line for line in read(path).warnings if "lost" in line]
    assert said == ([f"{(~kept).sum()} samples lost, by the sample index: the times jump there"] if sum(lost) else [])


@pytest.mark.parametrize("pause", [256, 300, 2500])
def test_a_pause_longer_than_the_index_can_tell_shows_in_the_stamps(tmp_path: Path, pause: int) -> None:
    where = np.r_[0:800, 800 + pause : 1600 + pause]
    x = microvolts(1600, 8)
    path = save(tmp_path, openbci_5(x, (where % 256).tolist(), clock(5000)[where]))
    got = whole(path)
    np.testing.assert_allclose(got.times, where / 250.0, rtol=0, atol=0.025)
    assert np.count_nonzero(np.diff(got.times) > 0.005) == 1


def test_a_link_that_holds_samples_back_makes_no_pause(tmp_path: Path) -> None:
    stamps = clock(2000)
    stamps[1000:1250] = stamps[1250]
    path = save(tmp_path, openbci_5(microvolts(2000, 8), (np.arange(2000) % 256).tolist(), stamps))
    np.testing.assert_array_equal(whole(path).times, np.arange(2000) / 250.0)
    assert read(path).warnings == ()


def test_an_index_that_does_not_count_is_said_to_be_of_no_use(tmp_path: Path) -> None:
    path = save(tmp_path, openbci_5(microvolts(400, 4), (np.arange(400) // 2 % 101).tolist(), clock(400, 200.0)))
    np.testing.assert_array_equal(whole(path).times, np.arange(400) / 250.0)
    assert read(path).warnings == ("the sample index does not count samples: single losses remain unseen",)


def test_damaged_lines_are_counted_and_the_others_kept(tmp_path: Path) -> None:
    x = microvolts(400, 8)
    lines = openbci_3(x, (np.arange(400) % 256).tolist())
    lines[106] = lines[106][:20]
    lines[207] = lines[207].replace(", ", ", x", 1)
    lines[308] += lines[309]
    lines[-1] = lines[-1][:-30]
    path = save(tmp_path, lines)
    got = whole(path)
    kept = np.setdiff1d(np.arange(400), [100, 201, 302, 399])
    np.testing.assert_array_equal(got.samples, x[kept])
    np.testing.assert_allclose(got.times, kept / 250.0, rtol=0, atol=1e-9)
    assert read(path).warnings[0].startswith("4 damaged lines left out, the first is line 107: ")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["%OpenBCI Raw EEG Data"], "a header, and no samples"),
        (["%OpenBCI Raw EEG Data", "%Sample Rate = 250 Hz", "hello"], "no row of numbers"),
        (["%OpenBCI Raw EEG Data", "%Number of channels = 8", "1, 2, 3"], "no row of numbers: 8 channels in 3 columns"),
        (["%OpenBCI Raw EEG Data", "0, 1, 2, 3, 4, 5, 6, 7, 8"], "neither a %Sample Rate nor time stamps"),
        (["Sample Index, EXG", "junk"] * 500, r"line 2: 1 fields, 2 are needed"),
    ],
)
def test_files_without_use_are_refused_in_a_line(tmp_path: Path, lines: list[str], said: str) -> None:
    with pytest.raises(StreamError, match=rf"^OpenBCI-RAW-2024-05-17\.txt: .*{said}"):
        read(save(tmp_path, lines))


def test_a_rate_that_is_not_told_is_measured(tmp_path: Path) -> None:
    lines = openbci_5(microvolts(2000, 8), (np.arange(2000) % 256).tolist(), np.arange(2000) / 250.0)
    path = save(tmp_path, [line for line in lines if "Sample Rate" not in line])
    assert read(path).montage.rate_hz == pytest.approx(250.0, rel=1e-3)
