"""Recordings of every format, made up, of which each value is known."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import edfio
import mne
import numpy as np
import scipy.io
from hypothesis import HealthCheck, settings

from nictate.edges.recordings import read
from nictate.signals import Block, FloatArray

RATE_HZ = 250.0
NAMES = ("Fp1", "Fp2", "VEOG", "Status")
KINDS = ("eeg", "eeg", "eog", "stim")

# A file made once serves all the examples of a law.
MANY = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
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


def save_eeglab(path: Path, x: FloatArray, boundary: float | None = None, *, blink: float | None = None) -> Path:
    """With an event at a latency in samples, from 1: a boundary, or a blink without a duration."""
    labels = np.array([(f"E{k + 1}",) for k in range(x.shape[1])], dtype=[("labels", object)])
    fields = [("type", object), ("latency", object), ("duration", object)]
    event: Any = [] if boundary is None else np.array([("boundary", boundary, 100.0)], dtype=fields)
    if blink is not None:
        event = np.array([("blink", blink, 0.0)], dtype=fields)
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


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
