"""Blink events as BIDS: ``_events.tsv`` with its JSON sidecar."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from nictate.edges.recordings.complaints import shown
from nictate.signals import BlinkEvent, BlinkFeatures, ConfigError
from nictate.tables import BIDS_COLUMNS, COLUMNS

LABEL_COLUMNS: dict[str, dict[str, Any]] = {
    **{name: COLUMNS[name] for name in ("onset", "duration")},
    "trial_type": {
        "Description": "What was marked",
        "Levels": {"blink": "A blink", "ignore": "Neither a blink nor none: doubtful, or spoilt"},
        "HED": {"blink": "Blink"},
    },
    "peak": COLUMNS["peak"],
    "note": {"Description": "'proposed' as long as nobody has looked at it"},
}
"""The same of a file of labels."""


def events_path(path: Path | str, out: Path | str | None = None) -> Path:
    """Where the events of a recording go, in the folder `out` or else beside it; looks at names only.

    ``x_eeg.fif`` -> ``x_events.tsv``, ``rec.edf`` -> ``rec_events.tsv``.
    """
    path = Path(path)
    name = path.name[:-3] if path.name.lower().endswith((".fif.gz", ".xdf.gz")) else path.name
    stem = Path(name).stem.removesuffix("_eeg")
    return (path.parent if out is None else Path(out)) / f"{stem}_events.tsv"


SHAPE_COLUMNS: dict[str, dict[str, Any]] = {
    field.name: BIDS_COLUMNS[field.name] for field in dataclasses.fields(BlinkFeatures)
}
"""Those of the shape of each blink."""


def write_events(
    path: Path | str,
    events: Iterable[BlinkEvent],
    *,
    starts: bool,
    patterns: bool = False,
    features: bool = False,
    overwrite: bool = False,
) -> Path:
    """Write blink events as BIDS: `path`, an ``_events.tsv``, and its JSON sidecar. Returns `path`.

    Times in s with 4 decimals, ``n/a`` where there is none; rows of ``blink/start`` only with `starts`, of double,
    triple and long blinks only with `patterns`, columns of the shape only with `features`; by onset. Each file is there
    as a whole or not at all, and the table never without its description.

    Raises `ConfigError` when one of the files exists (it may hold somebody's labels) and `overwrite` is False, or when
    they cannot be written.
    """

    def wanted(event: BlinkEvent) -> bool:
        return event.kind == "blink" or (starts if event.kind == "blink/start" else patterns)

    rows = sorted(filter(wanted, events), key=lambda e: (e.onset, e.decided))
    columns = {**COLUMNS, **SHAPE_COLUMNS} if features else COLUMNS
    lines = ["\t".join(columns), *("\t".join(_cells(event, columns)) for event in rows)]
    return write_table(path, lines, columns, overwrite)


def write_table(path: Path | str, lines: Sequence[str], described: dict[str, dict[str, Any]], overwrite: bool) -> Path:
    """Write the lines of an ``_events.tsv`` and its JSON sidecar, as `write_events` does. Returns `path`."""
    path = Path(path)
    sidecar = path.with_suffix(".json")
    if not overwrite:
        for file in (path, sidecar):
            if file.exists():
                raise ConfigError(f"{shown(str(file), 200)} exists already; choose another folder, or overwrite it")
    try:
        _replace(sidecar, json.dumps(described, indent=2) + "\n")
        _replace(path, "\n".join(lines) + "\n")
    except OSError as error:
        raise ConfigError(f"{shown(str(path), 200)}: cannot be written: {error.strerror or error}") from error
    return path


def _cells(event: BlinkEvent, columns: Iterable[str]) -> tuple[str, ...]:
    shape = {} if event.features is None else dataclasses.asdict(event.features)
    cells = {
        "onset": _cell(event.onset, 4),
        "duration": _cell(event.duration, 4),
        "trial_type": event.kind,
        "peak": _cell(event.peak, 4),
        "amplitude": _cell(event.amplitude, 2),
        "confidence": _cell(event.confidence, 4),
        "decided": _cell(event.decided, 4),
        **{name: _cell(shape.get(name), 4) for name in SHAPE_COLUMNS},
    }
    return tuple(cells[name] for name in columns)


def _cell(value: float | None, decimals: int) -> str:
    return "n/a" if value is None or not math.isfinite(value) else f"{value:.{decimals}f}"


def _replace(path: Path, text: str) -> None:
    """Write a file so that nobody, not even after a crash, sees half of it."""
    half = path.with_name(f".{path.name[:40]}.{os.getpid()}.part")  # Names are 255 bytes at most.
    try:
        with half.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
