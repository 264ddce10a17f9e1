"""Labels in MNE's browser, and as MNE's annotations."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mne
import numpy as np

from nictate.edges.recordings.cleaned import placed
from nictate.edges.recordings.complaints import overheard, shown
from nictate.edges.recordings.marked import Label, means_bad, means_blink
from nictate.edges.recordings.recording import Recording
from nictate.signals import Block, ConfigError, FloatArray

WITHOUT_A_SCREEN = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")
"""Backends of matplotlib that show nothing."""

SHOWN_HZ = (0.5, 20.0)
"""What is shown, zero-phase: slow drifts would push each other off the screen, and blinks are slower than 20 Hz."""

HEIGHT_UV = 100.0
"""Half of the distance from one trace to the next."""

ANNOTATIONS = (".txt", ".fif")
"""The forms in which MNE keeps annotations in a file of their own; its third, CSV, counts from the first of them."""


def browse(recording: Recording, labels: Sequence[Label], *, block: bool = True) -> tuple[Label, ...]:
    """Show a recording with its labels, and wait until the window is closed; the labels as they are then, by onset.

    The frontal channels stand on top. What is annotated as ``blink`` (or any word for it) is a blink; all else is to
    be ignored. A label that was not touched stays as it was, with its note gone: somebody has looked at it; one that
    was moved keeps its peak as long as it holds it.

    Raises `ConfigError` in one line when there is no display, or nothing to draw with.
    """
    _check_display()
    try:
        import matplotlib as mpl
    except ModuleNotFoundError:
        raise ConfigError("matplotlib is missing: install nictate[label]") from None
    with mne.use_log_level("ERROR"):
        by_matplotlib = mne.viz.get_browser_backend() == "matplotlib"
    if block and by_matplotlib and mpl.get_backend().casefold() in WITHOUT_A_SCREEN:
        raise ConfigError(
            f"matplotlib can only draw into files here ({mpl.get_backend()}): install a toolkit such as PyQt6, or "
            "write the proposals with --no-browser and correct them elsewhere"
        )
    screen = Screen.of(recording)
    screen.show(labels)
    montage = recording.montage
    first = montage.blink_channels
    top = [*first, *(k for k in range(len(montage.names)) if k not in first)]
    with overheard([]), mne.use_log_level("ERROR"):
        screen.raw.plot(
            order=top,
            n_channels=min(20, len(top)),
            scalings={"eeg": 1e-6 * HEIGHT_UV},
            highpass=SHOWN_HZ[0],
            lowpass=SHOWN_HZ[1],
            title=f"{shown(recording.path.name)}: press a to annotate; close the window to save",
            block=block,
            show=block,
        )
    return screen.labels(labels)


def save_annotations(path: Path, labels: Sequence[Label], *, overwrite: bool = False) -> Path:
    """Write labels as MNE's annotations, in the form that the name says (`ANNOTATIONS`). Returns `path`.

    Raises `ConfigError` when the name says none of them, the file exists and `overwrite` is False, or it cannot be
    written.
    """
    if path.suffix.lower() not in ANNOTATIONS:
        raise ConfigError(f"{shown(path.name)}: annotations are written as {', '.join(ANNOTATIONS)}")
    if path.exists() and not overwrite:
        raise ConfigError(f"{shown(str(path), 200)} exists already; choose another name, or overwrite it")
    try:
        with overheard([]), mne.use_log_level("ERROR"):
            _annotations(labels).save(path, overwrite=True)
    except OSError as error:
        raise ConfigError(f"{shown(str(path), 200)}: cannot be written: {error.strerror or error}") from error
    return path


class Screen:
    """A recording as MNE shows it: samples stand evenly, and holes are stretches of zeros."""

    def __init__(self, raw: Any, at: FloatArray, times: FloatArray) -> None:
        """``at`` (n,) s on the screen of the samples at ``times`` (n,) s of the recording."""
        self.raw = raw
        self._at = at
        self._times = times

    @staticmethod
    def of(recording: Recording) -> Screen:
        """Reads the recording into memory. Raises `StreamError` when it cannot be read."""
        montage = recording.montage
        blocks: list[Block] = list(recording.blocks())
        times = np.concatenate([block.times for block in blocks])
        samples, at = placed(recording.path, times, np.concatenate([b.samples for b in blocks]), montage.rate_hz)
        names = list(montage.names)
        if len(set(names)) < len(names):
            names = [f"{name} {k}" for k, name in enumerate(names, start=1)]
        with mne.use_log_level("ERROR"):
            info = mne.create_info(names, montage.rate_hz, "eeg")
            raw = mne.io.RawArray(1e-6 * np.nan_to_num(samples).T, info)
        return Screen(raw, at / montage.rate_hz, times)

    def show(self, labels: Sequence[Label]) -> None:
        """Put labels, in s of the recording, on the screen."""
        moved = [
            Label(label.kind, self._shown(label.onset), self._shown(label.end), None)
            for label in labels
            if label.kind in ("blink", "ignore")
        ]
        # One that lasts no time, so that the browser offers the word also where nothing is to be ignored.
        words = [Label("ignore", 0.0, 0.0, None), Label("blink", 0.0, 0.0, None)]
        with mne.use_log_level("ERROR"):
            self.raw.set_annotations(_annotations([*words, *moved]))

    def labels(self, before: Sequence[Label]) -> tuple[Label, ...]:
        """The labels that are on the screen, in s of the recording, of which some may be those of ``before``."""
        period_s = 1.0 / float(self.raw.info["sfreq"])
        told = zip(
            self.raw.annotations.onset, self.raw.annotations.duration, self.raw.annotations.description, strict=True
        )
        found = []
        for at, span, text in told:
            if span < period_s or not (means_blink(text) or means_bad(text) or text == "ignore"):
                continue
            kind = "blink" if means_blink(text) else "ignore"
            onset, end = self._heard(float(at)), self._heard(float(at + span))
            alike = (
                old
                for old in before
                if old.kind == kind and abs(old.onset - onset) < period_s and abs(old.end - end) < period_s
            )
            untouched = next(alike, None)
            if untouched is not None:
                found.append(Label(kind, untouched.onset, untouched.end, untouched.peak))
                continue
            held = [old.peak for old in before if old.peak is not None and onset <= old.peak <= end]
            found.append(Label(kind, onset, end, held[0] if kind == "blink" and len(held) == 1 else None))
        return tuple(sorted(found, key=lambda label: (label.onset, label.end, label.kind)))

    def _shown(self, time_s: float) -> float:
        return _moved(time_s, self._times, self._at)

    def _heard(self, at_s: float) -> float:
        return _moved(at_s, self._at, self._times)


def _moved(time_s: float, theirs: FloatArray, ours: FloatArray) -> float:
    """From one clock (n,) to the other (n,); beyond their ends, they go alike."""
    if time_s >= theirs[-1]:
        return float(ours[-1] + time_s - theirs[-1])
    return float(np.interp(time_s, theirs, ours))


def _annotations(labels: Sequence[Label]) -> Any:
    return mne.Annotations(
        [label.onset for label in labels],
        [label.end - label.onset for label in labels],
        [label.kind for label in labels],
    )


def _check_display() -> None:
    """Qt ends the whole process where it finds no display, so that nothing can be said afterwards."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise ConfigError("no display: write the proposals with --no-browser and correct them elsewhere")
