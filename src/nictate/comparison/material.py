"""What the methods are compared on: one recording without holes, and where its blinks are."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import mne
import numpy as np
from scipy import signal

from nictate import service
from nictate.edges import recordings
from nictate.edges.recordings.channels import KIND_BY_LABEL
from nictate.edges.recordings.complaints import listed, overheard
from nictate.edges.recordings.formats import XDF_SUFFIXES
from nictate.signals import Block, ConfigError, FloatArray, Montage

Said = Callable[[str], None]
"""Is told, line by line, what is being done and what should be known."""

SHORTEST_S = 15.0
"""A recording of less has too little to learn from, and nothing to measure on afterwards."""

AROUND_BLINK_S = (0.8, 1.0)
"""Not blink-free: so long before its onset and after its end. What the band-pass smears beyond is 2 % of the EEG."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What a method is given. It is not told where the blinks are."""

    montage: Montage
    """The EEG channels."""
    samples: FloatArray
    """(n, channels) in µV, finite, none of the channels flat."""
    frontal: tuple[int, ...]
    """Channels that show blinks best; at least one."""
    eog_names: tuple[str, ...]
    eog: FloatArray
    """(n, eog channels) in µV."""

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.montage.rate_hz

    @property
    def reference(self) -> tuple[str, FloatArray]:
        """What shows the eyes, (n, k) in µV, and what it is called: the EOG channels, or the mean of the frontal."""
        if self.eog_names:
            return listed(self.eog_names), self.eog
        frontal = [self.montage.names[k] for k in self.frontal]
        name = f"the mean of {listed(frontal, 4)}" if len(frontal) > 1 else listed(frontal)
        return name, self.samples[:, list(self.frontal)].mean(axis=1, keepdims=True)


@dataclass(frozen=True, slots=True)
class Material:
    """A recording with its blinks. Times in s from the first of `signals`."""

    name: str
    signals: Signals
    peaks: FloatArray
    """(blinks,) when each deflection is largest."""
    busy: FloatArray
    """(spans, 2) that are not blink-free: around blinks, and what the labels say to ignore."""
    told_by: Literal["labels", "detector"]
    """Who says where the blinks are."""


def gather(
    path: Path,
    channels: Sequence[str] | None = None,
    eog: Sequence[str] | None = None,
    seconds: float | None = None,
    model: Path | None = None,
    said: Said = lambda _: None,
) -> Material:
    """Read a recording: the EEG ``channels`` (all), the ``eog`` channels (all), the first ``seconds`` (all).

    Blinks are those of the labels beside the file, else those that nictate's detector finds with ``model`` (the shipped
    one). Of a recording with holes the longest stretch without is taken; channels that are flat are left out, values
    that are not numbers are bridged; all of this is said.

    Raises `ConfigError` and `StreamError` as `nictate.edges.recordings.read` does, and `ConfigError` for a recording
    with less than two usable channels or `SHORTEST_S`.
    """
    eog_names = tuple(_eog_in(path) if eog is None else eog)
    eeg_names = recordings.read(path, channels=channels).montage.names
    eog_names = tuple(name for name in eog_names if name not in eeg_names)
    recording = recordings.read(path, channels=(*eeg_names, *eog_names))
    for line in recording.warnings:
        said(line)
    said(f"reading {recording.duration_s:.0f} s of {len(eeg_names)} EEG and {len(eog_names)} EOG channels")
    blocks = list(recording.blocks())
    times = np.concatenate([block.times for block in blocks])
    samples = np.concatenate([block.samples for block in blocks])
    if seconds is not None:
        keep = times < times[0] + seconds
        times, samples = times[keep], samples[keep]

    rate_hz = recording.montage.rate_hz
    first, stop = _longest(times, 1.5 / rate_hz)
    if stop - first < len(times):
        said(f"holes: the longest stretch without is taken, {times[first]:.1f} to {times[stop - 1]:.1f} s")
    start_s, samples = float(times[first]), samples[first:stop]
    if len(samples) < SHORTEST_S * rate_hz:
        raise ConfigError(f"{path.name}: {len(samples) / rate_hz:.1f} s without a hole: {SHORTEST_S:g} s are needed")
    samples = _finite(samples, recording.montage.names, said)
    alive = np.ptp(samples, axis=0) > 0.0
    if not alive.all():
        said(f"flat, left out: {listed(n for n, good in zip(recording.montage.names, alive, strict=True) if not good)}")
    eeg = [k for k in range(len(eeg_names)) if alive[k]]
    others = [k for k in range(len(eeg_names), len(alive)) if alive[k]]
    if len(eeg) < 2:
        raise ConfigError(f"{path.name}: {len(eeg)} usable EEG channels: at least 2 are needed")

    montage = Montage(tuple(eeg_names[k] for k in eeg), rate_hz, reference=recording.montage.reference)
    found = _blinks(path, montage, samples[:, eeg], start_s, model, said)
    # Against a reference at a frontal pole the frontal channels show little, and others are known to show blinks.
    known = montage.frontal if montage.frontal == montage.blink_channels else ()
    frontal = known or _showing(samples[:, eeg], found.peaks, rate_hz)
    if not frontal:
        raise ConfigError(f"{path.name}: no channel is known as frontal, and no blink shows which are")
    if not known:
        why = "no channel is known as frontal" if not montage.frontal else "the reference is at a frontal pole"
        said(f"{why}: blinks are largest at {listed(montage.names[k] for k in frontal)}")
    return Material(
        name=path.name,
        signals=Signals(
            montage=montage,
            samples=np.ascontiguousarray(samples[:, eeg]),
            frontal=frontal,
            eog_names=tuple(recording.montage.names[k] for k in others),
            eog=np.ascontiguousarray(samples[:, others]),
        ),
        peaks=found.peaks,
        busy=found.busy,
        told_by=found.told_by,
    )


