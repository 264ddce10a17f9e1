"""A folder of labelled recordings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from nictate.edges.recordings.complaints import listed, shown
from nictate.edges.recordings.formats import SIGNAL_SUFFIXES
from nictate.edges.recordings.labels import Label, read_labels, rows
from nictate.signals import ConfigError, StreamError


@dataclass(frozen=True, slots=True)
class LabelledRecording:
    """A recording with its labels, in a folder of such."""

    path: Path
    labels: tuple[Label, ...]
    set: str
    """What it belongs to: one amplifier, one task."""
    subject: str
    """Who was recorded; one person is one pair of `set` and `subject`."""
    licence: str
    """The words of the source; empty when it says nothing."""
    polarity: int | None
    """1 where blinks go up, -1 where they go down, None when unknown."""
    eyes_closed: bool
    """Whether the names, or the table's remarks, say that the eyes were closed."""


def index(folder: Path | str) -> tuple[LabelledRecording, ...]:
    """The labelled recordings of a folder, sorted by path.

    With a ``recordings.tsv`` (columns set, recording, and perhaps subject, licence, blink_polarity, remark) those that
    it lists: ``<set>/<recording>_eeg.*`` with ``<set>/<recording>_events.tsv``. Else all such pairs at any depth, where
    the subject is the ``sub-`` part of the name or else the name. What is neither is ignored, as is a folder
    ``sealed``.

    Raises `ConfigError` when the folder holds none, or lacks a recording that it lists; `StreamError` when a table in
    it cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ConfigError(f"{shown(str(folder), 200)}: no such folder")
    table = folder / "recordings.tsv"
    found = _indexed(folder, table) if table.exists() else _paired(folder)
    if not found:
        raise ConfigError(f"{shown(str(folder), 200)}: no recording *_eeg.* with labels *_events.tsv beside it")
    return tuple(sorted(found, key=lambda recording: recording.path.relative_to(folder).parts))


def _indexed(folder: Path, table: Path) -> list[LabelledRecording]:
    found, missing = [], []
    for line, row in rows(table, ("set", "recording")):
        parts = (row["set"], row["recording"])
        if any(part in ("", ".", "..") or "/" in part or "\\" in part for part in parts):
            raise StreamError(f"{table.name}, line {line}: set and recording must be plain names")
        labels = folder / row["set"] / f"{row['recording']}_events.tsv"
        signal = _signal_beside(labels)
        if signal is None or not labels.exists():
            missing.append("/".join(parts))
            continue
        found.append(
            LabelledRecording(
                path=signal,
                labels=read_labels(labels),
                set=row["set"],
                subject=row.get("subject") or _subject(labels),
                licence=row.get("licence", ""),
                polarity={"1": 1, "+1": 1, "-1": -1}.get(row.get("blink_polarity", "")),
                eyes_closed=_closed(row["set"], row["recording"], row.get("remark", ""), row.get("label_kind", "")),
            )
        )
    if missing:
        raise ConfigError(
            f"{shown(str(folder), 200)}: {len(missing)} recordings of {table.name} are not there "
            f"with their labels: {listed(missing)}"
        )
    return found


def _paired(folder: Path) -> list[LabelledRecording]:
    found = []
    for labels in folder.rglob("*_events.tsv"):
        parts = labels.relative_to(folder).parts
        signal = _signal_beside(labels)
        if "sealed" in parts or signal is None:
            continue
        found.append(
            LabelledRecording(
                path=signal,
                labels=read_labels(labels),
                set=folder.name if len(parts) == 1 or parts[0].startswith("sub-") else parts[0],
                subject=_subject(labels),
                licence="",
                polarity=None,
                eyes_closed=_closed(*parts),
            )
        )
    return found


def _subject(labels: Path) -> str:
    name = labels.name.removesuffix("_events.tsv")
    entity = re.match(r"sub-[^_]+", name)
    return entity[0] if entity else name


def _closed(*texts: str) -> bool:
    """``task-eyesclosed``, ``innopolis_closed``, "eyes closed: no blink seen"."""
    return any(re.search(r"eyes?[ _-]?closed|(?<![a-z])closed$", text.lower()) for text in texts)


def _signal_beside(labels: Path) -> Path | None:
    stem = labels.name.removesuffix("_events.tsv") + "_eeg"
    return next((path for s in SIGNAL_SUFFIXES if (path := labels.with_name(stem + s)).exists()), None)
