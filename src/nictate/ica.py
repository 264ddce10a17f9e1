"""The online ICA's place in the flow, and its two outputs.

Blinks are what the detector must find, so the ICA does not take them away before it: it offers a *blink source* beside
the channels, with a flag that says whether it can be trusted, and, for everyone else, cleaned EEG. Until un-mixing is
learned the source is absent, and nothing is taken out of the channels: the cleaned EEG is the input.

What is done depends on how many channels there are:

    1       nothing: there is nothing to un-mix
    2-3     cleaned EEG; a source of so few channels is hardly better than they are, and not offered
    4-7     cleaned EEG, and the blink source where it is asked for (mode "on")
    8-      cleaned EEG and the blink source
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from nictate.framing import Frame
from nictate.gate import GateRules
from nictate.kept import State
from nictate.members import MemberRules, Members
from nictate.ocular import Ocular, OcularRules
from nictate.orica import OnlineICA
from nictate.refit import Submit, at_once
from nictate.signals import BoolArray, ConfigError, FloatArray, Montage
from nictate.standing import IcaStatus
from nictate.succession import History, Succession
from nictate.survey import Survey
from nictate.unmixing import Components

Mode = Literal["auto", "on", "off"]

SOURCE_FROM = {"auto": 8, "on": 4}
"""The blink source is offered from so many channels on."""


@dataclass(frozen=True, slots=True)
class IcaRules:
    """The numbers of the stage."""

    ocular: OcularRules = field(default_factory=OcularRules)
    gate: GateRules = field(default_factory=GateRules)
    members: MemberRules = field(default_factory=MemberRules)
    calibration_s: float = 20.0
    """So much signal is learned from before the un-mixing counts as learned."""
    first_s: float = 5.0
    """Before so much signal nothing is taken for ocular."""
    turn_s: float = 0.96
    """How often the un-mixing is looked at."""
    adopt_s: float = 2.0
    """An un-mixing of other channels is in use so long after they changed, in stream time."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A frame, un-mixed."""

    source: FloatArray
    """(n,) blink source in frontal µV, upward where the frontal channels are; zeros while it cannot be trusted."""
    trusted: bool
    """Whether `source` can be used."""
    removed: FloatArray | None = None
    """(n, channels) in µV, what the eyes put into the channels, 0 in bad ones: what the cleaned EEG is without; None
    where that is nothing."""


class PassThrough:
    """No un-mixing: the source is never trusted, nothing is removed."""

    def __init__(self, why: str = "not asked for") -> None:
        self.status = IcaStatus(off=why)
        self.blink_map: dict[str, float] = {}

    def push(self, frame: Frame) -> Parts:
        return Parts(np.zeros(len(frame.samples)), trusted=False)

    def restart(self) -> None:
        """As after a hole in time."""

    def get_state(self) -> State:
        """Nothing is learned, so that nothing is kept."""
        return {}


def unmixed(montage: Montage) -> tuple[int, ...]:
    """Indices of the channels that are un-mixed: the EEG.

    Not the EOG: a pair of electrodes around the eyes splits the blink over several components.
    """
    return montage.eeg


def open_ica(
    montage: Montage,
    frame: int,
    rules: IcaRules | None = None,
    *,
    mode: Mode = "auto",
    frontal: Sequence[int] = (),
    clean: bool = True,
    submit: Submit = at_once,
    state: Mapping[str, npt.NDArray[np.generic]] | None = None,
) -> Ica | PassThrough:
    """The stage for a montage: an `Ica`, or `PassThrough` where there is nothing to un-mix.

    ``frame`` is the length of the frames, ``frontal`` the channels that show blinks (by default those that are known
    to by their names), ``clean`` whether somebody wants the cleaned EEG: so few channels that no source is offered are
    not un-mixed for nobody. ``state`` is what `Ica.get_state` gave in an earlier run. Raises `ConfigError` with the
    reason when that does not fit.
    """
    columns = unmixed(montage)
    seen = tuple(k for k in frontal or montage.blink_channels if k in columns)
    if mode == "off":
        return PassThrough()
    if len(columns) < 2:
        return PassThrough(f"{len(columns)} channel{'s' * (len(columns) != 1)}")
    if not seen:
        return PassThrough("no frontal channel is known")
    if not clean and not state and len(columns) < SOURCE_FROM[mode]:
        return PassThrough(f"{len(columns)} channels, and cleaned EEG is not asked for")
    ica = Ica(montage, columns, seen, frame, rules or IcaRules(), mode=mode, submit=submit)
    if state:
        ica.set_state(state)
    return ica


