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
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nictate.gate import Gate, GateRules
from nictate.signals import BoolArray, ConfigError, FloatArray

State = dict[str, npt.NDArray[np.generic]]


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
class Components:
    """What an ICA says: components of some of the channels."""

    unmixing: FloatArray
    """(components, columns)"""
    mixing: FloatArray
    """(columns, components)"""
    columns: npt.NDArray[np.intp]
    """(columns,) which of the channels it un-mixes."""


@dataclass(frozen=True, slots=True)
class Eyes:
    """What the eyes did in one frame."""

    source: FloatArray
    """(n,) the blink source in µV at the frontal channels, without its baseline; zeros where there is none, and where
    the frontal channels show nothing of it."""
    removed: FloatArray | None
    """(n, channels) what to take out of the channels in µV; None while all gates are closed."""


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
        self._age = 0  # Frames since the blink source became what it is.
        self.scores = np.empty(0)
        """(components,) correlation of each ocular component with the frontal mean below 10 Hz."""
        self.trusted = False
        """Whether the blink source can be used."""

    @property
    def maps(self) -> FloatArray:
        """(components, channels) what each ocular component puts into the channels, 1 in the mean at the frontal."""
        present = self._present
        return self._maps[1][present]

    @property
    def unmixing(self) -> FloatArray:
        """(components, channels) the rows of the un-mixing that belong to `maps`."""
        return self._rows[1][self._present]

    @property
    def blink_row(self) -> FloatArray | None:
        """(channels,) the row of the un-mixing that makes the blink source; None where there is none."""
        chosen = np.flatnonzero(self._weights[1])
        return self._rows[1][chosen[0]] if len(chosen) else None

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
            self._usable = usable
            if worse:  # At once; those that have come back are faded in when the un-mixing is looked at next.
                after = self._bridged(self._learned)
                self._rows = (after, after)
        n = len(samples)
        if not len(self._gate):
            return Eyes(np.zeros(n), None)
        before, after = self._levels
        if self._unset:
            new = np.isnan(after[:, :1])
            before, after = np.where(new, mean, before), np.where(new, mean, after)
            self._unset = False
        fading = self._faded < self._fade_frames
        r = self._above(samples, self._rows[1], before, after)
        if fading:
            fade = (self._faded + self._ramp) / self._fade_frames
            begin = self._above(samples, self._rows[0], before, after)
            r = begin + fade * (r - begin)
        opening = self._gate.push(r)
        self._levels = (after, after + opening.follow[:, np.newaxis] * (mean - after))
        self._age += 1
        removed = None
        source: FloatArray = r @ self._weights[1]
        if fading:
            was = r @ self._weights[0]
            source = was + fade[:, 0] * (source - was)
        source = self._agreed(source, samples, before, after)
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
        return Eyes(source, removed)

    def _agreed(self, source: FloatArray, samples: FloatArray, before: FloatArray, after: FloatArray) -> FloatArray:
        """(n,) the smaller of the source and the frontal mean above the same baseline; 0 where their signs differ.

        Both show a blink alike, in µV at the forehead. A pop or a movement of some electrode, of which a row with many
        weights lets much through, is in the one, alpha and a horizontal saccade are in the other.
        """
        blink = np.flatnonzero(self._weights[1])
        seen = np.flatnonzero(self._frontal & self._usable)
        if not len(blink) or not len(seen):
            return source
        k = blink[0]
        share = self._maps[1][k, seen].mean()
        if share < 0.1:
            return source
        begin, end = before[k, seen].mean(), after[k, seen].mean()
        forehead = samples.take(seen, axis=1).mean(axis=1) - (begin + self._ramp[:, 0] * (end - begin))
        smaller = np.minimum(np.abs(source), np.abs(forehead) / share)
        return np.where(source * forehead > 0.0, np.copysign(smaller, source), 0.0)

    def _above(self, samples: FloatArray, rows: FloatArray, before: FloatArray, after: FloatArray) -> FloatArray:
        """(n, components) activity above the baselines, which go from one level to the other within the frame."""
        begin = np.einsum("kc,kc->k", rows, before)
        end = np.einsum("kc,kc->k", rows, after)
        return np.asarray(samples @ rows.T - (begin + self._ramp * (end - begin)))

    def learn(self, ica: Components, covariance: FloatArray, *, mature: bool) -> None:
        """Looks at an un-mixing anew. ``mature`` says whether it has been learned well enough to be trusted."""
        rules, columns = self._rules, ica.columns
        self._covariance = covariance
        channels = len(self._frontal)
        U, A = np.zeros((len(ica.unmixing), channels)), np.zeros((len(ica.unmixing), channels))
        U[:, columns], A[:, columns] = ica.unmixing, ica.mixing.T
        frontal = self._frontal & self._usable
        frontal[np.setdiff1d(np.arange(channels), columns)] = False
        if not frontal.any():  # No channel is left to be told by.
            self.trusted = False
            if len(self._maps[1]) and not self._same_channels(columns):
                self.clear()
            return
        largest = np.abs(A).max(axis=1)
        scale = A[:, frontal].mean(axis=1)
        able = (np.abs(A[:, frontal]).max(axis=1) >= rules.frontal_share * largest) & (np.abs(scale) > 0.1 * largest)
        U, A = U[able] * scale[able, np.newaxis], A[able] / scale[able, np.newaxis]
        learned, U = U, self._bridged(U)
        with_frontal = covariance[:, frontal].mean(axis=1)
        energy, whole = np.einsum("kc,kc->k", U @ covariance, U), with_frontal[frontal].mean()
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = (U @ with_frontal) / np.sqrt(energy * whole)
        # Of a component with next to no energy at the forehead, the correlation is one of rounding errors.
        scores = np.where(energy > 1e-3 * whole, scores, 0.0)

        order, chosen = self._track(A, scores, columns)
        weights = np.zeros(len(order))
        weights[self._blink_among(order, scores[chosen])] = 1.0
        gone = [int(k) for k in np.flatnonzero(self._present) if k not in order]
        rows = np.vstack((learned[chosen], self._learned[gone]))
        maps = np.vstack((A[chosen], np.zeros((len(gone), channels))))
        self._set(
            [*order, *gone],
            rows,
            maps,
            np.append(scores[chosen], np.zeros(len(gone))),
            np.append(weights, np.zeros(len(gone))),
        )
        self._judge(mature)

    def _track(
        self, maps: FloatArray, scores: FloatArray, columns: npt.NDArray[np.intp]
    ) -> tuple[list[int | None], list[int]]:
        """For each component that is ocular now: which it was before (None: it was not), and which row it is."""
        rules = self._rules
        order: list[int | None] = []
        chosen: list[int] = []
        if len(scores):
            common = np.zeros(len(self._frontal), dtype=np.bool_)
            common[columns] = True
            tracked = [int(k) for k in np.argsort(-self.scores, kind="stable") if self._present[k]]
            for k in tracked:
                known = self._maps[1][k]
                both = common & (known != 0.0)
                sizes = np.linalg.norm(maps[:, both], axis=1) * np.linalg.norm(known[both])
                alike = (maps[:, both] @ known[both]) / np.maximum(sizes, 1e-300)
                alike[[*chosen]] = -1.0
                alike[scores < rules.leave] = -1.0
                best = int(np.argmax(alike))
                if alike[best] > rules.same:
                    order.append(k)
                    chosen.append(best)
            for k in np.argsort(-scores, kind="stable"):
                if len(chosen) < rules.most and scores[k] >= rules.enter and int(k) not in chosen:
                    order.append(None)
                    chosen.append(int(k))
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
        self._learned = rows
        after = self._bridged(rows)

        def past(values: FloatArray, otherwise: FloatArray | float) -> FloatArray:
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
        self._faded = 0

    def _settle(self) -> None:
        """The end of a fade: what has left is dropped."""
        self._faded = self._fade_frames
        stay = self._present
        if not stay.all():
            kept = np.flatnonzero(stay)
            self._gate.rearrange(kept.tolist())
            self._learned, self.scores = self._learned[kept], self.scores[kept]
            self._levels = (self._levels[0][kept], self._levels[1][kept])
        self._rows = (self._rows[1][stay], self._rows[1][stay])
        self._maps = (self._maps[1][stay], self._maps[1][stay])
        self._weights = (self._weights[1][stay], self._weights[1][stay])

    def _bridged(self, rows: FloatArray) -> FloatArray:
        """The same components from the usable channels alone, as well as the covariance allows: by least squares."""
        bad = ~self._usable
        if not len(rows) or not np.any(rows[:, bad]):
            return rows
        C, good = self._covariance, self._usable
        among = C[np.ix_(good, good)]
        ridge = 1e-6 * max(float(np.trace(among)) / max(len(among), 1), 1e-12)
        bridged = np.zeros_like(rows)
        bridged[:, good] = np.linalg.solve(among + ridge * np.eye(len(among)), C[good] @ rows.T).T
        return bridged

    def _same_channels(self, columns: npt.NDArray[np.intp]) -> bool:
        return bool(np.array_equal(np.flatnonzero(self._maps[1].any(axis=0)), columns))

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
        self._age, self._unset = int(np.asarray(state["age"], dtype=np.int64)), True
        self.trusted = bool(state["trusted"])
