"""The place of the online ICA in the flow, and its two outputs.

Blinks are what the detector must find, so the ICA does not take them away before it: it offers a *blink source* beside
the channels, with a flag that says whether it can be trusted, and, for everyone else, cleaned EEG. Until un-mixing is
learned the source is absent and the cleaned EEG is the input.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nictate.framing import Frame
from nictate.signals import FloatArray


@dataclass(frozen=True, slots=True)
class Parts:
    """A frame, un-mixed."""

    source: FloatArray
    """(n,) blink source in frontal µV, upward; zeros while it cannot be trusted."""
    trusted: bool
    """Whether `source` can be used."""
    cleaned: FloatArray
    """(n, channels) in µV, the input without ocular activity."""


class PassThrough:
    """No un-mixing: the source is never trusted, the cleaned EEG is the input itself."""

    def push(self, frame: Frame) -> Parts:
        return Parts(np.zeros(len(frame.samples)), trusted=False, cleaned=frame.samples)
