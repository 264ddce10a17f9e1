"""All formats that MNE reads. The one home of mne."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Any

import mne
import numpy as np
import numpy.typing as npt

from nictate.edges.recordings import edf
from nictate.edges.recordings.bids import NOTHING_TOLD, Told
from nictate.edges.recordings.channels import chosen, montage_of
from nictate.edges.recordings.complaints import overheard, reason, shown
from nictate.edges.recordings.recording import Recording, Span, piece_samples
from nictate.signals import Block, FloatArray, StreamError

BOUNDARY_HOLE_S = 0.5
"""Left out after a place where a recording was cut and joined. The length of what is missing there is unknown, so the
times cannot jump by it; a stretch without samples is the one sign that every reader of blocks understands."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What somebody has marked in the recording itself. Times in s from the first sample."""

    text: str
    onset: float
    duration: float


def read(path: Path, channels: Sequence[str] | None, told: Told = NOTHING_TOLD) -> Recording:
    """`nictate.edges.recordings.read` for what MNE reads; whatever MNE raises passes.

    ``told`` is what stands beside the file about its channels.
    """
    notes = list(told.notes)
    raw = _opened(path, notes)
    names = [str(name) for name in raw.ch_names]
    types = [told.kinds.get(name, str(kind)) for name, kind in zip(names, raw.get_channel_types(), strict=True)]
    picks = chosen(names, types, channels, notes)
    if channels is None:
        picks = told.without_bad(picks, notes)

    header = edf.header(path)
    if header is not None and len(header.signals) != len(names):
        header = None  # MNE has made its own mind up about the channels; its word counts.
    opened = list(range(len(names)))
    scale = np.full(len(picks), 1e6)
    if header is not None:
        picks = edf.of_one_rate(header, picks, explicit=channels is not None, notes=notes)
        scale = edf.scale(header, picks, notes)
        # MNE gives a file the rate of its fastest channel and stretches the others to it, each piece for itself.
        opened = edf.without_faster(header, picks)
        if len(opened) < len(names):
            raw = _opened(path, notes, include=sorted({header.signals[i].label for i in opened}))

    montage = montage_of(picks, float(raw.info["sfreq"]))
    rate_hz = montage.rate_hz
    if header is not None and header.interrupted:
        spans = edf.spans(path, header, int(raw.n_times), rate_hz, notes)
    else:
        spans = _spans(raw, rate_hz, notes)
    if not spans:
        raise StreamError("no samples")
    start = raw.info["meas_date"]
    columns = np.array([opened.index(pick.index) for pick in picks])
    return Recording(
        path=path,
        montage=montage,
        n_samples=sum(s.stop - s.start for s in spans),
        duration_s=spans[-1].origin_s + spans[-1].stop / rate_hz,
        start_utc=None if start is None else start.astimezone(UTC),
        warnings=tuple(notes),
        pieces=partial(_pieces, path, raw, columns, scale, tuple(spans), rate_hz),
    )


def marks(path: Path) -> tuple[Mark, ...]:
    """The annotations of a file, in its order; whatever MNE raises passes."""
    return _marks(_opened(path, []))


def info(path: Path, names: Sequence[str], rate_hz: float) -> Any:
    """MNE's description of these channels of a file, in this order; whatever MNE raises passes."""
    raw = _opened(path, [])
    with mne.use_log_level("ERROR"):
        raw.del_proj("all")  # They name channels that may not be there any more.
        found = mne.pick_info(raw.info, [raw.ch_names.index(name) for name in names])
        found["bads"] = [name for name in found["bads"] if name in names]
        if found["sfreq"] != rate_hz:  # An EDF file with channels of several rates.
            found = mne.create_info(list(names), rate_hz, found.get_channel_types())
    return found


def _marks(raw: Any) -> tuple[Mark, ...]:
    told = zip(raw.annotations.description, raw.annotations.onset, raw.annotations.duration, strict=True)
    return tuple(Mark(str(text), float(at - raw.first_time), float(duration)) for text, at, duration in told)


