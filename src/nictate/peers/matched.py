"""A causal matched filter: how like a blink the last moments are, and how large that blink would be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import ndimage, signal

from nictate.filters import Band
from nictate.peers.moments import running_std
from nictate.peers.peer import Found
from nictate.peers.threshold import band_passed
from nictate.signals import FloatArray
from nictate.waveforms import blink_waveform

BAND = Band(0.75, 2, 15.0, 4)
AFTER_S = 0.1
"""The template ends so long after the blink: in it the high-pass swings below zero, as it does not after a saccade."""
WAIT_S = 0.1
"""A maximum counts when nothing so long before and after it is larger."""
CLOSING = 0.3
"""Of a blink's time: as in the waveform's own 85 ms of 285."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What is taken for a blink."""

    lasting_s: float
    """Of the template."""
    correlation: float
    """Pearson's, with the template, at least."""
    amplitude_uv: float
    """Height of the blink that fits best, at least."""

    def __str__(self) -> str:
        return f"{self.lasting_s:g} s, r > {self.correlation:g}, {self.amplitude_uv:g} µV"


LASTING_S = (0.2, 0.3, 0.45)
CORRELATIONS = (0.6, 0.7, 0.8, 0.9)
AMPLITUDES_UV = (30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 130.0, 160.0)
GRID = tuple(Likeness(*values) for values in product(LASTING_S, CORRELATIONS, AMPLITUDES_UV))


@dataclass(frozen=True, slots=True)
class MatchedFilter:
    """Correlation with the waveform of a blink that has gone through the same filters as the signal."""

    settings: tuple[Likeness, ...] = GRID
    name: str = "matched filter"
    causal: bool = True
    default: Likeness | None = None

    def find(self, x: FloatArray, rate_hz: float, settings: Sequence[Likeness]) -> list[Found]:
        y = band_passed(x, BAND, rate_hz)
        matches = {t: fit(y, _template(t, rate_hz)) for t in {s.lasting_s for s in settings}}
        wait = round(WAIT_S * rate_hz)
        found = []
        for setting in settings:
            height, correlation, length = matches[setting.lasting_s]
            wanted = (correlation > setting.correlation) & (height > setting.amplitude_uv)
            # Only of what is wanted, or a larger and less like neighbour (a saccade) would hide it.
            heights = np.where(wanted, height, 0.0)
            largest = ndimage.maximum_filter1d(heights, 2 * wait + 1, mode="constant")
            ends = np.flatnonzero(wanted & (heights == largest))
            ends = ends[ends + wait < len(y)]
            onsets = (ends - length + 1).astype(np.float64)
            found.append(Found(onsets + CLOSING * setting.lasting_s * rate_hz, (ends + wait).astype(np.float64)))
        return found


def _template(lasting_s: float, rate_hz: float) -> FloatArray:
    """A blink of height 1, filtered as the signal is; from its onset on."""
    t = np.arange(round((lasting_s + AFTER_S) * rate_hz)) / rate_hz
    raw = blink_waveform(t, CLOSING * lasting_s, (1.0 - CLOSING) * lasting_s)
    return np.asarray(signal.sosfilt(BAND.sos(rate_hz), raw))


def fit(y: FloatArray, template: FloatArray) -> tuple[FloatArray, FloatArray, int]:
    """(n,) height and (n,) correlation of the template that fits the last samples best, and how many these are.

    Zero where there are too few yet.
    """
    m = len(template)
    height, correlation = np.zeros(len(y)), np.zeros(len(y))
    if len(y) >= m:
        centred = template - template.mean()
        dot = np.correlate(y, centred, mode="valid")
        spread = np.sqrt(m) * running_std(y, m)
        norm = float(np.linalg.norm(centred))
        height[m - 1 :] = dot / norm**2
        correlation[m - 1 :] = np.divide(dot, norm * spread, out=np.zeros(len(dot)), where=spread > 0.0)
    return height, correlation, m
