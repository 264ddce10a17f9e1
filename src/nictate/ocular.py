"""Which independent components are the eyes', what they do, and what they put into each channel.

`Ocular` chooses the components by their correlation with the frontal channels, keeps track of them while the un-mixing
goes on being learned, and yields the blink source and, through the `Gate`, what is to be taken out of the channels.
Scores are told from the covariance that `Survey` keeps, so that an un-mixing learned a moment ago has them at once.

Everything that could step when the un-mixing changes is faded over. Components are told in µV at the frontal channels,
so that neither the ICA's arbitrary signs nor its scales are seen, and their baselines are kept in channels, so that a
change of un-mixing meets no offset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from nictate.gate import Gate, GateRules
from nictate.kept import State
from nictate.signals import BoolArray, ConfigError, FloatArray
from nictate.unmixing import Components


@dataclass(frozen=True, slots=True)
class OcularRules:
    """The numbers that say what is ocular."""

    enter: float = 0.5
    """A component is ocular from this correlation with the frontal mean below 10 Hz ..."""
    leave: float = 0.4
    """... until this, as long as its map is that of before."""
    same: float = 0.8
    """Two maps are of one component from this similarity (cosine)."""
    frontal_share: float = 0.4
    """Least of the map's largest value that the frontal channels must see."""
    most: int = 3
    """So many components are ocular at most."""
    memory_s: float = 30.0
    """Time constant of the covariance in s."""
    trust: float = 0.7
    """The blink source is trusted from this correlation with the frontal mean ..."""
    distrust: float = 0.55
    """... until this."""
    trust_after_s: float = 2.0
    """So long must a component have been the blink source, in s."""
    fade_s: float = 0.24
    """How long a change takes, in s."""


@dataclass(frozen=True, slots=True)
class Eyes:
    """What the eyes did in one frame."""

    source: FloatArray
    """(n,) the blink source in µV at the frontal channels, without its baseline; zeros where there is none, and where
    the frontal channels show nothing of it."""
    removed: FloatArray | None
    """(n, channels) what to take out of the channels in µV; None while all gates are closed."""


@dataclass(frozen=True, slots=True)
class _Views:
    """What is looked at in each frame: the components, the forehead, and in a fade the components at its beginning."""

    rows: FloatArray
    """(views, channels)"""
    own: npt.NDArray[np.intp]
    """(views,) where in views x components, row by row, each stands with the component whose baseline it has."""
    levels: FloatArray
    """(2, views) the baselines at the beginning and at the end of the frame."""
    blink: int | None
    """The view that makes the blink source, if there is one, ..."""
    forehead: int | None
    """... and the one of the frontal mean, in units of it; None where the frontal channels show nothing of it."""