def _opened(path: Path, notes: list[str], include: Sequence[str] | None = None) -> Any:
    """MNE's raw object of a file, its samples still on disk; of EDF, BDF and GDF only the signals to `include`."""
    with overheard(notes), mne.use_log_level("WARNING"):
        name = path.name.lower()
        if include is not None:
            reader = {".edf": mne.io.read_raw_edf, ".bdf": mne.io.read_raw_bdf, ".gdf": mne.io.read_raw_gdf}
            return reader[path.suffix.lower()](path, include=list(include), preload=False, verbose="warning")
        if name.endswith((".fif", ".fif.gz")):
            # Seeking in a gzipped file starts from its beginning each time: hours for what takes seconds at once. A
            # part of a split recording that is missing is worth a warning, and the parts before it worth reading.
            whole = name.endswith(".gz")
            return mne.io.read_raw_fif(path, preload=whole, on_split_missing="warn", verbose="warning")
        return mne.io.read_raw(path, preload=False, verbose="warning")


def _spans(raw: Any, rate_hz: float, notes: list[str]) -> list[Span]:
    """What lies between the interruptions that the annotations tell of."""
    n_times = int(raw.n_times)
    cuts: list[tuple[int, int]] = []
    joints: set[int] = set()
    for mark in _marks(raw):
        name = mark.text.strip().casefold()
        # A thousandth of a sample is rounding; EEGLAB's boundaries lie half a sample early.
        start = math.ceil(mark.onset * rate_hz - 1e-3)
        if name.startswith("bad_acq_skip"):
            cuts.append((start, math.ceil((mark.onset + mark.duration) * rate_hz - 1e-3)))
        elif re.fullmatch(r"((edge|bad) )?boundary|new segment.*", name) and 0 < start < n_times:
            joints.add(start)
    # The duration of an EEGLAB boundary is that of what was cut out there, not of samples after it.
    cuts.extend((joint, joint + math.ceil(BOUNDARY_HOLE_S * rate_hz)) for joint in joints)
    if joints:
        notes.append(f"cut and joined in {len(joints)} places: {BOUNDARY_HOLE_S:g} s after each left out")
    spans, at = [], 0
    for start, stop in [*sorted(cuts), (n_times, n_times)]:
        if at < min(start, n_times):
            spans.append(Span(at, min(start, n_times), 0.0))
        at = max(at, stop)
    return spans


def _pieces(
    path: Path, raw: Any, columns: npt.NDArray[np.intp], scale: FloatArray, spans: Sequence[Span], rate_hz: float
) -> Iterator[Block]:
    step = piece_samples(len(raw.ch_names))
    for span in spans:
        for at in range(span.start, span.stop, step):
            stop = min(at + step, span.stop)
            try:
                samples = _volts(raw, columns, at, stop)
            except Exception as error:  # As in `door`: parsers raise anything.
                good = _readable(raw, columns, at, stop)
                if len(good):
                    yield _piece(good, scale, span, at, rate_hz)
                end_s = (at + len(good)) / rate_hz
                message = f"{shown(path.name)}: cannot be read beyond {end_s:.3f} s: {reason(error)}"
                raise StreamError(message) from error
            yield _piece(samples, scale, span, at, rate_hz)


def _piece(volts: FloatArray, scale: FloatArray, span: Span, at: int, rate_hz: float) -> Block:
    times = span.origin_s + np.arange(at, at + len(volts)) / rate_hz
    return Block(np.multiply(volts, scale, order="C"), times)


def _volts(raw: Any, columns: npt.NDArray[np.intp], start: int, stop: int) -> FloatArray:
    """(stop - start, columns) as MNE has it: V, or plain numbers where it does not know the unit."""
    # The reader has complained when the file was opened; `Recording` is frozen since.
    with overheard([]), mne.use_log_level("WARNING"):
        volts: FloatArray = np.asarray(raw[columns, start:stop][0], dtype=np.float64).T
    return volts


def _readable(raw: Any, columns: npt.NDArray[np.intp], start: int, stop: int) -> FloatArray:
    """What can still be read of a stretch that cannot be read as a whole, found by halving."""
    good = [np.empty((0, len(columns)))]
    while stop > start:
        middle = (start + stop + 1) // 2
        try:
            good.append(_volts(raw, columns, start, middle))
            start = middle
        except Exception:  # noqa: BLE001  # as in `door`: parsers raise anything
            stop = middle - 1
    return np.concatenate(good)
