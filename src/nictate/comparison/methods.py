"""What a way of cleaning is, and the plain ones: regression on what shows the eyes, and subspace reconstruction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import mne
import numpy as np
from scipy import signal

from nictate.comparison.material import Signals, band_passed
from nictate.signals import FloatArray

FIT_HZ = (1.0, 45.0)
"""What is learned from: the band of the online ICA."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What a method made of the signals."""

    samples: FloatArray
    """(n, channels) in µV: the input outside what was taken for ocular."""
    maps: FloatArray | None = None
    """(channels, k): how what was removed reaches the channels, in any unit; None where it is no such thing."""
    notes: tuple[str, ...] = field(default=())
    """What should be known of this run, one line each."""


class Method(Protocol):
    """A way to take blinks out. ``run`` may raise whatever it likes: that is told, and the others go on."""

    @property
    def name(self) -> str: ...

    @property
    def online(self) -> bool:
        """Whether it could run on a stream."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Modules of ``nictate[compare]`` that it imports, so that loading them is not counted as its cost."""

    def run(self, signals: Signals) -> Cleaned: ...


def raw_of(signals: Signals, filtered: bool) -> mne.io.RawArray:
    """MNE's object of the EEG channels and, as EOG channels, of what shows the eyes; in the band or as it is."""
    _, reference = signals.reference
    samples = np.concatenate((signals.samples, reference), axis=1)
    if filtered:
        samples = band_passed(samples, signals.montage.rate_hz, *FIT_HZ)
    # Names are a stranger's: they may be twice the same, or one of ours.
    eeg, eog = signals.samples.shape[1], reference.shape[1]
    names = [f"eeg{k}" for k in range(eeg)] + [f"eog{k}" for k in range(eog)]
    info = mne.create_info(names, signals.montage.rate_hz, ["eeg"] * eeg + ["eog"] * eog)
    return mne.io.RawArray(samples.T * 1e-6, info, verbose="error")


def causal(samples: FloatArray, rate_hz: float, band_hz: tuple[float, float | None]) -> FloatArray:
    """(n, channels) through Butterworth filters of second order, from their steady state at the first sample."""
    low, high = band_hz
    sos = signal.butter(2, low, "highpass", fs=rate_hz, output="sos")
    if high is not None:
        sos = np.vstack((sos, signal.butter(2, min(high, 0.45 * rate_hz), "lowpass", fs=rate_hz, output="sos")))
    y: FloatArray = signal.sosfilt(sos, samples, axis=0, zi=signal.sosfilt_zi(sos)[:, :, np.newaxis] * samples[0])[0]
    return y


@dataclass(frozen=True, slots=True)
class OfflineRegression:
    """MNE's least squares on the EOG channels or the frontal mean (Gratton, Coles & Donchin 1983), without epochs."""

    name: str = "regression, offline (MNE)"
    online: bool = False
    needs: tuple[str, ...] = ()

    def run(self, signals: Signals) -> Cleaned:
        filtered, raw = raw_of(signals, filtered=True), raw_of(signals, filtered=False)
        for one in (filtered, raw):
            one.set_eeg_reference([], verbose="error")  # MNE asks for a decision about it; the file's stays.
        model = mne.preprocessing.EOGRegression(picks="eeg", picks_artifact="eog").fit(filtered)
        cleaned = model.apply(raw, copy=True)
        return Cleaned(cleaned.get_data(picks="eeg").T * 1e6, model.coef_.copy(), _on(signals))


@dataclass(frozen=True, slots=True)
class RecursiveRegression:
    """The same, causal: least squares with forgetting, learned in 1-45 Hz.

    What is subtracted is the reference above 0.1 Hz, so that its offset and drift do not get into the EEG: of a
    blink's frequencies a causal filter at 1 Hz would shift the phase, and leave a tenth of a second of it.
    """

    name: str = "regression, recursive"
    online: bool = True
    needs: tuple[str, ...] = ()
    memory_s: float = 60.0
    block_s: float = 0.1

    def run(self, signals: Signals) -> Cleaned:
        rate_hz = signals.montage.rate_hz
        _, reference = signals.reference
        x, e = (causal(one, rate_hz, FIT_HZ) for one in (signals.samples, reference))
        eyes = causal(reference, rate_hz, (0.1, None))
        cleaned = signals.samples.copy()
        n, k = max(1, round(self.block_s * rate_hz)), e.shape[1]
        keep = np.exp(-n / (self.memory_s * rate_hz))
        ee, ex = np.zeros((k, k)), np.zeros((k, x.shape[1]))
        coefficients = np.zeros((k, x.shape[1]))
        for first in range(0, len(x), n):
            block = slice(first, first + n)
            cleaned[block] -= eyes[block] @ coefficients
            ee, ex = keep * ee + e[block].T @ e[block], keep * ex + e[block].T @ x[block]
            coefficients = np.linalg.pinv(ee, rcond=1e-9, hermitian=True) @ ex
        return Cleaned(cleaned, coefficients.T.copy(), _on(signals))


def _on(signals: Signals) -> tuple[str, ...]:
    name, _ = signals.reference
    if signals.eog_names:
        return (f"on {name}",)
    return (f"no EOG channel: on {name}, so of the frontal channels all that is common goes",)


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """Artifact Subspace Reconstruction (Mullen et al. 2015) by meegkit, fed in pieces as a stream.

    Calibrated on the clean windows that meegkit finds in the first ``calibration_s``, before the first sample is
    cleaned. It is no ocular method: it takes what is ``cutoff`` standard deviations too large, whatever it is. Pieces
    as short as a blink's flank, as meegkit cleans a piece as a whole: longer ones leave more of the blinks.
    """

    name: str = "ASR (meegkit)"
    online: bool = True
    needs: tuple[str, ...] = ("meegkit.asr",)
    cutoff: float = 10.0
    calibration_s: float = 60.0
    piece_s: float = 0.1
    memory_s: float = 0.3

    def run(self, signals: Signals) -> Cleaned:
        from meegkit.asr import ASR

        rate_hz = signals.montage.rate_hz
        # It wants no drift. Only what it removes counts, so the drift it never saw stays in the output.
        x = causal(signals.samples, rate_hz, (0.5, None)).T
        asr = ASR(sfreq=rate_hz, cutoff=self.cutoff, method="euclid", memory=round(self.memory_s * rate_hz))
        asr.fit(x[:, : round(self.calibration_s * rate_hz)])
        step = round(self.piece_s * rate_hz)
        y = np.concatenate([asr.transform(x[:, k : k + step]) for k in range(0, x.shape[1], step)], axis=1)
        return Cleaned(signals.samples - (x - y).T, None, (f"cutoff {self.cutoff:g}, pieces of {self.piece_s:g} s",))
