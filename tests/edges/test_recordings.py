from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import edfio
import mne
import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nictate.edges import recordings
from nictate.edges.recordings import (
    Label,
    events_path,
    index,
    labels_beside,
    read,
    read_labels,
    write_events,
)
from nictate.signals import BlinkEvent, Block, ConfigError, FloatArray, StreamError

RATE_HZ = 250.0
NAMES = ("Fp1", "Fp2", "VEOG", "Status")
KINDS = ("eeg", "eeg", "eog", "stim")

# A file made once serves all the examples of a law.
MANY = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


def microvolts(n: int, channels: int, seed: int = 1) -> FloatArray:
    """(n, channels) of whole µV, which 16 bits and float32 hold exactly; the sample's number in channel 0."""
    x = np.random.default_rng(seed).integers(-200, 200, size=(n, channels)).astype(np.float64)
    x[:, 0] = np.arange(n)
    return x


def whole(path: Path, size: int = 4096, **chosen: Any) -> Block:
    blocks = list(read(path, **chosen).blocks(size))
    return Block(np.concatenate([b.samples for b in blocks]), np.concatenate([b.times for b in blocks]))


def raw_of(x: FloatArray, names: Sequence[str] = NAMES, kinds: Sequence[str] = KINDS, first: int = 0) -> Any:
    info = mne.create_info(list(names), RATE_HZ, list(kinds))
    return mne.io.RawArray(x.T * 1e-6, info, first_samp=first, verbose="error")


def save_fif(path: Path, x: FloatArray, **kwargs: Any) -> Path:
    raw_of(x, **kwargs).save(path, verbose="error", buffer_size_sec=1.0)
    return path


def save_edf(path: Path, signals: Sequence[tuple[str, FloatArray, float, str]], *, marks: Any = None) -> Path:
    """Label, samples, rate and unit of each signal; 1 µV is one digital step."""
    parts = [
        edfio.EdfSignal(x, rate, label=label, physical_dimension=unit, physical_range=(-32768, 32767))
        for label, x, rate, unit in signals
    ]
    edfio.Edf(parts, annotations=marks, data_record_duration=1.0).write(path)
    return path


def save_brainvision(path: Path, x: FloatArray, unit: str = "µV") -> Path:
    path.with_suffix(".eeg").write_bytes(x.astype("<f4").tobytes())
    path.with_suffix(".vmrk").write_text(
        "Brain Vision Data Exchange Marker File, Version 1.0\n[Common Infos]\nCodepage=UTF-8\n"
        f"DataFile={path.stem}.eeg\n[Marker Infos]\n"
        "Mk1=New Segment,,1,1,0,20200101120000000000\nMk2=New Segment,,501,1,0,20200101120500000000\n",
        encoding="utf-8",
    )
    channels = "".join(f"Ch{k + 1}=E{k + 1},,1,{unit}\n" for k in range(x.shape[1]))
    path.write_text(
        "Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nCodepage=UTF-8\n"
        f"DataFile={path.stem}.eeg\nMarkerFile={path.stem}.vmrk\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\n"
        f"NumberOfChannels={x.shape[1]}\nSamplingInterval={1e6 / RATE_HZ:g}\n"
        f"[Binary Infos]\nBinaryFormat=IEEE_FLOAT_32\n[Channel Infos]\n{channels}",
        encoding="utf-8",
    )
    return path


def save_eeglab(path: Path, x: FloatArray, boundary: float | None = None) -> Path:
    labels = np.array([(f"E{k + 1}",) for k in range(x.shape[1])], dtype=[("labels", object)])
    fields = [("type", object), ("latency", object), ("duration", object)]
    event = [] if boundary is None else np.array([("boundary", boundary, 100.0)], dtype=fields)
    eeg = {"setname": "made", "data": x.T.astype(np.float32), "srate": RATE_HZ, "chanlocs": labels}
    eeg |= {"nbchan": x.shape[1], "pnts": len(x), "trials": 1, "xmin": 0.0, "xmax": (len(x) - 1) / RATE_HZ}
    eeg |= {
        "event": event,
        **{name: [] for name in ("epoch", "icawinv", "icaweights", "icasphere", "icaact")},
    }
    eeg["ref"] = "common"
    scipy.io.savemat(path, {"EEG": eeg}, appendmat=False)
    return path


# XDF 1.0, https://github.com/sccn/xdf/wiki/Specifications
BOUNDARY = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")


def xdf_chunk(tag: int, content: bytes) -> bytes:
    return b"\x04" + struct.pack("<IH", len(content) + 2, tag) + content


