"""Events as text for other programs: CSV, BIDS, JSON lines. The same from the command and from the web page.

The stream's name is hostile text. In a table it stands in one cell of one line, and no spreadsheet takes it for a
formula.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from nictate.signals import BlinkFeatures, Kind
from nictate.wire import Entry, entry_to_json, iso_of, time_of

Described = dict[str, dict[str, Any]]
"""The columns of a table by name, as a BIDS sidecar describes them."""

KINDS_TOLD: dict[Kind, str] = {
    "blink": "A blink that has ended",
    "blink/start": "A blink that has begun, as early as it could be told; a row of its own",
    "blink/double": "Two blinks in quick succession, as people make them on purpose; a row of its own",
    "blink/triple": "Three blinks in quick succession, as people make them on purpose; a row of its own",
    "blink/long": "Eyes kept shut on purpose; a row of its own",
}

_FEATURES = tuple(field.name for field in dataclasses.fields(BlinkFeatures))

CSV_COLUMNS = (
    *("id", "utc", "run", "stream", "kind", "onset", "peak", "end", "duration", "amplitude", "confidence"),
    *("decided", "completes", *_FEATURES),
)
"""Times in s on the stream's clock, amplitude in µV; the rest is `nictate.signals.BlinkFeatures`."""


def csv_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """A header and a line for each entry, all digits of every number, nothing where there is none."""
    yield ",".join(CSV_COLUMNS) + "\n"
    for entry in entries:
        event = entry.event
        texts = (str(entry.id), iso_of(entry.utc), _quoted(entry.run), _quoted(entry.stream), event.kind)
        times = (event.onset, event.peak, event.end, event.duration)
        numbers = (*times, event.amplitude, event.confidence, event.decided, event.completes, *_shape(entry))
        yield ",".join((*texts, *("" if value is None else repr(float(value)) for value in numbers))) + "\n"


def to_csv(entries: Iterable[Entry]) -> str:
    """`csv_lines` in one text."""
    return "".join(csv_lines(entries))


def json_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """One JSON object a line, as `nictate.wire.SCHEMA` describes it."""
    return (entry_to_json(entry) + "\n" for entry in entries)


def to_json_lines(entries: Iterable[Entry]) -> str:
    """`json_lines` in one text."""
    return "".join(json_lines(entries))


class Bids(NamedTuple):
    """The texts of two files."""

    events: str
    """``_events.tsv``"""
    sidecar: str
    """``_events.json``, which describes its columns."""


def to_bids(entries: Iterable[Entry], origin_utc: float, origin: str = "the start of the recording") -> Bids:
    """Events by their onsets in s from ``origin_utc`` (Unix time, s), which is ``origin``; ``n/a`` where nothing is.

    They may come from several runs, each with a clock of its own: their places are those in UTC.
    """
    rows = []
    for entry in entries:
        event = entry.event
        shift_s = entry.utc - time_of(event) - origin_utc
        onset = event.onset + shift_s
        moments = (None if time is None else time + shift_s for time in (event.peak, event.decided))
        peak, decided = (_number(moment, 4) for moment in moments)
        cells = (
            *(_number(onset, 4), _number(event.duration, 4), event.kind, peak),
            *(_number(event.amplitude, 2), _number(event.confidence, 4), decided),
            *(str(entry.id), iso_of(entry.utc), _cell(entry.run) or "n/a", _cell(entry.stream) or "n/a"),
            *(_number(value, 4) for value in _shape(entry)),
        )
        rows.append((onset, entry.id, "\t".join(cells)))
    lines = ["\t".join(BIDS_COLUMNS), *(line for _, _, line in sorted(rows))]
    zero = f"from {iso_of(origin_utc)}, {origin}"
    from_zero = {
        name: {**BIDS_COLUMNS[name], "Description": BIDS_COLUMNS[name]["Description"].replace(FROM_START, zero)}
        for name in ("onset", "peak", "decided")
    }
    return Bids("\n".join(lines) + "\n", json.dumps({**BIDS_COLUMNS, **from_zero}, indent=2) + "\n")


FROM_START = "from the first sample of the recording"

COLUMNS: Described = {
    "onset": {"Description": f"When the lid begins to close, {FROM_START}", "Units": "s"},
    "duration": {"Description": "From onset to the end of the deflection; n/a for blink/start", "Units": "s"},
    "trial_type": {
        "Description": "What was detected",
        "Levels": dict(KINDS_TOLD),
        # One tag for one blink: what else is told of it is no other event.
        "HED": {"blink": "Blink"},
    },
    "peak": {"Description": f"When the deflection is largest, {FROM_START}", "Units": "s"},
    "amplitude": {
        "Description": "Height of the deflection at its largest channel, signed as that channel is",
        "Units": "uV",
    },
    "confidence": {"Description": "Probability that this is a blink, 0 to 1, as the network gives it"},
    "decided": {
        "Description": f"Time of the newest sample that was used, {FROM_START}; minus peak, the latency in real time",
        "Units": "s",
    },
}
"""The columns of an events file and their description in its JSON sidecar, as BIDS wants it."""

BIDS_COLUMNS: Described = {
    **COLUMNS,
    "id": {"Description": "Number of the event in the journal"},
    "utc": {"Description": "Peak, or onset where there is none, in UTC (ISO 8601)"},
    "run": {"Description": "Names one stretch of listening to one stream"},
    "stream": {"Description": "Name of the stream, as its maker wrote it"},
    **{
        name: {
            "Description": "Of the blink's shape, as BLINKER defines it (Kleifges et al. 2017)",
            "Units": "cs" if name.endswith("ratio") else "s",
        }
        for name in _FEATURES
    },
}
"""Those of `to_bids`."""


def _shape(entry: Entry) -> tuple[float | None, ...]:
    features = entry.event.features
    return (None,) * len(_FEATURES) if features is None else dataclasses.astuple(features)


def _number(value: float | None, decimals: int) -> str:
    return "n/a" if value is None or not math.isfinite(value) else f"{value:.{decimals}f}"


def _cell(text: str) -> str:
    """A stranger's text for one cell: no line breaks, no tabs, and no formula (OWASP, CSV injection)."""
    text = "".join(c if c.isprintable() else "·" for c in text)
    # The wide forms are the same to some spreadsheets.
    return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")) else text


def _quoted(text: str) -> str:
    """Always in quotes: a spreadsheet that separates cells by semicolons finds none in it."""
    return '"' + _cell(text).replace('"', '""') + '"'
