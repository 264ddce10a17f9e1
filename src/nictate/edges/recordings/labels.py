"""What people have marked in recordings."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nictate.edges.recordings.complaints import reason, shown
from nictate.edges.recordings.events import events_path
from nictate.edges.recordings.formats import marks
from nictate.signals import StreamError


@dataclass(frozen=True, slots=True)
class Label:
    """What somebody has marked in a recording. Times in s from the first sample."""

    kind: str
    """``"blink"``, ``"ignore"`` (neither a blink nor none), or what else the file says."""
    onset: float
    end: float
    peak: float | None
    """When the deflection is largest; None when the file does not say."""


def read_labels(tsv: Path | str) -> tuple[Label, ...]:
    """The labels of a BIDS ``_events.tsv`` (columns onset, duration, trial_type, perhaps peak), by onset.

    A duration of ``n/a`` is 0 s. Raises `StreamError` that names the file, the line and the reason.
    """
    tsv = Path(tsv)
    labels = []
    for line, row in rows(tsv, ("onset", "duration", "trial_type")):
        onset = _seconds(tsv, line, "onset", row["onset"])
        duration = _seconds(tsv, line, "duration", row["duration"])
        peak = _seconds(tsv, line, "peak", row.get("peak", "n/a"))
        if onset is None:
            raise StreamError(f"{shown(tsv.name)}, line {line}: an onset is needed")
        if duration is not None and duration < 0.0:
            raise StreamError(f"{shown(tsv.name)}, line {line}: a duration of {duration:g} s")
        labels.append(Label(row["trial_type"], onset, onset + (duration or 0.0), peak))
    return _sorted(labels)


def labels_beside(path: Path | str) -> tuple[Label, ...]:
    """The labels in the ``_events.tsv`` beside a recording, or else its own annotations that say blink, by onset.

    Empty when there are none. Raises `StreamError` when the one or the other cannot be read.
    """
    path = Path(path)
    tsv = events_path(path)
    if tsv.exists():
        return read_labels(tsv)
    return _sorted(
        Label("blink", mark.onset, mark.onset + mark.duration, None)
        for mark in marks(path)
        if re.fullmatch(r"(bad[ _])?(eye[ _]?)?blinks?", mark.text.strip().casefold())
    )


def _sorted(labels: Iterable[Label]) -> tuple[Label, ...]:
    return tuple(sorted(labels, key=lambda label: (label.onset, label.end, label.kind)))


def rows(tsv: Path, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and fields of each row of a tab-separated file with a header that has the `needed` columns.

    Raises `StreamError` that names the file, the line and the reason.
    """
    try:
        with tsv.open(encoding="utf-8-sig", newline="") as file:
            # strict: a quote that is opened and never closed would otherwise swallow the rest of the file.
            reader = csv.reader(file, dialect="excel-tab", strict=True)
            header = [name.strip() for name in next(reader, [])]
            if missing := [name for name in needed if name not in header]:
                raise StreamError(f"{shown(tsv.name)}, line 1: no column {', '.join(missing)}")
            for fields in reader:
                if not any(text.strip() for text in fields):
                    continue
                if len(fields) != len(header):
                    where = f"{shown(tsv.name)}, line {reader.line_num}"
                    raise StreamError(f"{where}: {len(fields)} fields under {len(header)} columns")
                texts = (text.strip() for text in fields)
                yield reader.line_num, dict(zip(header, texts, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StreamError(f"{shown(tsv.name)}: cannot be read: {reason(error)}") from error


def _seconds(tsv: Path, line: int, column: str, text: str) -> float | None:
    if text in ("", "n/a"):
        return None
    with suppress(ValueError):
        if math.isfinite(value := float(text)):
            return value
    raise StreamError(f"{shown(tsv.name)}, line {line}: {column} is not a number of seconds: {shown(text)}")
