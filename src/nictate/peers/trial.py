"""A peer on labelled recordings: what it is shown, what that finds, how right it is, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from nictate.peers.peer import Found, Peer, PeerError
from nictate.signals import BlinkEvent, FloatArray
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import match, score
from nictate.training.scores import Score

S = TypeVar("S")

MEAN = "mean"
WARM_S = 20.0
"""Heard before the cost is measured: libraries are loaded and filters designed by then."""


@dataclass(frozen=True, slots=True)
class View:
    """What a peer of one channel is shown of a recording."""

    channel: str
    """Its name, as the maker wrote it, or `MEAN`: of all that can show a blink."""
    sign: float
    """-1 for upside down."""

    def __str__(self) -> str:
        return f"{self.channel} {'up' if self.sign > 0.0 else 'down'}"


def views(signals: Sequence[LabelledSignal]) -> tuple[View, ...]:
    """All that can be shown of recordings that belong together: the mean, and each of `common`, both ways up."""
    return tuple(View(channel, sign) for channel in (MEAN, *common(signals)) for sign in (1.0, -1.0))


def common(signals: Sequence[LabelledSignal]) -> tuple[str, ...]:
    """The channels that can show a blink in all of these recordings; none where each has but one."""
    names = [tuple(dict.fromkeys(s.montage.names[k] for k in s.channels)) for s in signals]
    if all(len(one) == 1 for one in names):
        return ()
    return tuple(name for name in names[0] if all(name in other for other in names))


def shown(signal: LabelledSignal, view: View) -> FloatArray:
    """(n,) in µV. Missing values are bridged by straight lines."""
    columns = signal.channels if view.channel == MEAN else (signal.montage.names.index(view.channel),)
    x = signal.samples[:, list(columns)].astype(np.float64)
    for column in x.T:
        there = np.isfinite(column)
        if not there.all():
            column[:] = np.interp(signal.times, signal.times[there], column[there]) if there.any() else 0.0
    mean: FloatArray = view.sign * x.mean(axis=1)
    return mean


def events(found: Found, signal: LabelledSignal) -> list[BlinkEvent]:
    """As `nictate.training.evaluate` takes them; `decided` is NaN where the whole recording was used."""
    at = np.interp(found.peaks, np.arange(len(signal.times)), signal.times)
    decided = np.full(len(at), np.nan)
    if len(found.decided):
        decided = signal.times[found.decided.astype(np.int64)]
    return [
        BlinkEvent("blink", onset=t, peak=t, end=t, amplitude=None, confidence=1.0, decided=d)
        for t, d in zip(at.tolist(), decided.tolist(), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Tally:
    """How right each setting of a peer is on the recordings of one set, in each view."""

    views: tuple[View, ...]
    counts: npt.NDArray[np.int64]
    """(views, settings, 3): hits, misses, false alarms"""

    @property
    def f1(self) -> FloatArray:
        """(views, settings); 0 where there is neither a blink nor a detection."""
        hits, misses, false = np.moveaxis(self.counts, -1, 0)
        total = 2 * hits + misses + false
        f1: FloatArray = np.divide(2.0 * hits, total, out=np.zeros(total.shape), where=total > 0)
        return f1


def tally(
    peer: Peer[S], settings: Sequence[S], signals: Sequence[LabelledSignal], skip_s: tuple[float, float]
) -> Tally:
    """Runs all settings on all recordings of a set in all views. Where it fails, it has found nothing."""
    all_views = views(signals)
    counts = np.zeros((len(all_views), len(settings), 3), dtype=np.int64)
    for v, view in enumerate(all_views):
        for s in signals:
            for k, found in enumerate(_found(peer, settings, s, view)[0]):
                at = np.interp(found.peaks, np.arange(len(s.times)), s.times)
                matched = match(at, s.truth, skip_s)
                counts[v, k] += len(matched.pairs), len(matched.missed), len(matched.false)
    return Tally(all_views, counts)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One setting in one view: a score a recording, by its name, and where it failed."""

    scores: dict[str, Score]
    failures: tuple[str, ...]
    """The recording and what was said of it, one line each."""


def outcome(
    peer: Peer[S], setting: S, view: View, signals: Sequence[LabelledSignal], skip_s: tuple[float, float]
) -> Outcome:
    """Runs one setting on all recordings of a set."""
    scores, failures = {}, []
    for s in signals:
        (found,), error = _found(peer, [setting], s, view)
        scores[s.name] = score(events(found, s), s.truth, skip_s)
        if error:
            failures.append(f"{s.name}: {error}")
    return Outcome(scores, tuple(failures))


def _found(peer: Peer[S], settings: Sequence[S], signal: LabelledSignal, view: View) -> tuple[list[Found], str]:
    """What was found, and why not where the peer has failed."""
    try:
        return peer.find(shown(signal, view), signal.montage.rate_hz, settings), ""
    except PeerError as error:
        return [Found(np.empty(0)) for _ in settings], str(error)


def cost_ms(peer: Peer[S], setting: S, signals: Sequence[LabelledSignal], at_least_s: float = 600.0) -> float | None:
    """Processor time in ms for a minute of one channel, on the first recordings that are ``at_least_s`` together.

    None where there is no recording on which the peer does not fail.
    """
    taken_s = heard_s = 0.0
    warm_s = WARM_S
    for s in signals:
        x = shown(s, View(MEAN, s.polarity))
        try:
            while warm_s > 0.0:
                peer.find(x, s.montage.rate_hz, [setting])
                warm_s -= s.duration_s
            begun = time.process_time()
            peer.find(x, s.montage.rate_hz, [setting])
            taken_s += time.process_time() - begun
            heard_s += len(x) / s.montage.rate_hz
        except PeerError:
            continue
        if heard_s >= at_least_s:
            break
    return 60e3 * taken_s / heard_s if heard_s else None
