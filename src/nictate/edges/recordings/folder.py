"""A folder of labelled recordings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nictate.edges.recordings import blink_sets
from nictate.edges.recordings.bids import table
from nictate.edges.recordings.complaints import FOLDER_SUFFIXES, listed, shown
from nictate.edges.recordings.events import events_path
from nictate.edges.recordings.formats import MNE_SUFFIXES, SIGNAL_SUFFIXES, is_text, text_form
from nictate.edges.recordings.labels import PROPOSED, annotated, read_labels, read_table
from nictate.edges.recordings.marked import Label
from nictate.signals import ConfigError, StreamError

SEALED = "sealed"
"""A folder of this name is never looked into."""

Say = Callable[[str], None]


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


def index(folder: Path | str, say: Say = lambda _: None) -> tuple[LabelledRecording, ...]:
    """The labelled recordings of a folder, sorted by path; ``say`` hears a line about what is left out or doubtful.

    With a ``recordings.tsv`` (columns set, recording, and perhaps subject, licence, blink_polarity, remark) those that
    it lists: ``<set>/<recording>_eeg.*`` with ``<set>/<recording>_events.tsv``. Else, at any depth:

    - recordings with an ``_events.tsv`` beside them that says where blinks are (events of a task alone do not),
    - ``S00_data.csv`` with ``S00_labels.csv`` (the BLINK sets),
    - recordings without either that are annotated within: ``blink``, ``BAD_blink`` ...

    The subject is the ``sub-`` part of the name or else the name. What is none of these is ignored, as is a folder
    ``sealed``, and what was derived from a recording (``_desc-``).

    Raises `ConfigError` when the folder holds none, or lacks a recording that it lists; `StreamError` when a table in
    it cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ConfigError(f"{shown(str(folder), 200)}: no such folder")
    listing = folder / "recordings.tsv"
    found = _indexed(folder, listing) if listing.exists() else _gathered(folder, say)
    if not found:
        raise ConfigError(f"{shown(str(folder), 200)}: no recording with blink labels, as *_events.tsv beside it")
    return tuple(sorted(found, key=lambda recording: recording.path.relative_to(folder).parts))


def signals_in(path: Path) -> tuple[Path, ...]:
    """Whatever looks like a recording in a folder, at any depth, sorted, one file of each; a file is itself."""
    if not path.is_dir() or path.suffix.lower() in FOLDER_SUFFIXES:
        return (path,)
    first: dict[Path, Path] = {}
    for suffix in SIGNAL_SUFFIXES:
        for file in _below(path, suffix):
            if not is_text(file) or text_form(file) is not None:
                first.setdefault(events_path(file), file)
    return tuple(sorted(first.values()))


def _indexed(folder: Path, listing: Path) -> list[LabelledRecording]:
    found, missing = [], []
    for line, row in table(listing, ("set", "recording")).rows:
        parts = (row["set"], row["recording"])
        if any(part in ("", ".", "..") or "/" in part or "\\" in part for part in parts):
            raise StreamError(f"{listing.name}, line {line}: set and recording must be plain names")
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
            f"{shown(str(folder), 200)}: {len(missing)} recordings of {listing.name} are not there "
            f"with their labels: {listed(missing)}"
        )
    return found


def _gathered(folder: Path, say: Say) -> list[LabelledRecording]:
    found = []
    tabled = set()
    for tsv in _below(folder, "_events.tsv"):
        signal = _signal_beside(tsv)
        if signal is None:
            continue
        tabled.add(tsv)
        labels = _from_table(tsv, say)
        if labels is not None:
            found.append(_found(folder, tsv, signal, labels))
    for theirs in _below(folder, blink_sets.LABELS):
        data = theirs.with_name(theirs.name.removesuffix(blink_sets.LABELS) + blink_sets.DATA)
        if data.exists() and events_path(data) not in tabled:
            tabled.add(events_path(data))
            # One prefix, so that a person of two of these sets is one person.
            of = f"BLINK_{_set(folder, data)}"
            labels = blink_sets.read_labels(theirs, data)
            found.append(LabelledRecording(data, labels, of, blink_sets.person(data), "", -1, eyes_closed=False))
    for signal in (path for suffix in MNE_SUFFIXES for path in _below(folder, suffix)):
        tsv = events_path(signal)
        if tsv in tabled:
            continue
        tabled.add(tsv)
        try:
            labels = annotated(signal)
        except StreamError as error:
            say(f"left out: {error}")
            continue
        if any(label.kind == "blink" for label in labels):
            found.append(_found(folder, tsv, signal, labels))
    return found


def _found(folder: Path, tsv: Path, signal: Path, labels: tuple[Label, ...]) -> LabelledRecording:
    """A recording of which no table tells more than its name; ``tsv`` is where its events are or would be."""
    closed = _closed(*tsv.relative_to(folder).parts)
    return LabelledRecording(signal, labels, _set(folder, tsv), _subject(tsv), "", None, eyes_closed=closed)


def _from_table(tsv: Path, say: Say) -> tuple[Label, ...] | None:
    """None when the table says nothing of blinks."""
    read = read_table(tsv)
    name = shown(tsv.name)
    if not read.about_blinks:
        say(f"{name}: says nothing of blinks, left out")
        return None
    if read.by_detector:
        say(f"{name}: labels that a detector has written, not a person")
    if proposed := sum(label.note == PROPOSED for label in read.labels):
        say(f"{name}: {proposed} of {len(read.labels)} labels are proposals that nobody has looked at")
    return read.labels


def _below(folder: Path, suffix: str) -> Iterator[Path]:
    """The files with such a name, whatever the case, that are neither sealed nor derived."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part == SEALED or part.startswith(".") for part in path.relative_to(folder).parts)
        if path.name.lower().endswith(suffix) and "_desc-" not in path.name and not hidden and path.is_file():
            yield path


def _set(folder: Path, file: Path) -> str:
    parts = file.relative_to(folder).parts
    return folder.name if len(parts) == 1 or parts[0].startswith("sub-") else parts[0]


def _subject(labels: Path) -> str:
    name = labels.name.removesuffix("_events.tsv")
    entity = re.match(r"sub-[^_]+", name)
    return entity[0] if entity else name


def _closed(*texts: str) -> bool:
    """``task-eyesclosed``, ``innopolis_closed``, "eyes closed: no blink seen"."""
    return any(re.search(r"eyes?[ _-]?closed|(?<![a-z])closed$", text.lower()) for text in texts)


def _signal_beside(labels: Path) -> Path | None:
    stem = labels.name.removesuffix("_events.tsv")
    places = (labels.with_name(stem + own + suffix) for own in ("_eeg", "") for suffix in SIGNAL_SUFFIXES)
    return next((path for path in places if path.exists()), None)