def band_passed(samples: FloatArray, rate_hz: float, low_hz: float = 1.0, high_hz: float = 40.0) -> FloatArray:
    """(n, channels) through a Butterworth band-pass of second order, forward and backward, so without delay.

    No steeper: of order 4 it rings for more than a second before a blink, and what is called blink-free would not be.
    """
    sos = signal.butter(2, [low_hz, min(high_hz, 0.45 * rate_hz)], "bandpass", fs=rate_hz, output="sos")
    y: FloatArray = signal.sosfiltfilt(sos, samples, axis=0, padlen=min(len(samples) - 1, round(3.0 * rate_hz)))
    return y


def _eog_in(path: Path) -> list[str]:
    """Channels of a file that are EOG by their type or, where all pass as EEG, by their label; none of XDF."""
    if path.name.lower().endswith(XDF_SUFFIXES) or not path.exists():
        return []
    try:
        with overheard([]), mne.use_log_level("WARNING"):
            raw = mne.io.read_raw(path, preload=False, verbose="warning")
    except Exception:  # noqa: BLE001  # Parsers raise anything; `recordings.read` has the words for it.
        return []
    told = zip(raw.ch_names, raw.get_channel_types(), strict=True)
    return [name for name, kind in told if kind == "eog" or (kind == "eeg" and _says_eog(name))]


def _says_eog(label: str) -> bool:
    letters = re.match(r"[^\W\d_]*", label.strip().upper())
    return letters is not None and KIND_BY_LABEL.get(letters[0]) == "eog"


def _longest(times: FloatArray, hole_s: float) -> tuple[int, int]:
    edges = np.concatenate(([0], np.flatnonzero(np.abs(np.diff(times)) > hole_s) + 1, [len(times)]))
    k = int(np.diff(edges).argmax())
    return int(edges[k]), int(edges[k + 1])


def _finite(samples: FloatArray, names: Sequence[str], said: Said) -> FloatArray:
    """Values that are not numbers bridged by straight lines; a channel without any is flat."""
    bad = ~np.isfinite(samples)
    if not bad.any():
        return samples
    holed = np.flatnonzero(bad.any(axis=0)).tolist()
    said(f"not numbers, bridged: {bad.sum()} values of {listed(names[k] for k in holed)}")
    samples = samples.copy()
    at = np.arange(len(samples))
    for k in holed:
        good = ~bad[:, k]
        samples[:, k] = np.interp(at, at[good], samples[good, k]) if good.any() else 0.0
    return samples


@dataclass(frozen=True, slots=True)
class _Found:
    peaks: FloatArray
    busy: FloatArray
    told_by: Literal["labels", "detector"]


def _blinks(
    path: Path, montage: Montage, samples: FloatArray, start_s: float, model: Path | None, said: Said
) -> _Found:
    labels = recordings.labels_beside(path)
    told_by: Literal["labels", "detector"] = "labels" if any(label.kind == "blink" for label in labels) else "detector"
    if told_by == "labels":
        spans = [(x.onset, x.peak, x.end) for x in labels if x.kind == "blink"]
    else:
        said("no labels beside the file: the blinks are those that nictate finds")
        times = start_s + np.arange(len(samples)) / montage.rate_hz
        events = service.find_blinks(service.open_detector(montage, model=model), [Block(samples, times)])
        spans = [(e.onset, e.peak, e.end or e.onset) for e in events if e.kind == "blink"]
    ignored = [(x.onset - start_s, x.end - start_s) for x in labels if x.kind == "ignore"]
    end_s = len(samples) / montage.rate_hz
    inside = [
        (a - start_s, None if p is None else p - start_s, b - start_s)
        for a, p, b in spans
        if start_s < a and b < start_s + end_s
    ]
    before, after = AROUND_BLINK_S
    busy = [(a - before, max(a + 0.3, b) + after) for a, _, b in inside]
    peaks = _peaks(inside, montage, samples)
    who = "labels tell of" if told_by == "labels" else "the detector finds"
    said(f"{who} {len(peaks)} blinks")
    return _Found(peaks, np.array(busy + ignored, dtype=np.float64).reshape(-1, 2), told_by)


def _peaks(spans: Sequence[tuple[float, float | None, float]], montage: Montage, samples: FloatArray) -> FloatArray:
    """Where no peak is told, it is the largest deflection of the channels that show blinks (or any) in the span."""
    if all(peak is not None for _, peak, _ in spans):
        return np.array([peak for _, peak, _ in spans], dtype=np.float64)
    seen = list(montage.blink_channels or range(samples.shape[1]))
    height = np.abs(band_passed(samples[:, seen], montage.rate_hz, 1.0, 15.0)).max(axis=1)
    peaks = []
    for onset, peak, end in spans:
        first = round(onset * montage.rate_hz)
        last = round(max(end, onset + 0.4) * montage.rate_hz)
        peaks.append((first + int(height[first:last].argmax())) / montage.rate_hz if peak is None else peak)
    return np.array(peaks)


def _showing(samples: FloatArray, peaks: FloatArray, rate_hz: float) -> tuple[int, ...]:
    """Channels at which the average blink is at least half as high as where it is highest, at most four."""
    at = np.rint(peaks * rate_hz).astype(np.int64)
    at = at[(at >= 0) & (at < len(samples))]
    if not len(at):
        return ()
    height = np.abs(band_passed(samples, rate_hz, 1.0, 15.0)[at].mean(axis=0))
    order = [int(k) for k in np.argsort(-height)[:4]]
    return tuple(k for k in order if height[k] >= 0.5 * height.max())
