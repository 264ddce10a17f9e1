"""Recordings as text, in the forms in which their makers write them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from made_files import write

from nictate.signals import FloatArray

START = datetime(2024, 5, 17, 9, 30, tzinfo=UTC)


def openbci_5(
    x: FloatArray, index: Sequence[int], stamps: FloatArray, *, rate_hz: int = 250, board: str = "CytonSerial"
) -> list[str]:
    """Lines as version 5 of the GUI writes them. (n, channels) in µV; stamps in s after `START`."""
    count = x.shape[1]
    names = [*(f"EXG Channel {k}" for k in range(count)), *(f"Accel Channel {k}" for k in range(3))]
    header = ["Sample Index", *names, *["Other"] * 7, *(f"Analog Channel {k}" for k in range(3))]
    lines = [
        "%OpenBCI Raw EXG Data",
        f"%Number of channels = {count}",
        f"%Sample Rate = {rate_hz} Hz",
        f"%Board = OpenBCI_GUI$Board{board}",
        ", ".join([*header, "Timestamp", "Other", "Timestamp (Formatted)"]),
    ]
    for k, row, at in zip(index, x, stamps, strict=True):
        moment = START + timedelta(seconds=float(at))
        cells = [f"{float(k)}", *(f"{v!r}" for v in row.tolist()), *["0.01"] * 3, *["0.0"] * 10]
        cells += [f"{moment.timestamp():.6f}", "0.0", f"{moment:%Y-%m-%d %H:%M:%S.%f}"[:-3]]
        lines.append(", ".join(cells))
    return lines


def openbci_3(x: FloatArray, index: Sequence[int], *, comma: bool = False) -> list[str]:
    """Lines as the GUI wrote them before, in Europe perhaps with a decimal comma; values of two decimals."""
    lines = [
        "%OpenBCI Raw EEG Data",
        "%",
        "%Sample Rate = 250.0 Hz",
        "%First Column = SampleIndex",
        "%Last Column = Timestamp ",
        "%Other Columns = EEG data in microvolts followed by Accel Data (in G) interleaved with Aux Data",
    ]
    for k, row in zip(index, x, strict=True):
        values = [f"{v:.2f}" for v in row] + ["0.000"] * 3
        if comma:
            values = [v.replace(".", ",") for v in values]
        lines.append(", ".join([str(k), *values, "18:51:16.059"]))
    return lines


POWERS = [f"{band}_{at}" for band in ("Delta", "Theta", "Alpha", "Beta", "Gamma") for at in ("TP9", "AF7")]
MUSE = ["RAW_TP9", "RAW_AF7", "RAW_AF8", "RAW_TP10"]
MIND_MONITOR = ["TimeStamp", *POWERS, *MUSE, "AUX_RIGHT", "Accelerometer_X", "HeadBandOn", "Battery", "Elements"]


def mind_monitor(x: FloatArray, stamps: FloatArray, markers: Sequence[tuple[int, str]] = ()) -> list[str]:
    """Lines as Mind Monitor writes them: (n, 4) in µV, stamps in s; markers (before which row, text)."""

    def stamp(at: float) -> str:
        return f"{START + timedelta(seconds=at):%Y-%m-%d %H:%M:%S.%f}"[:-3]

    said = dict(markers)
    lines = [",".join(MIND_MONITOR)]
    for k, (row, at) in enumerate(zip(x, stamps.tolist(), strict=True)):
        if k in said:
            lines.append(",".join([stamp(at), *[""] * (len(MIND_MONITOR) - 2), said[k]]))
        cells = [stamp(at), *["0.5"] * len(POWERS), *(f"{v!r}" for v in row.tolist()), "", "0.1", "1", "90", ""]
        lines.append(",".join(cells))
    return lines


def bursts(n: int, rate_hz: float, size: int = 12) -> FloatArray:
    """(n,) s: stamps of arrival, of samples that a headset sends `size` at a time, with a resolution of 1 ms."""
    packet = np.arange(n) // size
    within = 0.0004 * (np.arange(n) % size)
    late = 0.02 * np.random.default_rng(3).random(packet.max() + 1)[packet]
    return np.round((packet + 1) * size / rate_hz + late + within, 3)


def save_eeg_io(folder: Path, x: FloatArray, labels: str, *, name: str = "S00", first_s: float = 0.0) -> Path:
    """`x` (n, 2) as EEG-IO has it: semicolons, a line of header, times in s."""
    rows = [f"{first_s + k / 250.0:.3f};{a!r};{b!r};" for k, (a, b) in enumerate(x.tolist())]
    write(folder / f"{name}_labels.csv", labels)
    return write(folder / f"{name}_data.csv", "\n".join(["Time (s);Fp1;Fp2;Sampling Rate", *rows]) + "\n")


def save_eeg_vv(folder: Path, x: FloatArray, labels: str, *, name: str = "S00V") -> Path:
    """`x` (n, 2) as EEG-VV and EEG-VR have it: as OpenBCI wrote it."""
    rows = openbci_3(np.column_stack([x, np.zeros((len(x), 6))]), (np.arange(len(x)) % 256).tolist())
    write(folder / f"{name}_labels.csv", labels)
    return write(folder / f"{name}_data.csv", "\n".join(rows) + "\n")
