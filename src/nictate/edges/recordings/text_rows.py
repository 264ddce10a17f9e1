"""Recordings that are text: their lines, the rows of numbers in them, and what is damaged."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nictate.edges.recordings.complaints import shown
from nictate.signals import FloatArray, StreamError

LONGEST_LINE = 2**16
"""Characters; a file without line ends is no recording, and must not fill the memory before that is known."""

LONGEST_HEADER = 200
"""Lines before the first row of numbers."""


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file with their numbers from 1, whatever their ends; what is no UTF-8 becomes U+FFFD."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        number = 0
        while line := file.readline(LONGEST_LINE):
            number += 1
            yield number, line.rstrip("\n")


@dataclass(slots=True)
class Damaged:
    """Lines that are left out."""

    count: int = 0
    first: str = ""
    """Number of the first one, and what is wrong with it."""

    def add(self, line: int, why: str) -> None:
        self.first = self.first or f"line {line}: {why}"
        self.count += 1

    def tell(self, notes: list[str]) -> None:
        if self.count:
            plural = "line" if self.count == 1 else "lines"
            notes.append(f"{self.count} damaged {plural} left out, the first is {self.first}")

    def check(self, good: int) -> None:
        """Raises `StreamError` while there is no good row and the header would be too long."""
        if not good and self.count > LONGEST_HEADER:
            raise StreamError(f"no row of numbers in {self.count} lines; {self.first}")


def numbers(fields: Sequence[str], columns: Sequence[int]) -> list[float]:
    """The fields of these columns as numbers. Raises `ValueError` that says what is wrong, for `Damaged.add`."""
    if len(fields) <= max(columns):
        raise ValueError(f"{len(fields)} fields, {max(columns) + 1} are needed")
    values = []
    for column in columns:
        try:
            value = float(fields[column])
        except ValueError:
            raise ValueError(f"not a number: {shown(fields[column].strip(), 40)}") from None
        # A float that a recorder has read from a torn packet; no amplifier delivers it.
        if not math.isfinite(value):
            raise ValueError(f"not a finite number: {shown(fields[column].strip(), 40)}")
        values.append(value)
    return values


LONGEST_CATCH_S = 30.0
"""So long, at most, is waited for a stream to catch up with its stamps; no link holds samples back for longer."""


def late(stamps: FloatArray, expected_s: FloatArray, rate_hz: float, pause_s: float) -> FloatArray:
    """(n,) how much later in s than `expected_s` (n,) each sample was taken, by the stamps (n,) of its arrival.

    Only steps of more than `pause_s` count, of which the stream never catches up as much: a sample that the link holds
    back arrives late and its successors at once; after a pause, all are late.
    """
    behind = stamps - expected_s
    around = max(1, round(rate_hz))
    steps = np.zeros(len(stamps))
    for k in np.flatnonzero(np.diff(stamps) > pause_s) + 1:
        caught_up = k + around + round(min(float(stamps[k] - stamps[k - 1]), LONGEST_CATCH_S) * rate_hz)
        steps[k] = behind[k:caught_up].min() - behind[max(0, k - around) : k].min()
    return np.cumsum(np.where(steps > pause_s, steps, 0.0))