class Ocular:
    """The ocular components of an un-mixing that goes on being learned."""

    def __init__(
        self, frontal: Sequence[int], channels: int, rate_hz: float, frame: int, rules: OcularRules, gate: GateRules
    ) -> None:
        if not frontal or not all(0 <= k < channels for k in frontal):
            raise ConfigError(f"frontal channels {tuple(frontal)} of {channels}: at least one of them is needed")
        self._rules = rules
        self._gate = Gate(gate, rate_hz, frame)
        self._frontal = np.zeros(channels, dtype=np.bool_)
        self._frontal[list(frontal)] = True
        self._ramp = (np.arange(1, frame + 1) / frame)[:, np.newaxis]
        self._ramps = np.hstack((1.0 - self._ramp, self._ramp))
        self._fade_frames = max(1, round(rules.fade_s * rate_hz / frame))
        self._trust_after = max(0, round(rules.trust_after_s * rate_hz / frame))
        self._faded = self._fade_frames
        self._usable = np.ones(channels, dtype=np.bool_)
        self._covariance = np.zeros((channels, channels))
        none = np.empty((0, channels))
        self._learned = none  # (k, channels) rows of the un-mixing, as learned,
        self._rows = (none, none)  # as applied at the beginning and at the end of a fade, here without bad channels,
        self._maps = (none, none)  # the maps beside them,
        self._weights = (np.empty(0), np.empty(0))  # and the components' part in the blink source.
        self._levels = (none, none)  # The baselines at the beginning and at the end of the frame.
        self._unset = False  # Whether there are baselines that are not known yet (NaN).
        self._views: _Views | None = None  # Of all these; None where they have changed.
        self._age = 0  # Frames since the blink source became what it is.
        self.scores = np.empty(0)
        """(components,) correlation of each ocular component with the frontal mean below 10 Hz."""
        self.trusted = False
        """Whether the blink source can be used."""

    @property
    def maps(self) -> FloatArray:
        """(components, channels) what each ocular component puts into the channels, 1 in the mean at the frontal."""
        return self._maps[1][self._present]

    @property
    def blink_row(self) -> FloatArray | None:
        """(channels,) the row of the un-mixing that makes the blink source; None where there is none."""
        chosen = np.flatnonzero(self._weights[1])
        return self._rows[1][chosen[0]] if len(chosen) else None

    @property
    def blink_map(self) -> FloatArray | None:
        """(channels,) what the blink source puts into the channels, 1 in the mean at the frontal; None without one."""
        chosen = np.flatnonzero(self._weights[1])
        return self._maps[1][chosen[0]] if len(chosen) else None

    @property
    def correlation(self) -> float | None:
        """Of the blink source with the frontal mean; None where there is none."""
        chosen = np.flatnonzero(self._weights[1])
        return float(self.scores[chosen[0]]) if len(chosen) else None

    @property
    def _present(self) -> BoolArray:
        return np.asarray(self._maps[1].any(axis=1))

    def restart(self) -> None:
        """As after a hole in time: gates and baselines afresh, the components are kept."""
        self._gate.restart()
        nowhere = np.full_like(self._levels[1], np.nan)
        self._levels, self._unset = (nowhere, nowhere), True
        self._settle()

    def clear(self) -> None:
        """No component is ocular any more."""
        self._set([], self._learned[:0], self._maps[1][:0], np.empty(0), np.empty(0))
        self._settle()

    def push(self, samples: FloatArray, mean: FloatArray, usable: BoolArray) -> Eyes:
        """Takes a frame (n, channels) in µV without jumps, its mean (channels,), and which channels can be used."""
        if usable is not self._usable:
            worse = bool(np.any(self._usable & ~usable))
            self._usable, self._views = usable, None
            if worse:  # At once; those that have come back are faded in when the un-mixing is looked at next.
                after = self._bridged(self._learned)
                self._rows = (after, after)
        k = len(self._gate)
        if not k:
            return Eyes(np.zeros(len(samples)), None)
        views = self._views = self._views or self._arranged(mean)
        # dot, because @ takes twice as long for so little.
        seen = samples.dot(views.rows.T) - self._ramps.dot(views.levels)
        r = seen[:, :k]
        fading = self._faded < self._fade_frames
        if fading:
            fade = (self._faded + self._ramp) / self._fade_frames
            r = seen[:, -k:] + fade * (r - seen[:, -k:])
        opening, after = self._gate.push(r), self._levels[1]
        level = after + opening.follow[:, np.newaxis] * (mean - after)
        self._levels = (after, level)
        views.levels[0], views.levels[1] = views.levels[1], views.rows.dot(level.T).take(views.own)
        self._age += 1
        source = np.zeros(len(samples)) if views.blink is None else r[:, views.blink]
        if fading:
            was = r @ self._weights[0]
            source = was + fade[:, 0] * (source - was)
        if views.forehead is not None:
            # The smaller, 0 where the signs differ: both show a blink alike. A pop or a movement of some electrode,
            # much of which passes a row with many weights, is in the one, alpha and the gaze to the side in the other.
            forehead = seen[:, views.forehead]
            source = np.minimum(np.maximum(source, np.minimum(forehead, 0.0)), np.maximum(forehead, 0.0))
        removed = None
        if not opening.closed:
            out = opening.share * r
            removed = (
                (fade * out) @ self._maps[1] + ((1.0 - fade) * out) @ self._maps[0] if fading else out @ self._maps[1]
            )
            if not usable.all():
                removed[:, ~usable] = 0.0
        if fading:
            self._faded += 1
            if self._faded == self._fade_frames:
                self._settle()
                if len(self._gate) == k:
                    self._views = replace(views, rows=views.rows[:-k], own=views.own[:-k], levels=views.levels[:, :-k])
        return Eyes(source, removed)

    def _arranged(self, mean: FloatArray) -> _Views:
        """All that stays the same while the components and the usable channels do; ``mean`` is the frame's."""
        before, after = self._levels
        if self._unset:
            new = np.isnan(after[:, :1])
            before, after = self._levels = np.where(new, mean, before), np.where(new, mean, after)
            self._unset = False
        components = list(range(len(after)))
        rows, whose = [self._rows[1]], components.copy()
        blink, forehead = None, None
        if self._weights[1].any():
            blink = int(self._weights[1].argmax())
            seen = self._frontal & self._usable
            average = seen / max(1, int(np.count_nonzero(seen)))
            share = float(self._maps[1][blink] @ average)
            if share >= 0.1:
                forehead = len(components)
                rows.append(average[np.newaxis] / share)
                whose.append(blink)
        if self._faded < self._fade_frames:
            rows.append(self._rows[0])
            whose += components
        stack = np.concatenate(rows)
        own = np.arange(len(stack)) * len(components) + whose
        levels = np.array([(stack @ level.T).take(own) for level in (before, after)])
        return _Views(stack, own, levels, blink, forehead)

    def learn(self, ica: Components, covariance: FloatArray, *, mature: bool) -> None:
        """Looks at an un-mixing anew. ``mature`` says whether it has been learned well enough to be trusted."""
        rules, columns = self._rules, ica.columns
        self._covariance = covariance
        channels = len(self._frontal)
        U, A = np.zeros((len(ica.unmixing), channels)), np.zeros((len(ica.unmixing), channels))
        U[:, columns], A[:, columns] = ica.unmixing, ica.mixing.T
        mixed = np.zeros(channels, dtype=np.bool_)
        mixed[columns] = True
        frontal = self._frontal & self._usable & mixed
        if not frontal.any():  # No channel is left to be told by.
            self.trusted = False
            if len(self._maps[1]) and not np.array_equal(self._maps[1].any(axis=0), mixed):
                self.clear()
            return
        average = frontal / np.count_nonzero(frontal)
        scale, sizes = A @ average, np.abs(A)
        largest = sizes.max(axis=1)
        able = (sizes[:, frontal].max(axis=1) >= rules.frontal_share * largest) & (np.abs(scale) > 0.1 * largest)
        U, A = U[able] * scale[able, np.newaxis], A[able] / scale[able, np.newaxis]
        learned, U = U, self._bridged(U)
        with_frontal = covariance @ average
        energy, whole = np.vecdot(U @ covariance, U), with_frontal @ average
        scores = (U @ with_frontal) / np.sqrt(np.maximum(energy * whole, 1e-300))
        # Of a component with next to no energy at the forehead, the correlation is one of rounding errors.
        scores = np.where(energy > 1e-3 * whole, scores, 0.0)

        order, chosen = self._track(A, scores, mixed)
        weights = np.zeros(len(order))
        weights[self._blink_among(order, scores[chosen])] = 1.0
        gone = [k for k in np.flatnonzero(self._present).tolist() if k not in order]
        none = np.zeros(len(gone))
        self._set(
            [*order, *gone],
            np.concatenate((learned[chosen], self._learned[gone])),
            np.concatenate((A[chosen], np.zeros((len(gone), channels)))),
            np.concatenate((scores[chosen], none)),
            np.concatenate((weights, none)),
        )
        self._judge(mature)

    def _track(self, maps: FloatArray, scores: FloatArray, mixed: BoolArray) -> tuple[list[int | None], list[int]]:
        """For each component that is ocular now: which it was before (None: it was not), and which row it is."""
        rules = self._rules
        order: list[int | None] = []
        chosen: list[int] = []
        if len(scores):
            for k in (-self.scores).argsort(kind="stable").tolist():
                known = self._maps[1][k]
                both = mixed & (known != 0.0)
                theirs, its = maps[:, both], known[both]
                sizes = np.sqrt(np.vecdot(theirs, theirs) * np.vdot(its, its))
                alike = (theirs @ its) / np.maximum(sizes, 1e-300)
                alike[[*chosen]] = -1.0
                alike[scores < rules.leave] = -1.0
                best = int(np.argmax(alike))
                if alike[best] > rules.same:
                    order.append(k)
                    chosen.append(best)
            for k in (-scores).argsort(kind="stable").tolist():
                if len(chosen) < rules.most and scores[k] >= rules.enter and k not in chosen:
                    order.append(None)
                    chosen.append(k)
        return order, chosen

    def _blink_among(self, order: list[int | None], scores: FloatArray) -> list[int]:
        """The place of the blink source: the best, or the one that it was while that is nearly as good."""
        if not len(scores):
            return []
        best = int(np.argmax(scores))
        for place, k in enumerate(order):
            if k is not None and self._weights[1][k] and scores[place] > scores[best] - 0.1:
                return [place]
        return [best]

    def _judge(self, mature: bool) -> None:
        chosen = np.flatnonzero(self._weights[1])
        if not len(chosen):
            self.trusted = False
            return
        k = chosen[0]
        limit = self._rules.distrust if self.trusted else self._rules.trust
        long_enough = self.trusted or self._age >= self._trust_after
        self.trusted = bool(mature and self.scores[k] >= limit and long_enough and self._gate.events[k] > 0)

    def _set(
        self, order: Sequence[int | None], rows: FloatArray, maps: FloatArray, scores: FloatArray, weights: FloatArray
    ) -> None:
        """From what is applied now a fade to these components."""
        at = np.array([-1 if k is None else k for k in order], dtype=np.int64)
        new = (at < 0)[:, np.newaxis]
        same = list(order) == list(range(len(self._learned)))
        self._learned = rows
        after = self._bridged(rows)

        def past(values: FloatArray, otherwise: FloatArray | float) -> FloatArray:
            if same:
                return values
            padded = np.concatenate((values, np.zeros((1, *values.shape[1:]))))[at]
            return np.where(new if values.ndim == 2 else new[:, 0], otherwise, padded)

        self._rows = (past(self._rows[1], after), after)
        self._maps = (past(self._maps[1], 0.0), maps)
        self._weights = (past(self._weights[1], 0.0), weights)
        self._levels = (past(self._levels[0], np.nan), past(self._levels[1], np.nan))
        self._unset = bool(np.isnan(self._levels[1]).any())
        if not np.array_equal(self._weights[0], self._weights[1]):
            self._age = 0
        self.scores = scores
        self._gate.rearrange(order)
        self._faded, self._views = 0, None

    def _settle(self) -> None:
        """The end of a fade: what has left is dropped."""
        self._faded, self._views = self._fade_frames, None
        rows, maps, weights = self._rows[1], self._maps[1], self._weights[1]
        stay = self._present
        if not stay.all():
            self._gate.rearrange(np.flatnonzero(stay).tolist())
            self._learned, self.scores = self._learned[stay], self.scores[stay]
            self._levels = (self._levels[0][stay], self._levels[1][stay])
            rows, maps, weights = rows[stay], maps[stay], weights[stay]
        self._rows, self._maps, self._weights = (rows, rows), (maps, maps), (weights, weights)

    def _bridged(self, rows: FloatArray) -> FloatArray:
        """The same components from the usable channels alone, as well as the covariance allows: by least squares."""
        bad = np.flatnonzero(~self._usable)
        if not len(rows) or not len(bad) or not np.any(rows[:, bad]):
            return rows
        C, good = self._covariance, self._usable
        among = C[np.ix_(good, good)]
        ridge = 1e-6 * max(float(np.trace(among)) / max(len(among), 1), 1e-12)
        bridged = np.zeros_like(rows)
        bridged[:, good] = np.linalg.solve(among + ridge * np.eye(len(among)), C[good] @ rows.T).T
        return bridged

    def get_state(self) -> State:
        """The components as plain arrays: what a restart needs to know them at once."""
        kept = np.flatnonzero(self._present)
        state: State = {
            "rows": self._learned[kept],
            "maps": self._maps[1][kept],
            "scores": self.scores[kept],
            "weights": self._weights[1][kept],
            "age": np.array(self._age),
            "trusted": np.array(self.trusted),
        }
        gate = self._gate.get_state()
        return state | {f"gate/{key}": value[..., kept] for key, value in gate.items()}

    def set_state(self, state: State) -> None:
        """Takes over what `get_state` gave. Raises `ConfigError` when it does not fit."""
        rows, maps, scores, weights = (
            np.asarray(state[key], dtype=np.float64) for key in ("rows", "maps", "scores", "weights")
        )
        k, channels = len(scores), len(self._frontal)
        shapes = rows.shape == maps.shape == (k, channels) and weights.shape == (k,)
        if not shapes or not all(np.isfinite(array).all() for array in (rows, maps, scores, weights)):
            raise ConfigError("the saved ocular components do not fit: start without the saved state")
        self.clear()
        self._gate.set_state({key[5:]: value for key, value in state.items() if key.startswith("gate/")})
        if len(self._gate) != k:
            raise ConfigError("the saved ocular components and their gates do not fit: start without the saved state")
        nowhere = np.full((k, channels), np.nan)
        self._learned, self._rows, self._maps = rows, (rows, rows), (maps, maps)
        self._weights, self._levels, self.scores = (weights, weights), (nowhere, nowhere), scores
        self._age, self._unset, self._views = int(np.asarray(state["age"], dtype=np.int64)), True, None
        self.trusted = bool(state["trusted"])