def xdf_stream(
    number: int,
    x: FloatArray,
    stamps: FloatArray,
    *,
    name: str = "amp",
    kind: str = "EEG",
    rate_hz: float = RATE_HZ,
    labels: Sequence[str] = ("Fp1", "Fp2"),
    units: Sequence[str] = ("microvolts", "microvolts"),
    per_chunk: int = 50,
    desc: str | None = None,
) -> bytes:
    channels = "".join(
        f"<channel><label>{label}</label><unit>{unit}</unit><type>EEG</type></channel>"
        for label, unit in zip(labels, units, strict=True)
    )
    desc = f"<reference><label>Cz</label></reference><channels>{channels}</channels>" if desc is None else desc
    header = (
        f'<?xml version="1.0"?><info><name>{name}</name><type>{kind}</type><channel_count>{x.shape[1]}'
        f"</channel_count><nominal_srate>{rate_hz}</nominal_srate><channel_format>float32</channel_format>"
        f"<source_id>id-{number}</source_id><desc>{desc}</desc></info>"
    )
    chunks = [xdf_chunk(2, struct.pack("<I", number) + header.encode())]
    for at in range(0, len(x), per_chunk):
        part = x[at : at + per_chunk].astype("<f4")
        samples = b"".join(
            b"\x08" + struct.pack("<d", t) + row.tobytes()
            for t, row in zip(stamps[at : at + per_chunk], part, strict=True)
        )
        count = b"\x04" + struct.pack("<I", len(part))
        chunks += [xdf_chunk(3, struct.pack("<I", number) + count + samples), xdf_chunk(5, BOUNDARY)]
    return b"".join(chunks)


def save_xdf(path: Path, *streams: bytes) -> Path:
    path.write_bytes(
        b"XDF:" + xdf_chunk(1, b'<?xml version="1.0"?><info><version>1.0</version></info>') + b"".join(streams)
    )
    return path


def stamps_of(n: int, rate_hz: float = RATE_HZ, start_s: float = 1000.0) -> FloatArray:
    return start_s + np.arange(n) / rate_hz


