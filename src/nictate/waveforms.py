"""The shapes of what disturbs EEG, each of height 1: blinks, saccades, electrode pops and bursts of muscle."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, sosfilt

from nictate.signals import FloatArray


def blink_waveform(
    t_s: FloatArray,
    closing_s: float = 0.085,
    reopening_s: float = 0.2,
    hold_s: float = 0.0,
    hold_level: float = 0.5,
) -> FloatArray:
    """Deflection of a blink, 0 to 1, at the times `t_s` (any shape) in s after the lid begins to close.

    It rises as half a cosine within `closing_s`, where it is exactly 1, and falls within `reopening_s`, fast
    at first and then slower, as the lid opens more slowly than it closes and its last part longest
    (VanderWerf et al. 2003, J. Neurophysiol. 89:2784; durations also as in Kleifges et al. 2017, BLINKER,
    Front. Neurosci. 11:12). With `hold_s` the lid stays closed before it reopens, while the deflection decays
    towards `hold_level` with a time constant of 0.4 s. Zero before and after; `closing_s + hold_s +
    reopening_s` long.
    """
    t = np.asarray(t_s, dtype=np.float64)
    closing = 0.5 - 0.5 * np.cos(np.pi * np.clip(t / closing_s, 0, 1))
    held = hold_level + (1 - hold_level) * np.exp(-np.clip(t - closing_s, 0, hold_s) / 0.4)
    # An exponent above 1/2 keeps the slope zero at the peak.
    opened = np.clip((t - closing_s - hold_s) / reopening_s, 0, 1) ** 0.75
    wave: FloatArray = closing * held * (0.5 + 0.5 * np.cos(np.pi * opened))
    return wave


def saccade_duration_s(amplitude_deg: float) -> float:
    """Duration in s of a saccade of so many degrees: the main sequence, 21 ms + 2.2 ms per degree.

    Bahill, Clark & Stark (1975), Math. Biosci. 24:191; Carpenter (1988), Movements of the Eyes.
    """
    return 0.021 + 0.0022 * abs(amplitude_deg)


def saccade_waveform(t_s: FloatArray, duration_s: float = 0.045) -> FloatArray:
    """Gaze during a saccade, 0 to 1, at the times `t_s` (any shape) in s after it starts; 1 ever after.

    The path of least jerk, 10u³ - 15u⁴ + 6u⁵ known of the arm (Flash & Hogan 1985, J. Neurosci. 5:1688),
    which has the bell-shaped velocity of saccades.
    """
    u = np.clip(np.asarray(t_s, dtype=np.float64) / duration_s, 0, 1)
    wave: FloatArray = u**3 * (10 - 15 * u + 6 * u**2)
    return wave


def pop_waveform(t_s: FloatArray, decay_s: float = 0.4) -> FloatArray:
    """An electrode pop at the times `t_s` (any shape) in s after it: a step to 1, decaying with `decay_s`."""
    t = np.asarray(t_s, dtype=np.float64)
    wave: FloatArray = np.where(t < 0, 0.0, np.exp(-np.maximum(t, 0) / decay_s))
    return wave


def muscle_burst(duration_s: float, rate_hz: float, rng: np.random.Generator) -> FloatArray:
    """A burst of surface EMG, (round(duration_s * rate_hz),) or one sample: of RMS 1, then tapered.

    Gaussian noise from 20 to 200 Hz, or to 0.45 of the rate (Goncharova et al. 2003, Clin. Neurophysiol.
    114:1580), which swells and fades over a quarter of the burst each.
    """
    n = max(1, round(duration_s * rate_hz))
    settling = round(0.25 * rate_hz)
    band = butter(2, (20.0, min(200.0, 0.45 * rate_hz)), "bandpass", fs=rate_hz, output="sos")
    noise = sosfilt(band, rng.standard_normal(settling + n))[settling:]
    u = (np.arange(n) + 0.5) / n
    taper = np.sin(0.5 * np.pi * np.minimum(1, 4 * np.minimum(u, 1 - u))) ** 2
    burst: FloatArray = noise / np.sqrt(np.mean(noise**2)) * taper
    return burst


def movement_waveform(t_s: FloatArray, duration_s: float, swings_hz: float, phase: float | FloatArray) -> FloatArray:
    """A movement at the times `t_s` (any shape) in s after its onset: waves that swell to 1 and fade in `duration_s`.

    `phase` in radians, of a shape that `t_s` can be broadcast with.
    """
    swell = np.where((t_s > 0) & (t_s < duration_s), np.sin(np.pi * t_s / duration_s) ** 2, 0.0)
    return np.asarray(swell * np.sin(2 * np.pi * swings_hz * t_s + phase))
