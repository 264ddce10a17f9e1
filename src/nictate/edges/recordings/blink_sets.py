"""The sets EEG-IO, EEG-VV and EEG-VR of Agarwal and Sivakumar (2019), and their labels.

M. Agarwal and R. Sivakumar, "BLINK: A Fully Automated Unsupervised Algorithm for Eye-Blink Detection in EEG Signals",
Allerton 2019. Each recording is ``S00_data.csv`` (EEG-VV ``S00V_data.csv``, EEG-VR ``S00R_data.csv``) with
``S00_labels.csv``: Fp1 and Fp2 in µV at 250 Hz, blinks downward, labelled by eye and camera.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nictate.edges.recordings.channels import chosen, montage_of
from nictate.edges.recordings.complaints import shown
from nictate.edges.recordings.marked import Label, around
from nictate.edges.recordings.recording import Recording, held
from nictate.edges.recordings.text_rows import Damaged, lines, numbers
from nictate.signals import FloatArray, StreamError

RATE_HZ = 250.0
NAMES = ("Fp1", "Fp2")

LABELLED_S = 200.0
"""EEG-VV and EEG-VR are labelled so far; the authors' own evaluation stops there."""

KINDS = {0: "", 1: "stimulated", 2: "soft"}
"""Notes by the code of a blink. Whoever blinks softly blinks: the authors count these as true by default."""

DATA, LABELS = "_data.csv", "_labels.csv"


def read(path: Path, channels: Sequence[str] | None) -> Recording:
    """`nictate.edges.recordings.read` for ``S00_data.csv``: column 0 the time or the sample index, then µV.

    EEG-IO separates with semicolons and has times in s, the others with commas and a sample index; both after lines
    of header, which are left out. By the index, the authors count rows, so that the times do.
    """
    notes: list[str] = []
    table, lost = _table(path, notes)
    picks = chosen(NAMES, ("eeg", "eeg"), channels, notes)
    rate_hz, times = _times(table[:, 0], lost)
    return held(path, montage_of(picks, rate_hz), table[:, [1 + p.index for p in picks]], times, None, notes)


def labels_path(data: Path) -> Path | None:
    """Where the labels of ``S00_data.csv`` are; None when there are none."""
    path = data.with_name(data.name.removesuffix(DATA) + LABELS)
    return path if data.name.endswith(DATA) and path.exists() else None


def person(data: Path) -> str:
    """Who was recorded, ``S00``. The people of EEG-VV are those of EEG-VR; nobody says whether those of EEG-IO are."""
    return re.sub(r"(?<=\d)[VR]$", "", data.name.removesuffix(DATA))


def read_labels(path: Path, data: Path) -> tuple[Label, ...]:
    """The labels in ``S00_labels.csv``, in its order; corrupt intervals become ``ignore``.

    A blink is labelled by its peak alone: its span is `around` it. Raises `StreamError` that names the file, the line
    and the reason.
    """
    table, lost = _table(data, [])
    _, times = _times(table[:, 0], lost)
    by_index = _counts_rows(table[:, 0])
    origin_s, end_s = (0.0 if by_index else float(table[0, 0])), float(times[-1]) + 1.0 / RATE_HZ
    found = []
    awaited = 0
    for number, line in lines(path):
        fields = [field.strip() for field in re.split(r"[;,]", line)]
        word = fields[0].casefold()
        try:
            if not any(fields):
                continue
            if word == "corrupt":
                awaited = int(fields[1])
            elif word == "blinks":
                if awaited > 0:
                    raise ValueError(f"{awaited} corrupt intervals fewer than announced")
            elif awaited > 0:
                start, stop = numbers(fields, (0, 1))
                stop = end_s if stop == -1.0 else stop - origin_s
                found.append(Label("ignore", max(0.0, start - origin_s), max(stop, 0.0), None))
                awaited -= 1
            else:
                at, code = numbers(fields, (0, 1))
                if code not in KINDS:
                    raise ValueError(f"a blink of code {fields[1]}; there are {', '.join(map(str, KINDS))}")
                found.append(around(at - origin_s, peak=at - origin_s, note=KINDS[int(code)]))
        except (ValueError, IndexError) as error:
            raise StreamError(f"{shown(path.name)}, line {number}: {error}") from error
    if by_index and end_s > LABELLED_S:
        found.append(Label("ignore", LABELLED_S, end_s, None, "nobody has looked at it"))
    return tuple(found)


def _table(path: Path, notes: list[str]) -> tuple[FloatArray, FloatArray]:
    """(n, 3) of time or index, Fp1, Fp2; and (n,) how many damaged lines were left out before each row."""
    header, damaged = Damaged(), Damaged()
    rows: list[list[float]] = []
    lost: list[float] = []
    for number, line in lines(path):
        fields = line.split(";" if ";" in line else ",")
        try:
            row = numbers(fields, (0, 1, 2))
            # A sample index comes round, a time never does.
            if rows and rows[-1][0] - 1.0 < row[0] <= rows[-1][0]:
                raise ValueError(f"a time of {row[0]:g} s after one of {rows[-1][0]:g} s")
        except ValueError as error:
            if line.strip():
                (damaged if rows else header).add(number, str(error))
                header.check(len(rows))
            continue
        rows.append(row)
        lost.append(float(damaged.count))
    if not rows:
        raise StreamError(header.first or "no samples")
    damaged.tell(notes)
    return np.array(rows), np.array(lost)


def _counts_rows(column: FloatArray) -> bool:
    """Whether column 0 is the sample index rather than the time in s."""
    return len(column) > 1 and float(np.median(np.abs(np.diff(column)))) >= 0.5


def _times(column: FloatArray, lost: FloatArray) -> tuple[float, FloatArray]:
    """Rate in Hz, and (n,) s from the first sample."""
    if _counts_rows(column):
        return RATE_HZ, (np.arange(len(column)) + lost) / RATE_HZ
    rate_hz = 1.0 / float(np.median(np.diff(column))) if len(column) > 1 else RATE_HZ
    # Times of three decimals tell 250 Hz no better.
    return (RATE_HZ if math.isclose(rate_hz, RATE_HZ, rel_tol=0.03) else rate_hz), column - column[0]
