"""The formats of recordings, and who reads which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nictate.edges.recordings import mne_files, xdf
from nictate.edges.recordings.complaints import door
from nictate.edges.recordings.recording import Recording
from nictate.signals import ConfigError

XDF_SUFFIXES = (".xdf", ".xdfz", ".xdf.gz")

SIGNAL_SUFFIXES = (".fif", ".fif.gz", ".edf", ".bdf", ".vhdr", ".set", ".gdf", ".cnt", *XDF_SUFFIXES)
"""Which of the files of one recording to open, in order of preference; the others of a format lead nowhere."""


def read(path: Path | str, *, channels: Sequence[str] | None = None, stream: str | None = None) -> Recording:
    """Open a recording: XDF, or what MNE reads (EDF, BDF, FIF, BrainVision, EEGLAB, GDF, CNT ...).

    Without `channels` all EEG channels are served; a file without any that calls its channels misc or bio has these
    taken as EEG, with a warning. With `channels` those are served, in that order, whatever their kind; letter case
    counts only where it tells two channels apart. `stream` names one stream of an XDF file by its name, source id,
    uid or number.

    The units and the rate are those of the file. XDF: a channel without a unit that is understood is taken as µV, and
    a rate that was measured more than 3 % off the nominal one replaces it; both are said in `Recording.warnings`.

    Raises `StreamError`, in one line with the file's name, when the file is missing, truncated beyond use, foreign,
    without samples or outside what nictate serves; `ConfigError` when `channels` or `stream` name nothing in it, or
    when it has several EEG streams and `stream` is not given.
    """
    path = Path(path)
    with door(path):
        if is_xdf(path):
            return xdf.read(path, channels, stream)
        if stream is not None:
            raise ConfigError("only an XDF file has streams to choose from")
        return mne_files.read(path, channels)


def marks(path: Path) -> tuple[mne_files.Mark, ...]:
    """What somebody has marked within a recording itself; empty for XDF. Raises `StreamError` as `read` does."""
    with door(path):
        return () if is_xdf(path) else mne_files.marks(path)


def is_xdf(path: Path) -> bool:
    """By its name."""
    return path.name.lower().endswith(XDF_SUFFIXES)
