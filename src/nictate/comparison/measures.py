"""The ruler: what is left of the blinks, and what was done to the rest.

Everything is measured on signals band-passed to 1-40 Hz without delay, the input as well as what a method made of it,
so drift and mains that a method leaves alone do not count. All methods are measured on the same stretch.

Blink-locked averages of N blinks are compared with the *floor*: the same average of the input at N moments at which
nobody blinks. What is at the floor cannot be told from the EEG; below it, more than the blink was taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from nictate.comparison.material import Material, band_passed
from nictate.signals import BoolArray, FloatArray

IntArray = npt.NDArray[np.int64]

BAND_HZ = (1.0, 40.0)

BANDS_HZ: dict[str, tuple[float, float]] = {
    "delta": (1.0, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 13.0),
    "beta": (13.0, 30.0),
}

WINDOW_S = (-0.3, 0.5)
"""Around a blink's peak: from before the lid moves to after it has opened."""

DRAWS = 200
"""So often N moments without a blink are drawn; the floor is the median. The standard error is then a few percent."""

LARGEST_DB = 60.0
"""What is told at most: a method that leaves nothing at all of a channel would have infinitely many."""

SPECTRUM_S = 2.0


@dataclass(frozen=True, slots=True)
class Distortion:
    """What became of blink-free signal in a group of channels; each value is the mean over the channels."""

    relative_rmse: float
    """RMS of what was changed over RMS of the input."""
    correlation: float
    """Between input and output."""
    power_db: dict[str, float]
    """Change of the power in each of `BANDS_HZ`."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one method did. What cannot be measured is None: without blinks, or without anything but blinks."""

    reduction_db: float | None
    """Blink-locked peak-to-peak at the frontal channels, input over output; at most `LARGEST_DB`."""
    residual_uv: float | None
    """Blink-locked peak-to-peak at the frontal channels (mean over them) in the output."""
    over_floor: float | None
    """`residual_uv` over `Ruler.floor_uv`."""
    frontal: Distortion | None
    others: Distortion | None


