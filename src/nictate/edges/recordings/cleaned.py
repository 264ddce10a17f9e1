"""Cleaned EEG beside the recording that it came from, as FIF."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import mne
import numpy as np
import numpy.typing as npt

from nictate.edges.recordings import mne_files
from nictate.edges.recordings.complaints import door, overheard, shown
from nictate.edges.recordings.events import events_path
from nictate.edges.recordings.formats import is_xdf
from nictate.edges.recordings.recording import Recording
from nictate.signals import Block, ConfigError, FloatArray, StreamError

ANONYMOUS = datetime(2000, 1, 1, tzinfo=UTC)
"""The date that `mne.Info.anonymize` gives."""

LONGEST_HOLES = 3.0
"""Holes in time become stretches of zeros in the file; at most so many times as long as what was recorded."""


def cleaned_path(path: Path | str, out: Path | str | None = None) -> Path:
    """Where the cleaned EEG of a recording goes, named as a BIDS derivative; looks at names only.

    ``x_eeg.fif`` -> ``x_desc-cleaned_eeg.fif``, ``rec.edf`` -> ``rec_desc-cleaned_eeg.fif``.
    """
    events = events_path(path, out)
    return events.with_name(events.name.removesuffix("_events.tsv") + "_desc-cleaned_eeg.fif")


class CleanedFile:
    """Takes the cleaned blocks of a recording and writes them, with what the original says of itself.

    The file has the original's channels (those that were served), rate, electrode positions, date and annotations.
    Samples stand where their times are; a hole is annotated ``BAD_ACQ_SKIP``. All is in memory until `write`.

    Raises `ConfigError` when the file exists and `overwrite` is False.
    """

    def __init__(self, path: Path, recording: Recording, *, overwrite: bool = False) -> None:
        if path.exists() and not overwrite:
            raise ConfigError(f"{shown(str(path), 200)} exists already; choose another folder, or overwrite it")
        self.path = path
        self._recording = recording
        self._blocks: list[Block] = []

    def push(self, block: Block) -> None:
        self._blocks.append(block)

    def write(self, note: str) -> Path:
        """Write the file; ``note`` says in it what was done. Returns its path.

        Raises `StreamError` when there is nothing to write or the holes are longer than `LONGEST_HOLES` allows,
        `ConfigError` when the file cannot be written.
        """
        if not self._blocks:
            raise StreamError(f"{shown(self._recording.path.name)}: no samples to be cleaned")
        rate_hz = self._recording.montage.rate_hz
        times = np.concatenate([block.times for block in self._blocks])
        kept = np.concatenate([block.samples for block in self._blocks])
        samples, at = placed(self._recording.path, times, kept, rate_hz)
        skips = [(int(a) + 1, int(b)) for a, b in pairwise([-1, *at]) if b > a + 1]
        info, marks = self._described()
        with mne.use_log_level("ERROR"):
            info["description"] = note
            raw = mne.io.RawArray(1e-6 * samples.T, info)
            told = [
                (mark.onset, mark.duration, mark.text) for mark in marks if not mark.text.startswith("BAD_ACQ_SKIP")
            ]
            told += [(a / rate_hz, (b - a) / rate_hz, "BAD_ACQ_SKIP") for a, b in skips]
            # Without a date, MNE reads annotations after a hole at the start in the wrong place.
            raw.set_meas_date(self._recording.start_utc or (ANONYMOUS if skips else None))
            if told:
                raw.set_annotations(mne.Annotations(*zip(*told, strict=True), orig_time=None))
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with overheard([]):
                    raw.save(self.path, overwrite=True, split_naming="bids")
            except OSError as error:
                reason = error.strerror or error
                raise ConfigError(f"{shown(str(self.path), 200)}: cannot be written: {reason}") from error
        return self.path

    def _described(self) -> tuple[Any, tuple[mne_files.Mark, ...]]:
        """MNE's info of the channels that were served, and the original's annotations."""
        montage, path = self._recording.montage, self._recording.path
        if is_xdf(path):
            known = {"eeg", "eog", "ecg", "emg", "stim", "misc"}
            kinds = [kind if kind in known else "misc" for kind in montage.kinds or ("eeg",) * len(montage.names)]
            names = list(montage.names)
            if len(set(names)) < len(names):
                names = [f"{name} {k}" for k, name in enumerate(names, start=1)]
            return mne.create_info(names, montage.rate_hz, kinds), ()
        with door(path):
            return mne_files.info(path, montage.names, montage.rate_hz), mne_files.marks(path)


def placed(
    path: Path, times: FloatArray, samples: FloatArray, rate_hz: float
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """(n, channels) with zeros where nothing was recorded, and where in it each sample is (len(times),).

    Raises `StreamError` when the holes are longer than `LONGEST_HOLES` allows.
    """
    # Counted from sample to sample, and by the clock only over holes: a rate that is slightly wrong makes none.
    jumps = np.diff(times) > 1.5 / rate_hz
    steps = np.where(jumps, np.maximum(1, np.round(np.diff(times) * rate_hz)), 1.0)
    at = np.concatenate(([max(0.0, np.round(times[0] * rate_hz))], steps)).cumsum().astype(np.int64)
    if at[-1] + 1 > (1.0 + LONGEST_HOLES) * len(at):
        raise StreamError(f"{shown(path.name)}: its interruptions are too long to be filled up")
    even = np.zeros((int(at[-1]) + 1, samples.shape[1]))
    even[at] = samples
    return even, at