class Ica:
    """Learns the un-mixing of a stream's channels, and yields the blink source and what the eyes put into the channels.

    All that it does depends on the samples alone. ``columns`` are the channels that are un-mixed and ``frontal`` those
    among them that show blinks, both as indices of the montage; ``submit`` does the long pieces of work.
    """

    def __init__(
        self,
        montage: Montage,
        columns: Sequence[int],
        frontal: Sequence[int],
        frame: int,
        rules: IcaRules,
        *,
        mode: Mode = "auto",
        submit: Submit = at_once,
    ) -> None:
        n, rate_hz = len(columns), montage.rate_hz
        if n < 2 or len(set(columns)) < n or not all(0 <= k < len(montage.names) for k in columns):
            raise ConfigError(
                f"channels {tuple(columns)} of {len(montage.names)}: two or more are needed to be un-mixed"
            )
        if mode not in SOURCE_FROM:
            raise ConfigError(f"mode = {mode!r}: 'auto' or 'on' is needed")
        if not frontal or not set(frontal) <= set(columns):
            raise ConfigError(f"frontal channels {tuple(frontal)}: at least one is needed, of those that are un-mixed")
        self.rules = rules
        self.offers_source = n >= SOURCE_FROM[mode]
        self._montage = montage
        self._names = tuple(montage.names[k] for k in columns)
        self._columns = np.array(columns)
        self._all = n == len(montage.names) and tuple(columns) == tuple(range(n))
        self._frame = frame
        self._frame_s = frame / rate_hz
        self._turn = max(1, round(rules.turn_s / self._frame_s))
        self._submit = submit
        self._frontal = np.zeros(n, dtype=np.bool_)
        self._frontal[[list(columns).index(k) for k in frontal]] = True
        self._survey = Survey(n, rate_hz, frame, rules.ocular.memory_s)
        self._ocular = Ocular(np.flatnonzero(self._frontal).tolist(), n, rate_hz, frame, rules.ocular, rules.gate)
        self._members = Members(rules.members, n, self._frame_s, self._turn)
        self._inside = np.arange(n)
        self._ica = OnlineICA(rate_hz, calibration_s=rules.calibration_s, submit=submit)
        history_s = rules.calibration_s + 1.5 * rules.adopt_s  # A successor of so much signal has been learned.
        self._history = History(math.ceil(history_s / self._frame_s), frame, n)
        self._succession = Succession(
            self._history, rate_hz, rules.calibration_s, math.ceil(rules.adopt_s / self._frame_s), submit
        )
        self._frames = 0
        self._offset = np.zeros(n)
        self._last = np.zeros(n)
        self._begins = True
        self._key = b""
        self._good = self._usable = np.ones(n, dtype=np.bool_)
        self._frontal_usable = True

    @property
    def status(self) -> IcaStatus:
        """Where it stands now."""
        learned = self._ica.phase == "learned"
        scores = sorted(self._ocular.scores[self._ocular.scores > 0.0].tolist(), reverse=True)
        blink = self._ocular.correlation
        if blink in scores:
            scores.remove(blink)
            scores.insert(0, blink)
        return IcaStatus(
            channels=len(self._columns),
            offers_source=self.offers_source,
            seconds=0.0 if learned else self._ica.seconds_,
            needed=0.0 if learned else self.rules.calibration_s,
            correlations=tuple(scores),
            trusted=self._trusted,
            without=tuple(name for name, inside in zip(self._names, self._members.inside, strict=True) if not inside),
        )

    @property
    def blink_row(self) -> FloatArray | None:
        """(un-mixed channels,) what makes the blink source of them, in µV at the forehead; None without one."""
        return self._ocular.blink_row

    @property
    def blink_map(self) -> dict[str, float]:
        """What the blink source puts into each channel, 1 in the mean at the frontal ones; empty without one."""
        weights = self._ocular.blink_map
        return {} if weights is None else dict(zip(self._names, weights.tolist(), strict=True))

    @property
    def _trusted(self) -> bool:
        return self.offers_source and self._ocular.trusted

    def restart(self) -> None:
        """As after a hole in time: gates, baselines and filters start afresh, what has been learned is kept."""
        self._survey.restart()
        self._ocular.restart()
        self._begins = True

    def push(self, frame: Frame) -> Parts:
        """Un-mixes a frame, and learns from it what is used for the next ones."""
        x, good, fresh = frame.samples, frame.good, frame.fresh
        if not self._all:
            x, good, fresh = x.take(self._columns, axis=1), good[self._columns], fresh[self._columns]
        if self._begins or np.count_nonzero(fresh):
            # Offsets of up to 100 mV, and their jumps, never get further than this.
            self._offset = np.where(fresh | self._begins, x[0] - self._last, self._offset)
            self._begins = False
        z = x - self._offset
        self._last = z[-1]
        self._members.push(good)
        usable = self._which(good)
        eyes = self._ocular.push(z, self._survey.push(z), usable)
        self._history.push(z)
        self._frames += 1
        self._ica.partial_fit(z if len(self._inside) == len(self._columns) else z.take(self._inside, axis=1))
        if self._frames % self._turn == 0:
            self._look()
        trusted = self._trusted and self._frontal_usable
        source = eyes.source if trusted else np.zeros(len(x))
        return Parts(source, trusted, self._in_montage(eyes.removed))

    def _which(self, good: BoolArray) -> BoolArray:
        """(channels,) which can be used: the same object as long as it says the same."""
        key = good.tobytes()
        if key != self._key:
            self._key, self._good = key, good
            self._usable = good & self._members.inside
            self._frontal_usable = bool(self._usable[self._frontal].any())
        return self._usable

    def _in_montage(self, removed: FloatArray | None) -> FloatArray | None:
        if removed is None or self._all:
            return removed
        wide = np.zeros((len(removed), len(self._montage.names)))
        wide[:, self._columns] = removed
        return wide

    def _look(self) -> None:
        """Once a turn: which channels take part, and which components are ocular."""
        self._members.finish(self._survey.finish(self._good & ~self._members.noisy))
        self._key = b""
        self._succeed()
        if self._ica.fitted and self._ica.seconds_ >= self.rules.first_s:
            components = Components(self._ica.unmixing_, self._ica.mixing_, self._inside)
            self._ocular.learn(components, self._survey.covariance, mature=self._ica.phase == "learned")

    def _succeed(self) -> None:
        """Un-mixes the channels that take part now, as soon as that has been learned."""
        inside = np.flatnonzero(self._members.inside)
        joined = self._members.inside.copy()
        joined[self._inside] = False
        good_for = int(self._members.good_for[joined].min()) if joined.any() else self._frames
        ica = self._succession.push(self._ica, self._inside, inside, good_for, self._turn)
        if ica is not None:
            self._ica, self._inside = ica, inside
            if joined.any():
                self._survey = self._surveyed(good_for)

    def _surveyed(self, frames: int) -> Survey:
        """A survey of the newest frames alone: what it knew of channels while they were bad would mislead."""
        survey = Survey(len(self._columns), self._montage.rate_hz, self._frame, self.rules.ocular.memory_s)
        samples = self._history.latest(frames)
        for at in range(0, len(samples), self._frame):
            survey.push(samples[at : at + self._frame])
        survey.finish(self._members.inside)
        return survey

    def get_state(self) -> State:
        """All that is worth keeping for a later run, as plain arrays: `numpy.savez` keeps it, without pickle."""
        state: State = {
            "format": np.array(FORMAT),
            "names": np.array(self._names),
            "rate_hz": np.array(self._montage.rate_hz),
            "inside": self._inside.copy(),
            "last": self._last.copy(),
            "covariance": self._survey.covariance.copy(),
        }
        state |= {f"ocular/{key}": value for key, value in self._ocular.get_state().items()}
        return state | {f"ica/{key}": value for key, value in self._ica.get_state().items()}

    def set_state(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Goes on from what `get_state` gave. Raises `ConfigError` with the reason when it does not fit."""
        try:
            self._set_state(state)
        except KeyError as error:
            raise ConfigError(f"the saved state lacks {error}: start without it") from None
        except (IndexError, TypeError, ValueError):  # Arrays of other shapes and kinds than ours.
            raise ConfigError("the saved state does not hold together: start without it") from None

    def _set_state(self, state: Mapping[str, npt.NDArray[np.generic]]) -> None:
        if str(state["format"]) != str(FORMAT):
            raise ConfigError(f"the saved state is of format {state['format']}, not {FORMAT}: start without it")
        names, rate_hz = (
            tuple(str(name) for name in state["names"]),
            float(np.asarray(state["rate_hz"], dtype=np.float64)),
        )
        if names != self._names:
            theirs, ours = ", ".join(names[:4]), ", ".join(self._names[:4])
            raise ConfigError(
                f"the saved state is of {len(names)} channels ({theirs} ...), the stream has {len(self._names)} "
                f"({ours} ...): start without it"
            )
        if not math.isclose(rate_hz, self._montage.rate_hz, rel_tol=1e-3):
            raise ConfigError(
                f"the saved state is of {rate_hz:g} Hz, the stream has {self._montage.rate_hz:g} Hz: start without it"
            )
        n = len(self._names)
        inside = np.asarray(state["inside"], dtype=np.intp)
        last, covariance = (np.asarray(state[key], dtype=np.float64) for key in ("last", "covariance"))
        fits = (
            last.shape == (n,)
            and covariance.shape == (n, n)
            and len(inside) >= 2
            and set(inside) <= set(range(n))
            and len(set(inside)) == len(inside)
        )
        if not fits or not (np.isfinite(last).all() and np.isfinite(covariance).all()):
            raise ConfigError("the saved state does not hold together: start without it")
        ica = OnlineICA(self._montage.rate_hz, calibration_s=self.rules.calibration_s, submit=self._submit)
        ica.set_state(_part(state, "ica/"))
        self._ocular.set_state(_part(state, "ocular/"))
        self._ica, self._inside = ica, inside
        self._survey.covariance[:] = covariance
        self._last = last.copy()
        self._members.inside = np.isin(np.arange(n), inside)
        self.restart()


FORMAT = 1
"""Of the saved state."""


def _part(state: Mapping[str, npt.NDArray[np.generic]], prefix: str) -> State:
    return {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
