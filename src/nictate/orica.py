"""Independent components learned on the stream: `OnlineICA`, of use without the rest of nictate.

What it is made of: `nictate.unmixing` (a block at a time), `nictate.refit` (many samples at one go) and
`nictate.drift` (whether the mixing has changed). Here is the order in which these act, and what is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import asdict
from functools import partial
from typing import Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from nictate.drift import Drift
from nictate.kept import Kept, State
from nictate.passband import Passband
from nictate.refit import Submit, at_once, refit, sphere
from nictate.signals import MAX_CHANNELS, ConfigError, FloatArray
from nictate.unmixing import Outliers, Pace, Solution, Unmixing

Phase: TypeAlias = Literal["collecting", "learning", "learned"]

USUAL_OUTLIERS = Outliers(soft=15.0, skip=40.0)
COLD = Pace(first=1.5, decay=0.85, memory_s=30.0)
WARM = Pace(first=1.0, decay=1.0, memory_s=30.0)
"""γ = 1, because a decay of 0.6 unlearns in 10 s what the refit has found."""

LEARNING_HZ = 110.0
"""Learning is decimated, to no less than this: mixing is the same at all frequencies, so that aliases do no harm."""
FIRST_S = 1.5
"""The first basis comes from so much signal, and from no fewer than two samples a channel."""
EARLY_S = 8.0
"""The first refit is made of so much, and of no fewer than channels² / 4 samples; the next of half as much again."""
ADOPT_S = 2.0
"""A refit is adopted so long after it was asked for in stream time, however long it took: live and offline agree."""
LONGEST_S = 120.0
"""No calibration is longer: it is kept in memory."""
WHITEN_S = 0.25
CLOSED_S = 5.0
"""When no block has been usable for so long, that is no burst: gain, reference or cap have changed."""


class NotFittedError(ValueError, AttributeError):
    """There is no un-mixing yet: its first samples are still being collected."""


class OnlineICA:
    """Independent component analysis that learns from samples as they come, and is applied at once.

    A model x = A y with A (channels, r) fixed for a while and the sources y independent. `unmixing_` U (r, channels)
    gives y = U x; `mixing_` A is such that U A = I, and A U is the projector on the signal space, the span of the
    eigenvectors of the first covariance whose eigenvalue is above 1e-7 of the largest. r is less than the number of
    channels for an average reference, flat or bridged channels. Nothing is centred: U applies to band-passed and to
    raw samples alike.

    1. *Signal.* Band-pass with carried state, decimation, blocks of about ``block_s``. Samples with what is not a
       number, or beyond 1 V, are left out and not learned from.
    2. *First basis*, after 1.5 s: principal components.
    3. *Block by block* (`nictate.unmixing.Unmixing`): robust gate, recursive whitening, and a step of ORICA (Akhtar et
       al. 2012; Hsu et al. 2014, 2016) in its skew form, with λ = λ0 / t^γ by ``cold``, later by ``warm``.
    4. *Refits* by Picard-O (Ablin, Cardoso and Gramfort 2018; `nictate.refit`) after 8, 12 and ``calibration_s``
       seconds, the last from no fewer than channels² / 2 samples (at most 120 s). Each starts from what ORICA has
       found and is adopted 2 s later. Components keep their place and sign where they stay the same.
    5. *The mixing has changed* when the sources have been correlated for 6 s (`nictate.drift.Drift`), or when no block
       has been usable for 5 s: refits as in 4, from what came after the change alone.

    What is learned depends on the samples only, to the bit: neither on how they are cut nor on any clock. Memory is
    bounded by the samples of the calibration, twice.

    Parameters: ``rate_hz`` of the samples; ``band_hz`` of the causal band-pass before learning, None for samples that
    are filtered already; ``calibration_s``, None for block by block alone, without a refit; ``outliers``, ``cold``,
    ``warm`` and ``whitening_memory_s`` (of the covariance) for what the equations call soft, skip, λ0, γ and τ;
    ``submit``, which may give a refit to a thread (threads are the caller's). Raises `ConfigError` for values that
    cannot be.

    Akhtar, Jung, Makeig, Cauwenberghs: Recursive independent component analysis for online blind source separation,
    ISCAS 2012. Hsu, Pion-Tonachini, Jung, Cauwenberghs: Online recursive independent component analysis for real-time
    source separation of high-density EEG, EMBC 2014; Real-time adaptive EEG source separation using online recursive
    independent component analysis, IEEE TNSRE 24, 2016. Ablin, Cardoso, Gramfort: Faster ICA under orthogonal
    constraint, ICASSP 2018.
    """

    n_samples_seen_: int
    """Samples given to `partial_fit`, missing ones included."""
    generation_: int
    """How many times an un-mixing was adopted, the first basis included; in between, components change gradually."""

    def __init__(
        self,
        rate_hz: float,
        *,
        band_hz: tuple[float, float] | None = (1.0, 45.0),
        block_s: float = 0.128,
        calibration_s: float | None = 20.0,
        outliers: Outliers = USUAL_OUTLIERS,
        cold: Pace = COLD,
        warm: Pace = WARM,
        whitening_memory_s: float = 60.0,
        submit: Submit = at_once,
    ) -> None:
        for name, value in (("rate_hz", rate_hz), ("whitening_memory_s", whitening_memory_s)):
            if not (math.isfinite(value) and value > 0.0):
                raise ConfigError(f"{name} = {value!r}: a positive number is needed")
        if band_hz is not None and not 0.0 < band_hz[0] < band_hz[1] < 0.5 * rate_hz:
            raise ConfigError(f"band_hz = {band_hz!r} at {rate_hz:g} Hz: 0 < low < high < half the rate is needed")
        if not 0.0 < block_s <= WHITEN_S:
            raise ConfigError(f"block_s = {block_s!r}: more than 0 and at most {WHITEN_S:g} s are possible")
        if calibration_s is not None and not 0.0 < calibration_s <= LONGEST_S:
            raise ConfigError(
                f"calibration_s = {calibration_s!r}: more than 0 and at most {LONGEST_S:g} s are possible"
            )
        self.rate_hz = float(rate_hz)
        self.band_hz = band_hz
        self.block_s = block_s
        self.calibration_s = calibration_s
        self.outliers = outliers
        self.cold = cold
        self.warm = warm
        self.whitening_memory_s = whitening_memory_s
        self.submit = submit
        self._factor = max(1, int(rate_hz / LEARNING_HZ))
        self._hz = rate_hz / self._factor
        self._kept = max(2, round(block_s * self._hz))
        self._length = self._factor * self._kept
        self._forget()

    def _forget(self) -> None:
        self.n_samples_seen_ = 0
        self.generation_ = 0
        self._channels = 0
        self._rows = 0
        self._model: Unmixing | None = None
        self._refitted = False
        self._calibrated = False
        self._filled = 0

    # What has been learned

    @property
    def fitted(self) -> bool:
        """Whether there is an un-mixing."""
        return self._model is not None

    @property
    def phase(self) -> Phase:
        """``collecting`` the first basis, ``learning``, or ``learned``: that of a whole calibration was adopted."""
        if self._model is None:
            return "collecting"
        return "learned" if self._calibrated else "learning"

    @property
    def seconds_(self) -> float:
        """Seconds of signal that there were to learn from, missing samples not counted."""
        return self._rows / self._hz

    @property
    def n_components_(self) -> int:
        """r. Raises `NotFittedError`, as do all that follow."""
        return len(self._learned.unmixing)

    @property
    def unmixing_(self) -> FloatArray:
        """(r, channels): samples to sources, of variance 1 in the band."""
        return self._learned.unmixing.copy()

    @property
    def mixing_(self) -> FloatArray:
        """(channels, r) in µV: in its columns the maps of the sources."""
        return self._learned.mixing

    def transform(self, X: FloatArray) -> FloatArray:
        """Sources (n, r) of samples (n, channels) in µV."""
        return self._checked(X) @ self._learned.unmixing.T

    sources = transform

    def inverse_transform(self, S: FloatArray) -> FloatArray:
        """Samples (n, channels) in µV of sources (n, r)."""
        return np.asarray(S, dtype=np.float64) @ self._learned.mixing.T

    @property
    def _learned(self) -> Unmixing:
        if self._model is None:
            raise NotFittedError("no un-mixing has been learned yet: give partial_fit some seconds of signal")
        return self._model

    # Learning

    def partial_fit(self, X: FloatArray) -> Self:
        """Learns from the next samples (n, channels) in µV, any number of them.

        Raises `ConfigError` when their number of channels is another one than before.
        """
        X = self._checked(X)
        if self._channels == 0:
            self._open(X.shape[1])
        self.n_samples_seen_ += len(X)
        while len(X):
            part, X = X[: self._length - self._filled], X[self._length - self._filled :]
            self._block[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
            if self._filled == self._length:
                self._filled = 0
                self._learn(self._band.push(self._block))
        return self

    def refit(self) -> Self:
        """Asks for a refit on the latest signal, as much as a calibration needs or as there is."""
        if self._model is not None and (self._rows, 0) not in self._plan:
            self._plan.insert(0, (self._rows, 0))
        return self

    def _checked(self, X: FloatArray) -> FloatArray:
        X = np.asarray(X, dtype=np.float64)
        if X.ndim != 2 or not 1 <= X.shape[1] <= MAX_CHANNELS:
            raise ConfigError(f"samples of shape {X.shape}: (n, channels) is needed, 1 to {MAX_CHANNELS} channels")
        if self._channels and X.shape[1] != self._channels:
            raise ConfigError(f"samples of {X.shape[1]} channels for an ICA of {self._channels}")
        return X

    def _open(self, channels: int) -> None:
        """All that depends on the number of channels; counts are of decimated samples that are not missing."""
        self._channels = channels
        span_s = max(self.calibration_s or 0.0, EARLY_S, 0.5 * channels**2 / self._hz)
        self._span = round(min(span_s, LONGEST_S) * self._hz)
        self._block = np.zeros((self._length, channels))
        self._band: Passband = Passband(self.band_hz, self.rate_hz, self._length, self._factor, channels)
        self._recent = np.zeros((self._span, channels))
        self._blocks: int = 0
        self._plan: list[tuple[int, int]] = []
        """When refits are due, and the first sample of each, in samples."""
        self._pending: tuple[int, FloatArray, FloatArray, Callable[[], Solution]] | None = None
        """When it is adopted, in blocks; on what it is made, from where, and the work itself."""
        self._drift: Drift | None = None
        self._learn_from(0)

    def _learn(self, X: FloatArray) -> None:
        self._blocks += 1
        if self._pending is not None and self._blocks >= self._pending[0]:
            self._adopt(self._pending[-1]())
        if len(X):
            at = self._rows % self._span
            self._recent[at : at + len(X)] = X[: self._span - at]
            self._recent[: max(0, at + len(X) - self._span)] = X[self._span - at :]
            self._rows += len(X)
            if self._model is not None:
                self._improve(self._model, X)
            elif self._rows >= max(round(FIRST_S * self._hz), 2 * self._channels):
                self._begin(0)
        if self._model is not None and self._pending is None and self._plan and self._rows >= self._plan[0][0]:
            _, since = self._plan.pop(0)
            self._ask(self._blocks + round(ADOPT_S * self.rate_hz / self._length), self._latest(self._rows - since))

    def _begin(self, since: int) -> None:
        first = sphere(self._latest(self._rows - since), self.outliers)
        if len(first.unmixing):  # All channels may be flat.
            self._model = Unmixing(first, self._hz, self.outliers, self.cold, self.whitening_memory_s)
            self._refitted = False
            self.generation_ += 1

    def _improve(self, model: Unmixing, X: FloatArray) -> None:
        Y = model.learn(X)
        if self._drift is not None and (ago := self._drift.push(Y)) is not None:
            self._learn_from(self._rows - ago)
        elif model.closed > CLOSED_S * self._hz and not self._plan and self._pending is None:
            self._learn_from(self._rows - model.closed)
        if self._blocks % max(1, round(WHITEN_S * self._hz / self._kept)) == 0:
            model.whiten()

    def _learn_from(self, since: int) -> None:
        """Everything before is of another mixing: refits from what comes after, the better the more there is of it."""
        self._drift = None
        if self.calibration_s is not None:
            early = min(max(round(EARLY_S * self._hz), self._channels**2 // 4), self._span)
            self._plan = [(since + n, since) for n in sorted({early, min(3 * early // 2, self._span), self._span})]
        elif self._model is not None:
            self._begin(since)

    def _latest(self, n: int) -> FloatArray:
        """The newest samples (at most n, channels), the oldest first."""
        n = min(n, self._rows, self._span)
        return self._recent[np.arange(self._rows - n, self._rows) % self._span]

    def _ask(self, due: int, X: FloatArray, start: FloatArray | None = None) -> None:
        U = self._learned.unmixing.copy() if start is None else start
        self._pending = due, X, U, self.submit(partial(refit, X, self.outliers, U))

    def _adopt(self, solution: Solution) -> None:
        self._pending = None
        if not len(solution.unmixing):
            return
        self._model = Unmixing(solution, self._hz, self.outliers, self.warm, self.whitening_memory_s)
        self._refitted = True
        self.generation_ += 1
        if not self._plan:
            self._calibrated = True
            if self.calibration_s is not None:
                self._drift = Drift(len(solution.unmixing), self._hz)

    # Keeping

    def get_state(self) -> State:
        """All that is known, as arrays of numbers, which `numpy.savez` writes and `numpy.load` reads without pickle."""
        state: State = {"settings": np.array(list(self._settings.values())), "channels": np.array(self._channels)}
        if not self._channels:
            return state
        state |= {
            "counts": np.array([self.n_samples_seen_, self.generation_, self._blocks, self._rows]),
            "phase": np.array([self._refitted, self._calibrated, self._drift is not None, self._pending is not None]),
            "block": self._block[: self._filled].copy(),
            "recent": self._latest(self._span),
            "plan": np.array(self._plan, dtype=np.int64).reshape(-1, 2),
        }
        state |= self._band.get_state()
        if self._model is not None:
            state |= self._model.get_state()
        if self._drift is not None:
            state |= self._drift.get_state()
        if self._pending is not None:
            due, X, start, _ = self._pending
            state |= {"pending_due": np.array(due), "pending_samples": X.copy(), "pending_start": start.copy()}
        return state

    def set_state(self, state: Mapping[str, npt.NDArray[np.generic]]) -> Self:
        """Goes on, to the bit, from where the state was taken; a refit that was under way is made again.

        Raises `ConfigError` with the reason, and stays as it was, when the state is of another ICA or broken.
        """
        kept = Kept(state)
        settings = self._settings
        for (name, mine), its in zip(settings.items(), kept.array("settings", len(settings)), strict=True):
            if mine != its:
                raise ConfigError(f"the state is of an ICA with {name} {its:g}, here it is {mine:g}")
        channels = kept.count("channels")
        if self._channels and channels not in (0, self._channels):
            raise ConfigError(f"the state is of {channels} channels, here are {self._channels}")
        if channels > MAX_CHANNELS:
            raise ConfigError(f"the state is of {channels} channels: at most {MAX_CHANNELS} are possible")
        new = copy(self)
        new._forget()
        if channels:
            new._open(channels)
            new._go_on(kept)
        vars(self).update(vars(new))
        return self

    def _go_on(self, kept: Kept) -> None:
        counts = [int(count) for count in kept.array("counts", 4)]
        self.n_samples_seen_, self.generation_, self._blocks, self._rows = counts
        self._refitted, self._calibrated, drift, pending = (bool(flag) for flag in kept.array("phase", 4))
        block = kept.array("block", None, self._channels, finite=False)
        self._filled = len(block)
        if min(counts) < 0 or self._filled >= self._length:
            raise ConfigError(f"the state's counts cannot be: {counts}, {self._filled} of {self._length} samples")
        self._block[: self._filled] = block
        n = min(self._rows, self._span)
        self._recent[np.arange(self._rows - n, self._rows) % self._span] = kept.array("recent", n, self._channels)
        self._plan = [(int(due), int(since)) for due, since in kept.array("plan", None, 2)]
        self._band.set_state(kept)
        if self.generation_:
            pace = self.warm if self._refitted else self.cold
            self._model = Unmixing.from_state(
                kept, self._channels, self._hz, self.outliers, pace, self.whitening_memory_s
            )
            if drift:
                self._drift = Drift(self.n_components_, self._hz)
                self._drift.set_state(kept)
            if pending:
                start = kept.array("pending_start", None, self._channels)
                self._ask(kept.count("pending_due"), kept.array("pending_samples", None, self._channels), start)

    @property
    def _settings(self) -> dict[str, float]:
        """Numbers that a state must share with who goes on from it."""
        low_hz, high_hz = self.band_hz or (0.0, 0.0)
        settings = {
            "rate_hz": self.rate_hz,
            "band_hz from": low_hz,
            "band_hz to": high_hz,
            "block_s": self.block_s,
            "calibration_s": self.calibration_s or 0.0,
            "whitening_memory_s": self.whitening_memory_s,
        }
        for name, part in (("outliers", self.outliers), ("cold", self.cold), ("warm", self.warm)):
            settings |= {f"{name}.{field}": float(value) for field, value in asdict(part).items()}
        return settings