@dataclass(frozen=True, slots=True)
class Ruler:
    """Measures outputs against one input; `ruler` makes it."""

    rate_hz: float
    first: int
    """Measured from this sample on."""
    input: FloatArray
    """(n, channels) in µV, in the band."""
    frontal: tuple[int, ...]
    others: tuple[int, ...]
    blinks: IntArray
    """(blinks,) samples at which they peak."""
    free: BoolArray
    """(n,) whether a sample is measured and blink-free."""
    floor_uv: float | None
    """Median peak-to-peak of averages at as many moments without a blink, frontal; None where these are too few."""

    def average(self, filtered: FloatArray) -> FloatArray:
        """(window, frontal): blink-locked average in µV of a signal in the band; NaN without blinks."""
        return _average(filtered[:, list(self.frontal)], self.blinks, self.rate_hz)

    def measure(self, cleaned: FloatArray) -> tuple[Measured, FloatArray]:
        """What became of the input, (n, channels) in µV; and the blink-locked average, (window, frontal)."""
        filtered = band_passed(cleaned, self.rate_hz, *BAND_HZ)
        average = self.average(filtered)
        residual = reduction = None
        if len(self.blinks):
            residual, before = _height(average), _height(self.average(self.input))
            reduction = min(LARGEST_DB, 20.0 * float(np.log10(before / max(residual, 1e-9 * before))))
        measured = Measured(
            reduction_db=reduction,
            residual_uv=residual,
            over_floor=residual / self.floor_uv if residual is not None and self.floor_uv else None,
            frontal=self._distortion(filtered, self.frontal),
            others=self._distortion(filtered, self.others),
        )
        return measured, average

    def _distortion(self, filtered: FloatArray, channels: tuple[int, ...]) -> Distortion | None:
        if not channels or self.free.sum() < self.rate_hz:
            return None
        x, y = self.input[self.free][:, list(channels)], filtered[self.free][:, list(channels)]
        rmse = np.sqrt(np.mean((y - x) ** 2, axis=0) / np.mean(x**2, axis=0))
        x0, y0 = x - x.mean(axis=0), y - y.mean(axis=0)
        norms = np.sqrt(np.sum(x0**2, axis=0) * np.sum(y0**2, axis=0))
        # A channel that was taken away as a whole goes with nothing.
        r = np.divide(np.sum(x0 * y0, axis=0), norms, out=np.zeros(len(channels)), where=norms > 1e-12 * norms.max())
        return Distortion(float(rmse.mean()), float(r.mean()), self._power_db(filtered, channels))

    def _power_db(self, filtered: FloatArray, channels: tuple[int, ...]) -> dict[str, float]:
        """Change of the mean power of blink-free pieces, Hann windowed and half overlapping."""
        n = round(SPECTRUM_S * self.rate_hz)
        starts = [k for k in range(self.first, len(self.free) - n + 1, n // 2) if self.free[k : k + n].all()]
        if not starts:
            return {}

        def power(x: FloatArray) -> tuple[FloatArray, FloatArray]:
            pieces = np.stack([x[k : k + n][:, list(channels)] for k in starts])
            f, p = signal.periodogram(pieces, self.rate_hz, "hann", axis=1)
            return f, p.mean(axis=0)

        (f, before), (_, after) = power(self.input), power(filtered)
        least = 10.0 ** (-LARGEST_DB / 10.0)
        changes = {}
        for name, (low, high) in BANDS_HZ.items():
            band = (f >= low) & (f < high)
            ratio = after[band].sum(axis=0) / before[band].sum(axis=0)
            changes[name] = float(np.mean(10.0 * np.log10(np.maximum(ratio, least))))
        return changes


def ruler(material: Material, from_s: float, seed: int = 0) -> Ruler:
    """A ruler for everything after ``from_s``, when what learns on the stream has learned."""
    signals = material.signals
    rate_hz, n = signals.montage.rate_hz, len(signals.samples)
    before, after = (round(s * rate_hz) for s in WINDOW_S)
    first = round(from_s * rate_hz)
    at = np.rint(material.peaks * rate_hz).astype(np.int64)
    at = at[(at + before >= first) & (at + after < n)]
    free = np.ones(n, dtype=np.bool_)
    free[:first] = False
    for begin, end in material.busy:
        free[max(0, round(begin * rate_hz)) : max(0, round(end * rate_hz))] = False
    others = tuple(k for k in range(len(signals.montage.names)) if k not in signals.frontal)
    filtered = band_passed(signals.samples, rate_hz, *BAND_HZ)
    heights = [
        _height(_average(filtered[:, list(signals.frontal)], moments, rate_hz))
        for moments in _moments(free, len(at), before, after, seed)
    ]
    return Ruler(
        rate_hz=rate_hz,
        first=first,
        input=filtered,
        frontal=signals.frontal,
        others=others,
        blinks=at,
        free=free,
        floor_uv=float(np.median(heights)) if heights else None,
    )


def _moments(free: BoolArray, count: int, before: int, after: int, seed: int) -> IntArray:
    """(draws, count) samples with nothing but blink-free ones around; no draws where there are too few."""
    held = np.concatenate(([0], np.cumsum(free)))
    centres = np.arange(-before, len(free) - after)
    whole = centres[held[centres + after] - held[centres + before] == after - before]
    # Fewer would be the same few seconds again and again, which do not average out as the blinks' surroundings do.
    if count == 0 or len(whole) < count * (after - before) // 2:
        return np.empty((0, count), dtype=np.int64)
    rng = np.random.default_rng(seed)
    return np.stack([rng.choice(whole, count, replace=False) for _ in range(DRAWS)])


def _average(x: FloatArray, at: IntArray, rate_hz: float) -> FloatArray:
    before, after = (round(s * rate_hz) for s in WINDOW_S)
    if not len(at):
        return np.full((after - before, x.shape[1]), np.nan)
    average: FloatArray = np.mean([x[k + before : k + after] for k in at], axis=0)
    return average


def _height(average: FloatArray) -> float:
    """Peak to peak in µV, mean over the channels."""
    return float(np.ptp(average, axis=0).mean())