def one_of_each(folder: Path) -> dict[str, Path]:
    x = microvolts(1500, 2)
    return {
        "fif": save_fif(folder / "x_eeg.fif", x, names=NAMES[:2], kinds=KINDS[:2]),
        "gz": save_fif(folder / "z_eeg.fif.gz", x, names=NAMES[:2], kinds=KINDS[:2]),
        "edf": save_edf(folder / "x.edf", [(f"E{k}", x[:, k], RATE_HZ, "uV") for k in range(2)]),
        "set": save_eeglab(folder / "x.set", x),
        "xdf": save_xdf(folder / "x.xdf", xdf_stream(1, x, stamps_of(1500))),
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return one_of_each(tmp_path_factory.mktemp("made"))


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small that a file of seconds is read in many goes."""
    monkeypatch.setattr(recordings, "PIECE_VALUES", 300)


# ---------------------------------------------------------------------------------------------- reading: laws


@pytest.mark.parametrize("form", ["fif", "gz", "edf", "set", "xdf"])
@pytest.mark.usefixtures("small_pieces")
@MANY
@given(size=st.integers(1, 2000))
def test_any_size_of_blocks_gives_the_same_bits(made: dict[str, Path], form: str, size: int) -> None:
    recording = read(made[form])
    blocks = list(recording.blocks(size))
    assert all(len(b) == size for b in blocks[:-1])
    assert 0 < len(blocks[-1]) <= size
    together, once = whole(made[form], size), whole(made[form], 10**6)
    assert together.samples.tobytes() == once.samples.tobytes()
    assert together.times.tobytes() == once.times.tobytes()
    assert len(once) == recording.n_samples == 1500


@pytest.mark.parametrize("form", ["fif", "gz", "edf", "set", "xdf"])
def test_every_format_gives_microvolts_and_seconds_from_the_first_sample(made: dict[str, Path], form: str) -> None:
    got = whole(made[form])
    np.testing.assert_allclose(got.samples, microvolts(1500, 2), rtol=0, atol=1e-3)
    np.testing.assert_allclose(got.times, np.arange(1500) / RATE_HZ, rtol=0, atol=1e-9)
    recording = read(made[form])
    assert recording.montage.rate_hz == RATE_HZ
    assert recording.duration_s == pytest.approx(6.0, abs=1e-9)
    assert recording.warnings == ()


def test_reading_agrees_with_mne(made: dict[str, Path]) -> None:
    volts = mne.io.read_raw(made["fif"], preload=True, verbose="error").get_data()
    assert np.array_equal(whole(made["fif"]).samples, volts.T * 1e6)


def test_a_recording_can_be_read_again(made: dict[str, Path]) -> None:
    recording = read(made["edf"])
    first = next(recording.blocks(100))
    first.samples[:] = np.nan  # What one reader does to its block does not reach the next.
    assert not np.isnan(next(recording.blocks(100)).samples).any()


@pytest.mark.parametrize("size", [0, -1])
def test_blocks_without_samples_are_refused(made: dict[str, Path], size: int) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        read(made["edf"]).blocks(size)


@pytest.mark.usefixtures("small_pieces")
def test_a_file_is_read_as_far_as_is_asked_for(made: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    recording = read(made["fif"])
    asked: list[tuple[int, int]] = []
    volts = recordings._volts

    def counting(raw: Any, picks: Any, start: int, stop: int) -> FloatArray:
        asked.append((start, stop))
        return volts(raw, picks, start, stop)

    monkeypatch.setattr(recordings, "_volts", counting)
    blocks = recording.blocks(100)
    next(blocks)
    assert asked == [(0, 150)]
    next(blocks)
    assert asked == [(0, 150), (150, 300)]


def test_reading_imports_neither_matplotlib_nor_torch_and_says_nothing(made: dict[str, Path]) -> None:
    program = (
        "import sys\nfrom nictate.edges.recordings import read\n"
        "for path in sys.argv[1:]: assert sum(map(len, read(path).blocks())) == 1500\n"
        "assert not {'matplotlib', 'torch'} & set(sys.modules), sorted(sys.modules)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program, *(str(path) for path in made.values())]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# ----------------------------------------------------------------------------------------- channels and kinds


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


# ----------------------------------------------------------------------------------------- rates, units, gaps


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


def test_a_rate_outside_what_is_served_is_the_files_fault(tmp_path: Path) -> None:
    path = save_edf(tmp_path / "x.edf", [("Fp1", np.arange(500.0), 50, "uV")])
    with pytest.raises(StreamError, match=r"^x\.edf: a rate of 50 Hz"):
        read(path)


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


# -------------------------------------------------------------------------------------------------- bad files


@pytest.mark.parametrize(
    "name", ["x_eeg.fif", "x.edf", "x.bdf", "x.gdf", "x.vhdr", "x.set", "x.cnt", "x.xdf", "x.txt", "x"]
)
@pytest.mark.parametrize("content", [b"", b"hello world\n" * 80, bytes(5000), b"XDF:\x07", b"0       " * 32])
def test_a_foreign_file_is_named_with_a_reason_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(StreamError) as caught:
        read(tmp_path / name)
    assert str(caught.value).startswith(f"{name}: ")
    assert str(caught.value).removeprefix(f"{name}: ") not in ("", "cannot be read: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "said"), [("nowhere.edf", "no such file"), ("folder", "is a folder")])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StreamError, match=f"^{name}: {said}"):
        read(tmp_path / name)


def test_a_hostile_name_stays_in_one_short_line(tmp_path: Path) -> None:
    path = tmp_path / ("a\n\x1b[31m" + "b" * 180 + "_eeg.fif")
    path.write_bytes(b"no fif")
    with pytest.raises(StreamError) as caught:
        read(path)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 450
    assert message.startswith("a??[31mbbb")


def prefix_of(path: Path, size: int) -> tuple[Block | None, str]:
    """All that can be had from a damaged file, and the complaint."""
    blocks = []
    try:
        recording = read(path)
        for block in recording.blocks(size):
            blocks.append(block)  # noqa: PERF402  # what came before an error is kept
    except StreamError as error:
        complaint = str(error)
    else:
        complaint = "; ".join(recording.warnings)
    assert complaint.isprintable()
    if not blocks:
        return None, complaint
    return Block(np.concatenate([b.samples for b in blocks]), np.concatenate([b.times for b in blocks])), complaint


@pytest.mark.parametrize("form", ["fif", "edf", "xdf"])
@MANY
@given(kept=st.floats(0.0, 0.999))
def test_a_truncated_file_gives_its_good_beginning_and_a_complaint(
    made: dict[str, Path], tmp_path: Path, form: str, kept: float
) -> None:
    data = made[form].read_bytes()
    path = tmp_path / made[form].name
    path.write_bytes(data[: int(kept * len(data))])
    good, complaint = prefix_of(path, 64)
    at_once, _ = prefix_of(path, 10**6)
    assert complaint
    if good is not None:
        assert at_once is not None
        assert at_once.samples.tobytes() == good.samples.tobytes()
        full = whole(made[form])
        assert good.samples.tobytes() == full.samples[: len(good)].tobytes()
    if kept > 0.5:
        assert good is not None
        assert len(good) > 1500 * (kept - 0.35)


@MANY
@given(at=st.integers(0, 30_000), byte=st.integers(0, 255))
@pytest.mark.parametrize("form", ["fif", "edf", "xdf", "set"])
def test_a_damaged_byte_never_raises_anything_else(
    made: dict[str, Path], tmp_path: Path, form: str, at: int, byte: int
) -> None:
    data = bytearray(made[form].read_bytes())
    data[at % min(len(data), 4000)] = byte  # near the beginning, where the headers are
    path = tmp_path / made[form].name
    path.write_bytes(data)
    try:
        for block in read(path).blocks(500):
            assert len(block) > 0
    except StreamError as error:
        complaint = str(error)
    else:
        complaint = "none"
    assert complaint.isprintable()


# -------------------------------------------------------------------------------------------------------- XDF


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


def test_only_xdf_has_streams(made: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="only an XDF file has streams"):
        read(made["fif"], stream="amp")


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


# ----------------------------------------------------------------------------------------------------- labels


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_labels(tmp_path: Path) -> None:
    tsv = write(
        tmp_path / "x_events.tsv",
        "\ufeffonset\tduration\ttrial_type\tsample\tpeak\tnote\r\n"
        "2.5\tn/a\tstimulus\t625\tn/a\t\r\n1.0\t0.25\tblink\t250\t1.1\t\"a \"\"quoted\"\" one\"\r\n\r\n"
        "3\t1\tignore\t750\tn/a\tn/a\r\n",
    )  # fmt: skip
    assert read_labels(tsv) == (
        Label("blink", 1.0, 1.25, 1.1),
        Label("stimulus", 2.5, 2.5, None),
        Label("ignore", 3.0, 4.0, None),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: no column onset, duration, trial_type"),
        ("onset\tduration\n1\t2\n", "line 1: no column trial_type"),
        (
            "onset\tduration\ttrial_type\n1\t2\tblink\nx\t2\tblink\n",
            "line 3: onset is not a number of seconds: x",
        ),
        ("onset\tduration\ttrial_type\nn/a\t2\tblink\n", "line 2: an onset is needed"),
        ("onset\tduration\ttrial_type\ninf\t2\tblink\n", "line 2: onset is not a number"),
        ("onset\tduration\ttrial_type\n1\t-2\tblink\n", "line 2: a duration of -2 s"),
        ("onset\tduration\ttrial_type\n1\t2\n", "line 2: 2 fields under 3 columns"),
        (
            'onset\tduration\ttrial_type\n1\t2\t"blink\n2\t2\tblink\n',
            "cannot be read: unexpected end of data",
        ),
    ],
)
def test_ill_formed_labels_are_named_with_line_and_reason(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(StreamError, match=rf"^x_events\.tsv(, |: ){said}"):
        read_labels(write(tmp_path / "x_events.tsv", text))


def test_labels_that_are_no_text_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "x_events.tsv").write_bytes(b"onset\tduration\ttrial_type\n\xff\xfe\n")
    for name in ("x_events.tsv", "y_events.tsv"):
        with pytest.raises(StreamError, match=rf"^{name}: cannot be read"):
            read_labels(tmp_path / name)


def test_labels_beside_a_recording(tmp_path: Path, made: dict[str, Path]) -> None:
    write(tmp_path / "x_events.tsv", "onset\tduration\ttrial_type\n1\t2\tblink\n")
    for name in ("x_eeg.fif", "x.edf", "x.xdf"):
        assert labels_beside(tmp_path / name) == (Label("blink", 1.0, 3.0, None),)
    assert labels_beside(made["edf"]) == labels_beside(made["xdf"]) == ()
    with pytest.raises(StreamError, match=r"^gone\.edf: no such file"):
        labels_beside(tmp_path / "gone.edf")


# ---------------------------------------------------------------------------------------------------- writing


times_s = st.floats(0.0, 1e5)


@st.composite
def blinks(draw: Callable[..., Any]) -> BlinkEvent:
    onset = draw(times_s)
    decided, confidence = onset + draw(st.floats(0.0, 3.0)), draw(st.floats(0.0, 1.0))
    if draw(st.booleans()):
        return BlinkEvent("blink/start", onset, None, None, None, confidence, decided)
    peak = onset + draw(st.floats(0.0, 1.0))
    end, height = peak + draw(st.floats(0.0, 1.0)), draw(st.floats(-1e4, 1e4))
    return BlinkEvent("blink", onset, peak, end, height, confidence, decided)


@MANY
@given(events=st.lists(blinks(), max_size=20), starts=st.booleans())
def test_events_come_back_as_labels(tmp_path: Path, events: list[BlinkEvent], starts: bool) -> None:
    labels = read_labels(write_events(tmp_path / "x_events.tsv", events, starts=starts, overwrite=True))
    wanted = sorted((e for e in events if starts or e.kind == "blink"), key=lambda e: e.onset)
    assert sorted(label.kind for label in labels) == sorted(e.kind for e in wanted)
    assert [label.onset for label in labels] == pytest.approx([e.onset for e in wanted], abs=5.1e-5)
    got = sorted(label.peak for label in labels if label.peak is not None)
    assert got == pytest.approx(sorted(e.peak for e in wanted if e.peak is not None), abs=5.1e-5)


def test_events_as_bids(tmp_path: Path) -> None:
    blink = BlinkEvent("blink", 1.00006, 1.1, 1.25, -81.234, 0.98765, 1.4, completes=1.15)
    start = BlinkEvent("blink/start", 1.02, None, None, None, 0.9, 1.15)
    path = write_events(tmp_path / "x_events.tsv", [start, blink], starts=True)
    assert path.read_text(encoding="utf-8").splitlines() == [
        "onset\tduration\ttrial_type\tpeak\tamplitude\tconfidence\tdecided",
        "1.0001\t0.2499\tblink\t1.1000\t-81.23\t0.9877\t1.4000",
        "1.0200\tn/a\tblink/start\tn/a\tn/a\t0.9000\t1.1500",
    ]
    sidecar = json.loads((tmp_path / "x_events.json").read_text(encoding="utf-8"))
    assert list(sidecar) == path.read_text(encoding="utf-8").splitlines()[0].split("\t")
    assert all(column["Description"] for column in sidecar.values())
    assert sidecar["trial_type"]["HED"]["blink"] == "Blink"
    assert set(sidecar["trial_type"]["Levels"]) == {"blink", "blink/start"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x_events.json", "x_events.tsv"]


def test_labels_of_somebody_are_not_overwritten_unasked(tmp_path: Path) -> None:
    path = write(tmp_path / "x_events.tsv", "precious")
    with pytest.raises(ConfigError, match=r"x_events\.tsv exists already"):
        write_events(path, [], starts=False)
    assert path.read_text(encoding="utf-8") == "precious"
    assert not (tmp_path / "x_events.json").exists()
    write_events(path, [], starts=False, overwrite=True)
    assert path.read_text(encoding="utf-8").startswith("onset\t")


def test_an_interrupted_writer_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x_events.tsv", "old")
    sidecar = write(tmp_path / "x_events.json", "old")

    def torn(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", torn)
    blink = BlinkEvent("blink", 1.0, 1.1, 1.25, 80.0, 0.9, 1.4)
    with pytest.raises(KeyboardInterrupt):
        write_events(path, [blink], starts=False, overwrite=True)
    assert path.read_text(encoding="utf-8") == sidecar.read_text(encoding="utf-8") == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x_events.json", "x_events.tsv"]


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere.*x_events\.tsv: cannot be written"):
        write_events(tmp_path / "nowhere" / "x_events.tsv", [], starts=False)


@pytest.mark.parametrize(
    ("name", "events"),
    [
        ("x_eeg.fif", "x_events.tsv"),
        ("x_eeg.fif.gz", "x_events.tsv"),
        ("rec.edf", "rec_events.tsv"),
        ("rec.2024.01.bdf", "rec.2024.01_events.tsv"),
        ("x_raw.fif", "x_raw_events.tsv"),
        ("sub-01_task-rest_eeg.vhdr", "sub-01_task-rest_events.tsv"),
        ("lab.XDF.GZ", "lab_events.tsv"),
        ("-rf\n*_eeg.edf", "-rf\n*_events.tsv"),
    ],
)
def test_the_name_of_the_events_file(tmp_path: Path, name: str, events: str) -> None:
    assert events_path(tmp_path / name) == tmp_path / events
    assert events_path(tmp_path / name, "out") == Path("out") / events


def test_long_names_are_written(tmp_path: Path) -> None:
    path = events_path(tmp_path / ("ä" * 110 + "_eeg.fif"))
    assert write_events(path, [], starts=False).exists()


# ------------------------------------------------------------------------------------------------------ index

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


# -------------------------------------------------------------------------------------------- real recordings


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
