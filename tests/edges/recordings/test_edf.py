from __future__ import annotations

from pathlib import Path

import edfio
import numpy as np
import pytest
from made_files import RATE_HZ, microvolts, save_edf, whole

from nictate.edges.recordings import read
from nictate.signals import ConfigError


def test_channels_of_other_rates_are_neither_stretched_nor_served(tmp_path: Path) -> None:
    x = microvolts(2500, 2)
    fast = np.arange(10_000.0)
    path = save_edf(
        tmp_path / "x.edf",
        [("ECG", fast, 1000, "uV"), ("Fp1", x[:, 0], 250, "uV"), ("Fp2", x[:, 1], 250, "uV"),
         ("slow", fast[:10], 1, "uV")],
    )  # fmt: skip
    recording = read(path)
    assert (recording.montage.names, recording.montage.rate_hz) == (("Fp1", "Fp2"), 250.0)
    assert recording.warnings == ("another sampling rate than most channels, left out: slow",)
    np.testing.assert_allclose(whole(path).samples, x, rtol=0, atol=1e-6)
    np.testing.assert_allclose(whole(path, channels=["Fp2"]).samples, x[:, [1]], rtol=0, atol=1e-6)
    np.testing.assert_allclose(whole(path, channels=["ECG"]).samples[:, 0], fast, rtol=0, atol=1e-6)
    with pytest.raises(ConfigError, match=r"x\.edf: the channels asked for have different rates"):
        read(path, channels=["Fp1", "ECG"])


@pytest.mark.parametrize(
    ("unit", "factor", "warned"),
    [("uV", 1, False), ("mV", 1e3, False), ("V", 1e6, False), ("uv", 1, False), ("nV", 1e-3, False),
     ("", 1, True), ("adu", 1, True)],
)  # fmt: skip
def test_units_of_edf(tmp_path: Path, unit: str, factor: float, warned: bool) -> None:
    x = microvolts(500, 1)
    path = save_edf(tmp_path / "x.edf", [("Fp1", x[:, 0], RATE_HZ, unit)])
    np.testing.assert_allclose(whole(path).samples, x * factor, rtol=1e-9)
    said = (f"no unit that is understood, taken as µV: Fp1 ({unit or 'none'})",) if warned else ()
    assert read(path).warnings == said


@pytest.mark.parametrize("micro", [b"\xb5", b"\x83\xca"])  # Latin-1, Shift JIS; the standard wants ASCII
def test_a_micro_sign_in_edf_is_understood(tmp_path: Path, micro: bytes) -> None:
    x = microvolts(500, 1)
    path = save_edf(tmp_path / "x.edf", [("Fp1", x[:, 0], RATE_HZ, "?" * len(micro) + "V")])
    path.write_bytes(path.read_bytes().replace(b"?" * len(micro) + b"V", micro + b"V"))
    np.testing.assert_allclose(whole(path).samples, x, rtol=1e-9)
    assert read(path).warnings == ()


def test_the_gaps_of_edf_plus_d(tmp_path: Path) -> None:
    x = microvolts(2500, 2)
    signals = [(f"E{k}", x[:, k], RATE_HZ, "uV") for k in range(2)]
    marks = [edfio.EdfAnnotation(1.0, None, "there")]  # makes room for longer time stamps
    data = save_edf(tmp_path / "x.edf", signals, marks=marks).read_bytes()
    data = data.replace(b"EDF+C", b"EDF+D").replace(b"+1\x14there\x14", bytes(9))
    # The first record begins at 0.5 s, and those from the fifth on 3.5 s later than they would.
    for k in reversed(range(10)):
        old, new = b"+%d\x14\x14" % k, (b"+%d\x14\x14" % (k + 4) if k >= 4 else b"+%d.5\x14\x14" % k)
        at = data.index(old)
        assert data[at + len(old) : at + len(old) + 3] == bytes(3)
        data = data[:at] + new + data[at + len(new) :]
    (tmp_path / "x.edf").write_bytes(data)
    got = whole(tmp_path / "x.edf", 100)
    np.testing.assert_allclose(got.samples, x, rtol=0, atol=1e-6)
    expected = np.arange(2500) / RATE_HZ + np.where(np.arange(2500) >= 1000, 3.5, 0.0)
    np.testing.assert_allclose(got.times, expected, rtol=0, atol=1e-9)
    assert read(tmp_path / "x.edf").duration_s == pytest.approx(13.5)
