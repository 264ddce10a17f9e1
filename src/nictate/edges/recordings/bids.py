"""What BIDS says beside an EEG recording: ``_channels.tsv``, and tables in general."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nictate.edges.recordings.channels import Pick
from nictate.edges.recordings.complaints import listed, reason, shown
from nictate.signals import StreamError

KINDS = {
    **dict.fromkeys(("eog", "veog", "heog"), "eog"),
    **{name: name for name in ("eeg", "ecg", "emg", "gsr", "resp")},
    "temp": "temperature",
    "trig": "stim",
}
"""Our word by BIDS's type of channel in small letters; all others are ``misc``."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is told about the channels of a recording."""

    kinds: Mapping[str, str] = field(default_factory=dict)
    """By name."""
    bad: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    def without_bad(self, picks: list[Pick], notes: list[str]) -> list[Pick]:
        """The picks that are not bad, with a note; all, where none is good."""
        bad = [pick.name for pick in picks if pick.name in self.bad]
        if not bad:
            return picks
        if len(bad) == len(picks):
            notes.append("all EEG channels are told to be bad: taking them all the same")
            return picks
        notes.append(f"told to be bad, left out: {listed(bad)}")
        return [pick for pick in picks if pick.name not in self.bad]


NOTHING_TOLD = Told()


def channels_beside(path: Path) -> Told:
    """What the ``_channels.tsv`` beside a recording tells (columns name, type, perhaps status).

    A table that cannot be read is as good as none, with a note: the signal is what counts.
    """
    tsv = path.with_name(path.name.split(".")[0].removesuffix("_eeg") + "_channels.tsv")
    if not path.name.split(".")[0].endswith("_eeg") or not tsv.exists():
        return NOTHING_TOLD
    try:
        told = [row for _, row in table(tsv, ("name", "type")).rows]
    except StreamError as error:
        return Told(notes=(str(error),))
    return Told(
        kinds={row["name"]: KINDS.get(row["type"].casefold(), "misc") for row in told if row["type"] not in ABSENT},
        bad=frozenset(row["name"] for row in told if row.get("status", "").casefold() == "bad"),
    )


ABSENT = ("", "n/a")
"""How a table says that it does not say."""


@dataclass(frozen=True, slots=True)
class Table:
    """A tab-separated file."""

    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]
    """Line number, and text by column, of each row that is not empty."""


def table(tsv: Path, needed: Sequence[str]) -> Table:
    """A tab-separated file with a header that has the `needed` columns.

    Raises `StreamError` that names the file, the line and the reason.
    """
    found = []
    try:
        with tsv.open(encoding="utf-8-sig", newline="") as file:
            # strict: a quote that is opened and never closed would otherwise swallow the rest of the file.
            reader = csv.reader(file, dialect="excel-tab", strict=True)
            header = tuple(name.strip() for name in next(reader, []))
            if missing := [name for name in needed if name not in header]:
                raise StreamError(f"{shown(tsv.name)}, line 1: no column {', '.join(missing)}")
            for fields in reader:
                if not any(text.strip() for text in fields):
                    continue
                if len(fields) != len(header):
                    where = f"{shown(tsv.name)}, line {reader.line_num}"
                    raise StreamError(f"{where}: {len(fields)} fields under {len(header)} columns")
                found.append((reader.line_num, dict(zip(header, (text.strip() for text in fields), strict=True))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StreamError(f"{shown(tsv.name)}: cannot be read: {reason(error)}") from error
    return Table(header, tuple(found))
