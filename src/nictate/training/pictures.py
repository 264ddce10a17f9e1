"""The pictures of an evaluation: curves, and a gallery of everything that went wrong. matplotlib without pyplot."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import groupby
from typing import TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import signal

from nictate.signals import FloatArray
from nictate.training.analysis import Analysis
from nictate.training.calibration import Ranking, Reliability
from nictate.training.corpus import LabelledSignal
from nictate.training.curve import Dot, front
from nictate.training.findings import Finding, Mistake
from nictate.training.fit import Fitted

T = TypeVar("T")

COLUMNS = 6
ROWS = 8
"""Of one picture of the gallery at most; more mistakes of a person make more pictures."""

AROUND_S = 2.0
"""Shown before and after a mistake."""

MISSED, FALSE, RIGHT = "#c65a00", "#c2185b", "#1565c0"
LABEL, IGNORE = "#4caf50", "#9e9e9e"
TRACES = ("#222222", "#6d7fae", "#a58a6f")


def styled() -> AbstractContextManager[None]:
    """Within it, figures look alike."""
    return mpl.rc_context(
        {"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False}
    )


def losses(fitted: Fitted) -> Figure:
    """Training and validation by epoch."""
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    numbers = [e.number for e in fitted.epochs]
    axes.plot(numbers, [e.train for e in fitted.epochs], label="training (augmented)")
    axes.plot(
        numbers, [np.nan if e.validate is None else e.validate for e in fitted.epochs], label="validation (augmented)"
    )
    axes.axvline(fitted.best, color="0.6", lw=0.8)
    axes.set(xlabel="epoch", ylabel="negative log likelihood (nats per step)")
    axes.legend()
    return figure


def curves(analysis: Analysis) -> Figure:
    """ROC, precision against recall, recall against false alarms, and calibration."""
    figure = Figure(figsize=(12.5, 3.3), layout="constrained")
    roc, precision, recall, calibration = figure.subplots(1, 4)
    _draw_rankings(roc, analysis.rankings)
    whole = analysis.verdict.overall
    for colour, (look_s, dots) in _coloured(_by_look(analysis.blinks)):
        found = [dot.score for dot in dots]
        right, price = [s.recall for s in found], [s.false_per_minute for s in found]
        label = f"{1e3 * look_s:.0f} ms"
        precision.plot(right, [s.precision for s in found], color=colour, marker=".", ms=3, lw=1, label=label)
        recall.plot(price, right, color=colour, marker=".", ms=3, lw=1, label=label)
    precision.plot(whole.recall, whole.precision, "k*", ms=8, label="as decided")
    recall.plot(whole.false_per_minute, whole.recall, "k*", ms=8, label="as decided")
    precision.set(xlabel="recall of blinks", ylabel="precision", title="Precision and recall, by threshold")
    recall.set(xlabel="false alarms per minute", ylabel="recall of blinks", title="The price of recall, by threshold")
    recall.set_xlim(0.0, None)
    for axes in (roc, precision, recall):
        axes.legend(title="look-ahead", fontsize=7, title_fontsize=7)
    _draw_reliability(calibration, analysis.reliability)
    return figure


def latencies(analysis: Analysis) -> Figure:
    """F1 of ``blink/start`` against its median latency: a line a look-ahead, a dot a threshold, and the front."""
    figure = Figure(figsize=(7.5, 4.6), layout="constrained")
    axes = figure.subplots()
    for colour, (look_s, dots) in _coloured(_by_look(analysis.starts)):
        known = [dot for dot in dots if math.isfinite(dot.latency_s) and dot.score.f1 > 0.0]
        x, y = [1e3 * dot.latency_s for dot in known], [dot.score.f1 for dot in known]
        axes.plot(x, y, color=colour, marker="o", ms=3, lw=1, label=f"{1e3 * look_s:.0f} ms")
        for dot in known[::4]:
            at = (1e3 * dot.latency_s, dot.score.f1)
            axes.annotate(f"{dot.threshold:.2g}", at, (3, -7), textcoords="offset points", fontsize=6, color="0.4")
    best = front(analysis.starts)
    x, y = [1e3 * dot.latency_s for dot in best], [dot.score.f1 for dot in best]
    axes.plot(x, y, color="k", lw=2.5, alpha=0.25, drawstyle="steps-post", label="front")
    started = Dot(math.nan, math.nan, analysis.started)
    axes.plot(1e3 * started.latency_s, started.score.f1, "k*", ms=10, label="as decided")
    axes.set(
        xlabel="median latency of blink/start after the labelled peak, ms",
        ylabel="F1 of blink/start",
        title="Accuracy against latency (small numbers: thresholds)",
    )
    axes.grid(color="0.93", lw=0.8)
    axes.legend(title="look-ahead", fontsize=7, title_fontsize=7)
    return figure


def gallery(found: Sequence[Finding]) -> Iterator[Figure]:
    """Every mistake in these recordings, in their order, `COLUMNS` by `ROWS` in a picture."""
    mistakes = [(finding, mistake) for finding in found for mistake in finding.mistakes]
    for first in range(0, len(mistakes), COLUMNS * ROWS):
        shown = mistakes[first : first + COLUMNS * ROWS]
        rows = -(-len(shown) // COLUMNS)
        columns = COLUMNS if rows > 1 else len(shown)
        figure = Figure(figsize=(2.6 * columns, 1.75 * rows))
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        # By hand: a layout engine takes longer than all the rest.
        figure.subplots_adjust(0.02 / columns, 0.04 / rows, 1 - 0.02 / columns, 1 - 0.18 / rows, 0.04, 0.3)
        for axes, (finding, mistake) in zip(panels, shown, strict=False):
            _draw_mistake(axes, finding, mistake)
        for axes in panels[len(shown) :]:
            axes.set_axis_off()
        yield figure


def _by_look(dots: Sequence[Dot]) -> list[tuple[float, list[Dot]]]:
    return [(look_s, list(of)) for look_s, of in groupby(dots, key=lambda dot: dot.look_s)]


def _coloured(looks: Sequence[tuple[float, T]]) -> list[tuple[tuple[float, ...], tuple[float, T]]]:
    """Look-aheads by colour, the further the lighter."""
    colours = mpl.colormaps["viridis"](np.linspace(0.0, 0.85, max(2, len(looks))))
    return [(tuple(colour), look) for colour, look in zip(colours.tolist(), looks, strict=False)]


def _draw_rankings(axes: Axes, rankings: Sequence[tuple[float, Ranking]]) -> None:
    for colour, (look_s, ranking) in _coloured(rankings):
        label = f"{1e3 * look_s:.0f} ms, area {ranking.area:.4f}"
        axes.plot(ranking.false, ranking.true, color=colour, lw=1, label=label)
    axes.set(
        xscale="log",
        xlim=(1e-3, 1),
        ylim=(0, 1.02),
        xlabel="share of seconds without a blink that are taken for one",
        ylabel="share of seconds with a blink found",
        title="ROC of seconds",
    )


def _draw_reliability(axes: Axes, reliability: Reliability) -> None:
    bins = reliability.bins
    axes.plot([0, 1], [0, 1], color="0.7", lw=0.8)
    axes.bar(
        [0.5 * (b.low + b.high) for b in bins], [b.true for b in bins], width=0.09, color="#90a4c8", alpha=0.6, lw=0
    )
    axes.plot([b.said for b in bins], [b.true for b in bins], "o-", color="#1f3b73", ms=3, lw=1)
    for b in bins:
        axes.annotate(str(b.count), (0.5 * (b.low + b.high), 0.02), ha="center", fontsize=6, rotation=90)
    axes.set(
        xlim=(0, 1),
        ylim=(0, 1.05),
        xlabel="confidence of blink",
        ylabel="share that were blinks",
        title=f"Calibration, error {reliability.error:.3f} (counts below)",
    )


def _draw_mistake(axes: Axes, finding: Finding, mistake: Mistake) -> None:
    s, at = finding.signal, mistake.at_s
    low, high = at - AROUND_S, at + AROUND_S
    t, traces = _filtered(s, low, high)
    near = np.abs(t - at) <= 0.5 * AROUND_S
    top = 1.25 * float(np.abs(traces[near]).max()) if near.any() else 1.0
    top = max(top, 0.5 * float(np.abs(traces).max()) if len(t) else 1.0)
    for spans, colour in ((s.truth.ignore, IGNORE), (s.truth.blinks[:, [0, 2]], LABEL)):
        for begin, end in spans:
            if end > low and begin < high:
                axes.axvspan(max(begin, low), min(end, high), color=colour, alpha=0.3, lw=0)
    for k, trace in reversed(list(enumerate(traces.T))):
        axes.plot(t, trace, lw=0.9 if k == 0 else 0.7, color=TRACES[k])
    right = {k for k, _ in finding.match.pairs}
    for k, peak in enumerate(finding.peaks):
        if low < peak < high:
            colour = RIGHT if k in right else FALSE if k in finding.match.false else IGNORE
            axes.plot(peak, 1.12 * top, "v", color=colour, ms=5, clip_on=False)
    if mistake.kind == "missed":
        axes.plot(at, 1.12 * top, "x", color=MISSED, ms=5, mew=1.5, clip_on=False)
    axes.axvline(at, color=MISSED if mistake.kind == "missed" else FALSE, lw=0.7, ls=":")
    _draw_scale(axes, low, top)
    axes.set(xlim=(low, high), ylim=(-1.2 * top, 1.2 * top), xticks=[], yticks=[])
    for side in axes.spines.values():
        side.set(visible=True, color="0.85", lw=0.6)
    said = "missed" if mistake.confidence is None else f"false alarm, {mistake.confidence:.0%}"
    name = s.name.split("/")[-1].rsplit("_eeg", 1)[0]
    axes.set_title(
        f"{said}  {name[:22]}  {at:.1f} s",
        fontsize=6.5,
        pad=3,
        loc="left",
        color=MISSED if mistake.kind == "missed" else FALSE,
        parse_math=False,
    )


def _draw_scale(axes: Axes, left: float, top: float) -> None:
    """A bar of a round number of µV at the left edge."""
    power = 10.0 ** math.floor(math.log10(top)) if top > 0.0 else 1.0
    height = power * max(step for step in (1.0, 2.0, 5.0) if power * step <= top)
    axes.plot([left + 0.08] * 2, [-1.1 * top, -1.1 * top + height], color="k", lw=1.5, solid_capstyle="butt")
    axes.annotate(f"{height:g} µV", (left + 0.14, -1.1 * top), fontsize=6, va="bottom")


def _filtered(s: LabelledSignal, low: float, high: float) -> tuple[FloatArray, FloatArray]:
    """Times (n,) and up to three frontal channels (n, channels) from 0.5 to 20 Hz, without delay."""
    sos = signal.butter(2, [0.5, 20.0], "bandpass", fs=s.montage.rate_hz, output="sos")
    first, last = np.searchsorted(s.times, (low - 4.0, high + 4.0))
    t = s.times[first:last]
    shown = (t >= low) & (t <= high)
    if last - first <= 100:  # A label may lie in a pause, of which there is nothing to show.
        return np.empty(0), np.empty((0, 1))
    x = s.samples[first:last, s.channels[: len(TRACES)]].astype(np.float64)
    x = np.nan_to_num(x - np.nanmedian(x, axis=0))
    return t[shown], np.asarray(signal.sosfiltfilt(sos, x, axis=0)[shown], dtype=np.float64)
