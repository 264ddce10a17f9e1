"""What people have marked in recordings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nictate.edges.recordings import bids, blink_sets
from nictate.edges.recordings.bids import ABSENT
from nictate.edges.recordings.complaints import shown
from nictate.edges.recordings.events import LABEL_COLUMNS, events_path, write_table
from nictate.edges.recordings.formats import marks
from nictate.edges.recordings.marked import Label, blink, means_bad, means_blink
from nictate.signals import StreamError

PROPOSED = "proposed"
"""The note of a label that nobody has looked at yet."""


@dataclass(frozen=True, slots=True)
class LabelTable:
    """An ``_events.tsv``."""

    labels: tuple[Label, ...]
    """By onset; what is neither a blink nor ``ignore`` as well."""
    about_blinks: bool
    """Whether it was made to say where blinks are, be it nowhere. Events of a task alone say nothing of blinks."""
    by_detector: bool
    """Whether it is as `nictate annotate` writes it."""


def read_labels(tsv: Path | str) -> tuple[Label, ...]:
    """The labels of a BIDS ``_events.tsv`` (columns onset, duration, trial_type or value, perhaps peak), by onset.

    Whatever says blink (``eye_blink``, ``BAD_blink`` ...) is one; one without a duration gets a span by
    `nictate.edges.recordings.marked.blink`. Raises `StreamError` that names the file, the line and the reason.
    """
    return read_table(Path(tsv)).labels


def read_table(tsv: Path) -> LabelTable:
    """As `read_labels`, with what the table is."""
    table = bids.table(tsv, ("onset", "duration"))
    if not {"trial_type", "value"} & set(table.columns):
        raise StreamError(f"{shown(tsv.name)}, line 1: no column trial_type")
    labels = _sorted(label for line, row in table.rows if (label := _label(tsv, line, row)) is not None)
    says = any(label.kind in ("blink", "ignore") for label in labels) or "peak" in table.columns
    return LabelTable(labels, says, "decided" in table.columns)


def labels_beside(path: Path | str) -> tuple[Label, ...]:
    """The labels beside a recording, by onset: its ``_events.tsv``, or else its ``_labels.csv`` (BLINK sets), or else
    its own annotations that say blink, or BAD, which is then ``ignore``.

    Empty when there are none. Raises `StreamError` when the one or the other cannot be read.
    """
    path = Path(path)
    tsv = events_path(path)
    if tsv.exists():
        return read_labels(tsv)
    if (theirs := blink_sets.labels_path(path)) is not None:
        return _sorted(blink_sets.read_labels(theirs, path))
    return annotated(path)


def annotated(path: Path) -> tuple[Label, ...]:
    """What is annotated within a recording as blink, or as BAD, which is ``ignore``; by onset."""
    labels = []
    for mark in marks(path):
        if means_blink(mark.text):
            labels.append(blink(mark.onset, mark.duration))
        elif means_bad(mark.text) and mark.duration > 0.0:
            labels.append(Label("ignore", mark.onset, mark.onset + mark.duration, None, mark.text))
    return _sorted(labels)


def write_labels(path: Path | str, labels: Sequence[Label], *, overwrite: bool = False) -> Path:
    """Write labels as BIDS: `path`, an ``_events.tsv``, and its JSON sidecar, for `read_labels`. Returns `path`.

    Times in s with 4 decimals. Raises `ConfigError` when one of the files exists and `overwrite` is False, or when
    they cannot be written.
    """
    lines = ["\t".join(LABEL_COLUMNS)]
    for label in _sorted(labels):
        peak = "n/a" if label.peak is None else f"{label.peak:.4f}"
        note = " ".join(label.note.replace('"', "'").split()) or "n/a"
        lines.append(f"{label.onset:.4f}\t{label.end - label.onset:.4f}\t{label.kind}\t{peak}\t{note}")
    return write_table(path, lines, LABEL_COLUMNS, overwrite)


def _sorted(labels: Iterable[Label]) -> tuple[Label, ...]:
    return tuple(sorted(labels, key=lambda label: (label.onset, label.end, label.kind)))


def _label(tsv: Path, line: int, row: dict[str, str]) -> Label | None:
    """None for an event of another kind that has no time."""
    kind = row.get("trial_type", "")
    if means_blink(kind) or (kind != "ignore" and means_blink(row.get("value", ""))):
        kind = "blink"
    note = row.get("note", "")
    try:
        onset = _seconds(tsv, line, "onset", row["onset"])
        duration = _seconds(tsv, line, "duration", row["duration"])
        peak = _seconds(tsv, line, "peak", row.get("peak", "n/a"))
        if onset is None:
            raise StreamError(f"{shown(tsv.name)}, line {line}: an onset is needed")
        if duration is not None and duration < 0.0:
            raise StreamError(f"{shown(tsv.name)}, line {line}: a duration of {duration:g} s")
    except StreamError:
        if kind in ("blink", "ignore"):
            raise
        return None
    said = "" if note in ABSENT else note
    if kind == "blink":
        return blink(onset, duration or 0.0, peak, said)
    return Label(kind, onset, onset + (duration or 0.0), peak, said)


def _seconds(tsv: Path, line: int, column: str, text: str) -> float | None:
    if text in ABSENT:
        return None
    with suppress(ValueError):
        if math.isfinite(value := float(text)):
            return value
    raise StreamError(f"{shown(tsv.name)}, line {line}: {column} is not a number of seconds: {shown(text)}")
