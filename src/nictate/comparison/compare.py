"""Each method in turn, on the same recording, under the same ruler."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import mne
import numpy as np

from nictate.comparison.material import Material, Said
from nictate.comparison.measures import BAND_HZ, WINDOW_S, Measured, Ruler, ruler
from nictate.comparison.methods import Cleaned, Method, OfflineRegression, Reconstruction, RecursiveRegression
from nictate.comparison.offline import OfflineIca
from nictate.comparison.ours import OnlineIca
from nictate.edges.recordings.complaints import overheard, reason
from nictate.signals import ConfigError, FloatArray

LEARNING_S = 30.0
"""Not measured: until then what learns on the stream learns. A third of a recording that is short."""

INPUT = "input"


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one method."""

    method: str
    online: bool
    """Whether it could run on a stream."""
    ms_per_s: float | None
    """Processor time in ms per second of signal, learning and cleaning, all threads together."""
    measured: Measured | None
    """None when it failed."""
    notes: tuple[str, ...] = ()
    """What it said of itself, and what its libraries complained of."""
    error: str = ""
    """Why it failed; empty when it did not."""
    maps: FloatArray | None = field(default=None, repr=False, compare=False)
    """(channels, k) of what was removed; None where it is no such thing."""
    average: FloatArray | None = field(default=None, repr=False, compare=False)
    """(window, frontal channels) blink-locked average of the output in µV; None without blinks or output."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One recording, cleaned in several ways. Of `rows` the first is the input itself."""

    recording: str
    channels: tuple[str, ...]
    frontal: tuple[str, ...]
    eog: tuple[str, ...]
    rate_hz: float
    seconds: float
    blinks: int
    """Those measured."""
    blinks_by: str
    """``labels`` or ``detector``."""
    measured_from_s: float
    blink_free_s: float
    floor_uv: float | None
    """Blink-locked peak-to-peak that averaging as many blink-free stretches of the input leaves."""
    rows: tuple[Row, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON: everything but the curves and maps; what could not be measured is None."""
        told = asdict(self)
        told["rows"] = [{k: v for k, v in row.items() if k not in ("maps", "average")} for row in told["rows"]]
        return told | {"band_hz": BAND_HZ, "window_s": WINDOW_S}


HEADINGS = (
    "method",
    "on a stream",
    "blinks, dB",
    "of floor",
    "changed, frontal",
    "others",
    "r, frontal",
    "others",
    "alpha, frontal, dB",
    "others",
    "ms per s",
)
"""Of the table that `cells` gives a line of."""


def cells(row: Row) -> tuple[str, ...]:
    """One line of the table, under `HEADINGS`; a dash where nothing could be measured."""

    def cell(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    done = row.measured
    parts = (None, None) if done is None else (done.frontal, done.others)
    return (
        row.method,
        "yes" if row.online else "no",
        cell(None if done is None else done.reduction_db, ".1f"),
        cell(None if done is None else done.over_floor, ".2f"),
        *(cell(None if part is None else part.relative_rmse, ".2f") for part in parts),
        *(cell(None if part is None else part.correlation, ".3f") for part in parts),
        *(cell(None if part is None else part.power_db.get("alpha"), ".2f") for part in parts),
        cell(row.ms_per_s, ".1f"),
    )


def usual_methods(model: Path | None = None) -> tuple[Method, ...]:
    """Ours and those of others; ``model`` is the card that ours takes its frames and rules of quality from."""
    return (
        OnlineIca("cold", model),
        OnlineIca("warm", model),
        OnlineIca("gated", model),
        OfflineIca("picard"),
        OfflineIca("infomax"),
        OfflineIca("fastica"),
        Reconstruction(),
        OfflineRegression(),
        RecursiveRegression(),
    )


def compare(
    material: Material,
    methods: Sequence[Method],
    said: Said = lambda _: None,
    done: Said = lambda _: None,
    from_s: float | None = None,
) -> Comparison:
    """Run and measure the methods; ``done`` hears of each as it ends. One that fails is a row with the reason.

    Everything is measured from ``from_s`` on (`LEARNING_S`). Raises `ConfigError` when that leaves less than 5 s.
    """
    signals = material.signals
    if from_s is None:
        from_s = min(LEARNING_S, signals.duration_s / 3.0)
    if signals.duration_s - from_s < 5.0:
        raise ConfigError(f"{signals.duration_s:.1f} s of signal leave too little to measure from {from_s:g} s on")
    if from_s < LEARNING_S:
        said(f"what learns on the stream wants {LEARNING_S:g} s: here it is measured while it still learns")
    rule = ruler(material, from_s)
    said(f"measured from {from_s:.1f} s on: {len(rule.blinks)} blinks, {_free_s(rule):.0f} s without")
    if not len(rule.blinks):
        said("no blink to measure on: only the distortion is told")
    elif rule.floor_uv is None:
        said("too little without a blink: there is no floor to compare with")
    nothing, average = rule.measure(signals.samples)
    rows = [Row(INPUT, True, None, nothing, average=_seen(average))]
    for method in methods:
        said(f"{method.name} ...")
        row = _row(method, material, rule)
        rows.append(row)
        if row.error:
            said(f"{row.method}: {row.error}")
        done(row.method)
    names = signals.montage.names
    return Comparison(
        recording=material.name,
        channels=names,
        frontal=tuple(names[k] for k in signals.frontal),
        eog=signals.eog_names,
        rate_hz=signals.montage.rate_hz,
        seconds=signals.duration_s,
        blinks=len(rule.blinks),
        blinks_by=material.told_by,
        measured_from_s=from_s,
        blink_free_s=_free_s(rule),
        floor_uv=rule.floor_uv,
        rows=tuple(rows),
    )


def _row(method: Method, material: Material, rule: Ruler) -> Row:
    signals = material.signals
    heard: list[str] = []
    try:
        with _quiet(heard):
            for module in method.needs:
                import_module(module)
            begun = time.process_time()
            cleaned = method.run(signals)
            ms_per_s = 1e3 * (time.process_time() - begun) / signals.duration_s
            _check(cleaned, signals.samples.shape)
            measured, average = rule.measure(cleaned.samples)
    except ModuleNotFoundError as error:
        missing = f"{error.name} is missing: install nictate[compare]"
        return Row(method.name, method.online, None, None, tuple(heard), missing)
    # What other people's numerical libraries raise cannot be listed, and the other methods are still worth telling.
    except Exception as error:  # noqa: BLE001
        return Row(method.name, method.online, None, None, tuple(heard), reason(error))
    notes = (*cleaned.notes, *heard)
    return Row(method.name, method.online, ms_per_s, measured, notes, "", cleaned.maps, _seen(average))


def _check(cleaned: Cleaned, shape: tuple[int, ...]) -> None:
    if cleaned.samples.shape != shape:
        raise ValueError(f"made {cleaned.samples.shape} of {shape} samples and channels")
    if not np.isfinite(cleaned.samples).all():
        raise ValueError("made values that are not numbers")


def _seen(average: FloatArray) -> FloatArray | None:
    return average if np.isfinite(average).all() else None


def _free_s(rule: Ruler) -> float:
    return math.floor(10.0 * float(rule.free.sum()) / rule.rate_hz) / 10.0


@contextmanager
def _quiet(heard: list[str]) -> Iterator[None]:
    """Libraries say nothing on the terminal; what they warn of goes to ``heard``."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.CRITICAL)
    try:
        with overheard(heard), mne.use_log_level("ERROR"):
            yield
    finally:
        root.setLevel(level)
