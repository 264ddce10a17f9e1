"""What never stops: alpha and the 1/f background of the cortex, and the noise, drift and mains of electrodes.

Both classes continue from call to call, with the state of their filters and of the drift; their random numbers are the
caller's, so that the caller decides what depends on what.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.signal import lfilter, sosfilt, sosfreqz

from nictate.head import ALPHA, Sources
from nictate.profile import Profile
from nictate.signals import FloatArray

_ALPHA_WIDTH_HZ = 0.7
"""Half-power width of the rhythm, so that it waxes and wanes within a second or so."""

_PINK_FROM_HZ = 0.3


class Cortex:
    """The activity of the alpha and background sources. It begins as after a long past, which `past` draws."""

    def __init__(self, profile: Profile, sources: Sources, rate_hz: float, past: np.random.Generator) -> None:
        self._profile = profile
        self._alpha_uv, self._cortex_uv = sources.alpha_uv, sources.cortex_uv
        settling = round(8 * rate_hz)
        self._pink = _pink_filter(profile.background_exponent, rate_hz)
        rest = np.zeros((len(self._pink), profile.cortical_sources, 2))
        noise = past.standard_normal((profile.cortical_sources, settling))
        _, self._pink_state = sosfilt(self._pink, noise, axis=1, zi=rest)
        self._resonators: list[tuple[FloatArray, FloatArray]] = []
        self._resonator_states: list[FloatArray] = []
        for _, _, detune_hz in ALPHA.values():
            b, a = _resonator(profile.alpha_hz + detune_hz, rate_hz)
            _, state = lfilter(b, a, past.standard_normal(settling), zi=np.zeros(2))
            self._resonators.append((b, a))
            self._resonator_states.append(state)
        # Alpha grows within half a second of closing the eyes, and fades as fast.
        self._pole = math.exp(-1 / (0.5 * rate_hz))
        self._closed_state = np.zeros(1)

    def render(self, closed: FloatArray, rng: np.random.Generator) -> FloatArray:
        """The next samples (n, 3 + cortical sources) in µV; `closed` (n,) is 1 where the eyes stay closed, else 0."""
        n, cortical = len(closed), self._profile.cortical_sources
        cortex = np.empty((n, len(ALPHA) + cortical))
        followed, self._closed_state = lfilter([1 - self._pole], [1, -self._pole], closed, zi=self._closed_state)
        gain = self._alpha_uv * (1 + (self._profile.alpha_closed_gain - 1) * followed)
        for i, (b, a) in enumerate(self._resonators):
            rhythm, self._resonator_states[i] = lfilter(b, a, rng.standard_normal(n), zi=self._resonator_states[i])
            cortex[:, i] = gain * rhythm
        noise = rng.standard_normal((cortical, n))
        background, self._pink_state = sosfilt(self._pink, noise, axis=1, zi=self._pink_state)
        cortex[:, len(ALPHA) :] = self._cortex_uv * background.T
        return cortex


class ElectrodeNoise:
    """What electrodes and their amplifiers add without end: white noise, offsets, drift and mains.

    It is made in stretches of `length` samples, from one knot of the drift to the next. `rng` draws what is constant.
    """

    def __init__(self, profile: Profile, channels: int, rate_hz: float, length: int, rng: np.random.Generator) -> None:
        self._profile = profile
        self._offsets_uv = profile.offset_uv * rng.standard_normal(channels)
        # Each electrode's impedance lets in its own share of the mains, and turns the phase a little.
        gain, turn = rng.lognormal(0, 0.4, channels), rng.normal(0, 0.3, channels)
        partials_hz = profile.mains_hz * np.arange(1, 4)
        audible = partials_hz < 0.45 * rate_hz
        amplitude = profile.mains_uv * np.array([1.0, 0.2, 0.3])[audible, None] * gain
        self._mains_hz = partials_hz[audible]
        self._mains_sine, self._mains_cosine = amplitude * np.cos(turn), amplitude * np.sin(turn)
        knots = [rng.standard_normal(channels)]
        while len(knots) < 4:
            knots.append(_next_knot(knots[-1], rng))
        self._knots = np.array(knots)
        self._spline = _catmull_rom(length)

    def render(self, t: FloatArray, rng: np.random.Generator) -> FloatArray:
        """The next stretch (length, channels) in µV, without a reference, at the times `t` (length,) in s."""
        noise = rng.standard_normal((len(t), len(self._offsets_uv)))
        noise *= self._profile.sensor_uv
        noise += self._offsets_uv
        if self._profile.drift_uv:
            noise += self._profile.drift_uv * (self._spline @ self._knots)
            self._knots = np.vstack([self._knots[1:], _next_knot(self._knots[-1], rng)])
        if self._profile.mains_uv:
            phase = 2 * np.pi * t[:, None] * self._mains_hz
            noise += np.sin(phase) @ self._mains_sine + np.cos(phase) @ self._mains_cosine
        return noise


def _pink_filter(exponent: float, rate_hz: float) -> FloatArray:
    """Second-order sections that turn white noise of variance 1 into 1/f noise of RMS 1 from 1 to 30 Hz.

    Poles and zeros alternate in frequency, the zero at exponent/2 of the (logarithmic) way to the next pole
    (Corsini & Saletti 1988, IEEE Trans. Instrum. Meas. 37:615); flat below `_PINK_FROM_HZ`.
    """
    ratio = 4.0
    poles_hz = _PINK_FROM_HZ * ratio ** np.arange(math.ceil(math.log(0.5 * rate_hz / _PINK_FROM_HZ, ratio)))
    poles, zeros = (np.exp(-2 * np.pi * f / rate_hz) for f in (poles_hz, poles_hz * ratio ** (exponent / 2)))
    none, one = np.zeros_like(poles), np.ones_like(poles)
    sections = np.column_stack([one, -zeros, none, one, -poles, none])
    f_hz = np.linspace(1, 30, 500)
    _, H = sosfreqz(sections, f_hz, fs=rate_hz)
    power = float(np.mean(np.abs(H) ** 2)) * 29 * 2 / rate_hz
    sections[0, :3] /= math.sqrt(power)
    return sections


def _resonator(f_hz: float, rate_hz: float) -> tuple[FloatArray, FloatArray]:
    """Coefficients (b, a) that turn white noise of variance 1 into a narrow-band rhythm of RMS 1."""
    r, theta = math.exp(-np.pi * _ALPHA_WIDTH_HZ / rate_hz), 2 * math.pi * f_hz / rate_hz
    # Variance of the AR(2) process with these poles (Box & Jenkins 1970, section 3.2).
    variance = (1 + r**2) / ((1 - r**2) * (1 + r**4 - 2 * r**2 * math.cos(2 * theta)))
    return np.array([1 / math.sqrt(variance)]), np.array([1.0, -2 * r * math.cos(theta), r**2])


def _next_knot(knot: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The drift (channels,) one chunk on: variance 1, forgetting within 20 of them."""
    kept = math.exp(-1 / 20)
    following: FloatArray = kept * knot + math.sqrt(1 - kept**2) * rng.standard_normal(len(knot))
    return following


def _catmull_rom(n: int) -> FloatArray:
    """Weights (n, 4) of four knots for n points from the second knot to the third, smooth across chunks."""
    u = (np.arange(n) / n)[:, None]
    powers = np.hstack([np.ones_like(u), u, u**2, u**3])
    basis = 0.5 * np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]])
    weights: FloatArray = powers @ basis
    return weights
