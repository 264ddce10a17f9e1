"""A mark on a recording: how long it lasts, and which words mean a blink."""

from __future__ import annotations

import re
from dataclasses import dataclass

BEFORE_PEAK_S = 0.09
AFTER_PEAK_S = 0.12
"""The span around a blink of which only a moment is known: the medians of 1673 blinks in nine data sets of which
people have marked onset, peak and end."""

MOMENT_S = 0.03
"""Shorter than any blink: a mark of no more is a moment."""


@dataclass(frozen=True, slots=True)
class Label:
    """What somebody has marked in a recording. Times in s from the first sample."""

    kind: str
    """``"blink"``, ``"ignore"`` (neither a blink nor none), or what else the file says."""
    onset: float
    end: float
    peak: float | None
    """When the deflection is largest; None when the file does not say."""
    note: str = ""
    """What the file adds to it."""


def blink(onset: float, duration: float, peak: float | None = None, note: str = "") -> Label:
    """The label of a blink, all in s; one of a moment gets a span `around` its peak, or else around the moment."""
    if duration <= MOMENT_S:
        return around(onset if peak is None else peak, peak=peak, note=note)
    return Label("blink", onset, onset + duration, peak, note)


def around(moment: float, *, peak: float | None, note: str = "") -> Label:
    """A blink from `BEFORE_PEAK_S` before a moment to `AFTER_PEAK_S` after it, not before the recording begins."""
    return Label("blink", max(0.0, moment - BEFORE_PEAK_S), moment + AFTER_PEAK_S, peak, note)


def means_blink(text: str) -> bool:
    """Whether an event's name says blink: ``blink``, ``Blinks``, ``eye_blink``, ``EOG blink``, ``BAD_blink`` ..."""
    return re.fullmatch(r"(bad[ _-]?)?((eog|eyes?)[ _-]?)?blinks?", text.strip().casefold()) is not None


def means_bad(text: str) -> bool:
    """Whether an annotation is MNE's word for what is not to be looked at, ``BAD...``, without being a blink.

    ``BAD_ACQ_SKIP`` and ``BAD boundary`` are holes, in which there is nothing to be looked at.
    """
    word = text.strip().casefold()
    return word.startswith("bad") and not word.startswith(("bad_acq_skip", "bad boundary")) and not means_blink(text)
