"""The formats of recordings, and who reads which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from nictate.edges.recordings import bids, blink_sets, mind_monitor, mne_files, openbci, xdf
from nictate.edges.recordings.complaints import door
from nictate.edges.recordings.recording import Recording
from nictate.edges.recordings.text_rows import lines
from nictate.signals import ConfigError, StreamError

XDF_SUFFIXES = (".xdf", ".xdfz", ".xdf.gz")

TEXT_SUFFIXES = (".txt", ".csv")

MNE_SUFFIXES = (".fif", ".fif.gz", ".edf", ".bdf", ".vhdr", ".set", ".gdf", ".cnt")

SIGNAL_SUFFIXES = (*MNE_SUFFIXES, *XDF_SUFFIXES, *TEXT_SUFFIXES)
"""Which of the files of one recording to open, in order of preference; the others of a format lead nowhere."""


def read(path: Path | str, *, channels: Sequence[str] | None = None, stream: str | None = None) -> Recording:
    """Open a recording: XDF, text of OpenBCI, Mind Monitor or the BLINK sets, or what MNE reads (EDF, BDF, FIF,
    BrainVision, EEGLAB, GDF, CNT ...).

    Without `channels` all EEG channels are served, less those that a ``_channels.tsv`` of BIDS beside the file calls
    bad or of another kind; a file without any that calls its channels misc or bio has these
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
        if is_text(path):
            form = text_form(path)
            if form is None:
                raise StreamError("line 1: neither OpenBCI's nor Mind Monitor's, nor named _data.csv as the BLINK sets")
            return form(path, channels)
        return mne_files.read(path, channels, bids.channels_beside(path))


def text_form(path: Path) -> Callable[[Path, Sequence[str] | None], Recording] | None:
    """What reads a text file, by its first line and its name; None when it is no recording."""
    first = next(lines(path), (1, ""))[1]
    if mind_monitor.is_mind_monitor(first):
        return mind_monitor.read
    if path.name.endswith(blink_sets.DATA):
        return blink_sets.read
    return openbci.read if openbci.is_openbci(first) else None


def marks(path: Path) -> tuple[mne_files.Mark, ...]:
    """What somebody has marked within a recording; empty for XDF and text. Raises `StreamError` as `read` does."""
    with door(path):
        return () if is_xdf(path) or is_text(path) else mne_files.marks(path)


def is_xdf(path: Path) -> bool:
    """By its name."""
    return path.name.lower().endswith(XDF_SUFFIXES)


def is_text(path: Path) -> bool:
    """By its name."""
    return path.name.lower().endswith(TEXT_SUFFIXES)
