"""The report of a training run: one page with pictures, for people."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import signal

from nictate.card import ModelCard
from nictate.detector import Network
from nictate.signals import FloatArray
from nictate.training.corpus import LabelledSignal
from nictate.training.dataset import answers
from nictate.training.evaluate import match
from nictate.training.fit import Fitted
from nictate.training.heard import Heard, listen
from nictate.training.judge import Verdict
from nictate.training.recipe import Recipe

PICTURES = 48
"""Misses and false alarms shown at most, of each."""


def write_report(
    folder: Path,
    recipe: Recipe,
    card: ModelCard,
    network: Network,
    fitted: Fitted,
    test: Sequence[LabelledSignal],
    verdict: Verdict,
) -> None:
    """``folder``/index.html and its pictures, of people that the network has never seen."""
    folder.mkdir(parents=True, exist_ok=True)
    heard = [listen(card, network, s) for s in test]
    said, truth = _steps(recipe, card, heard)
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        _losses(fitted).savefig(folder / "losses.png", dpi=110)
        _curves(_names(card), said, truth).savefig(folder / "curves.png", dpi=110)
        misses, alarms = _mistakes(card, heard)
        _gallery(misses).savefig(folder / "misses.png", dpi=80)
        _gallery(alarms).savefig(folder / "false_alarms.png", dpi=80)
    steps = [
        f"<tr><td>{name}</td><td>{_accuracy(said[k], truth[k], threshold):.4f}</td>"
        f"<td>{1 - truth[k].mean():.4f}</td><td>{_area(*_roc(said[k], truth[k])):.4f}</td></tr>"
        for k, (name, threshold) in enumerate(zip(_names(card), card.decision.confirm, strict=True))
    ]
    page = PAGE.format(
        sha=card.sha256[:12],
        best=fitted.best,
        events=_table({**verdict.sets, "all": verdict.overall}),
        people=_table(verdict.people),
        steps="".join(steps),
        missed=len(misses),
        alarmed=len(alarms),
        shown=PICTURES,
    )
    (folder / "index.html").write_text(page, encoding="utf-8")


def _steps(recipe: Recipe, card: ModelCard, heard: Sequence[Heard]) -> tuple[list[FloatArray], list[FloatArray]]:
    """Probabilities and answers of all time steps that have an answer, for each look-ahead."""
    said: list[list[FloatArray]] = [[] for _ in card.looks_s]
    truth: list[list[FloatArray]] = [[] for _ in card.looks_s]
    for h in heard:
        if not h.windows:
            continue
        count = card.hop // card.step
        times = np.concatenate([w.times[-1 - card.step * (count - 1) :: card.step] for w in h.windows])
        p = np.concatenate(h.said, axis=1)
        of = h.signal.truth
        edges = np.vstack((of.ignore, [[-np.inf, 1.0], [of.duration_s - 0.3, np.inf]]))
        target, weight = answers(recipe, card, times, of.spans, edges, of.duration_s)
        for k in range(len(card.looks_s)):
            said[k].append(p[k][weight[k] > 0])
            truth[k].append(target[k][weight[k] > 0].astype(np.float64))
    return [np.concatenate(x) for x in said], [np.concatenate(x) for x in truth]


def _roc(p: FloatArray, truth: FloatArray) -> tuple[FloatArray, FloatArray]:
    """False and true positive rates by falling threshold."""
    order = np.argsort(-p, kind="stable")
    hit = np.cumsum(truth[order]) / max(truth.sum(), 1.0)
    false = np.cumsum(1.0 - truth[order]) / max((1.0 - truth).sum(), 1.0)
    return np.concatenate(([0.0], false)), np.concatenate(([0.0], hit))


def _area(x: FloatArray, y: FloatArray) -> float:
    return float(np.trapezoid(y, x))


def _accuracy(p: FloatArray, truth: FloatArray, threshold: float) -> float:
    return float(((p >= threshold) == (truth > 0.5)).mean())


def _losses(fitted: Fitted) -> Figure:
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    numbers = [e.number for e in fitted.epochs]
    axes.plot(numbers, [e.train for e in fitted.epochs], label="training (augmented)")
    axes.plot(numbers, [e.validate for e in fitted.epochs], label="validation (augmented)")
    axes.axvline(fitted.best, color="0.6", lw=0.8)
    axes.set(xlabel="epoch", ylabel="negative log likelihood (nats per step)")
    axes.legend(frameon=False)
    return figure


def _names(card: ModelCard) -> list[str]:
    return [f"{1e3 * look_s:.0f} ms" for look_s in card.looks_s]


def _curves(names: Sequence[str], said: Sequence[FloatArray], truth: Sequence[FloatArray]) -> Figure:
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    roc, recall, calibration = figure.subplots(1, 3)
    for name, p, y in zip(names, said, truth, strict=True):
        x, hit = _roc(p, y)
        thin = slice(None, None, max(1, len(x) // 4000))
        roc.plot(x[thin], hit[thin], label=f"{name}, area {_area(x, hit):.4f}")
        order = np.argsort(-p, kind="stable")
        found = np.cumsum(y[order])
        recall.plot((found / y.sum())[thin], (found / np.arange(1, len(y) + 1))[thin], label=name)
        bins = np.clip((p * 10).astype(int), 0, 9)
        seen = [k for k in range(10) if (bins == k).any()]
        calibration.plot(
            [p[bins == k].mean() for k in seen], [y[bins == k].mean() for k in seen], marker="o", ms=3, label=name
        )
    calibration.plot([0, 1], [0, 1], color="0.7", lw=0.8)
    roc.set(xscale="log", xlim=(1e-4, 1), xlabel="false positive rate of time steps", ylabel="true positive rate")
    recall.set(xlabel="recall of time steps", ylabel="precision")
    calibration.set(xlabel="probability said", ylabel="share that were blinks")
    for axes in (roc, recall, calibration):
        axes.legend(frameon=False)
    return figure


Mistake = tuple[LabelledSignal, float, str]


def _mistakes(card: ModelCard, heard: Sequence[Heard]) -> tuple[list[Mistake], list[Mistake]]:
    """Recording, time and caption of every miss and every false alarm."""
    misses: list[Mistake] = []
    alarms: list[Mistake] = []
    for h in heard:
        blinks = [e for e in h.decide(card, card.decision) if e.kind == "blink"]
        peaks = np.array([e.peak for e in blinks], dtype=np.float64)
        found = match(peaks, h.signal.truth)
        misses += [(h.signal, float(h.signal.truth.peaks[j]), "missed") for j in found.missed]
        alarms += [(h.signal, float(peaks[k]), f"{blinks[k].confidence:.0%}") for k in found.false]
    return misses, alarms


def _gallery(mistakes: Sequence[Mistake]) -> Figure:
    """Four seconds around each, zero-phase filtered, labelled blinks shaded green and ``ignore`` grey."""
    count = min(PICTURES, len(mistakes))
    pick = np.linspace(0, max(0, len(mistakes) - 1), count).astype(np.int64)
    rows = max(1, -(-len(pick) // 6))
    figure = Figure(figsize=(18, 1.9 * rows), layout="constrained")
    panels = figure.subplots(rows, 6, squeeze=False).ravel()
    for axes, k in zip(panels, pick, strict=False):
        _panel(axes, *mistakes[k])
    for axes in panels[len(pick) :]:
        axes.set_axis_off()
    return figure


def _panel(axes: Axes, s: LabelledSignal, time: float, caption: str) -> None:
    sos = signal.butter(2, [0.5, 20.0], "bandpass", fs=s.montage.rate_hz, output="sos")
    first, last = np.searchsorted(s.times, (time - 6.0, time + 6.0))
    low, high = time - 2.0, time + 2.0
    if last - first > 100:  # A label may lie in a pause, of which there is nothing to show.
        t = s.times[first:last]
        near = (t >= low) & (t <= high)
        axes.plot(
            t[near],
            signal.sosfiltfilt(sos, s.samples[first:last, s.channels[:3]].astype(np.float64), axis=0)[near],
            lw=0.7,
        )
    axes.axvline(time, color="tab:red", lw=0.7, ls=":")
    for spans, colour in ((s.truth.blinks[:, [0, 2]], "tab:green"), (s.truth.ignore, "0.5")):
        for begin, end in spans:
            if end > low and begin < high:
                axes.axvspan(max(begin, low), min(end, high), color=colour, alpha=0.25, lw=0)
    axes.set_xlim(low, high)
    axes.set_title(f"{s.name.split('/')[-1][:28]}  {caption}", fontsize=7, parse_math=False)


LATENCIES = tuple(f"{event}_latency_{of}_ms" for event in ("start", "blink") for of in ("median", "p95"))


def _table(rows: dict) -> str:  # type: ignore[type-arg]
    keys = ("blinks", "precision", "recall", "f1", "false_alarms_per_minute", *LATENCIES, "peak_error_median_ms")
    head = "".join(f"<th>{key.replace('_', ' ')}</th>" for key in keys)
    body = []
    for name, found in rows.items():
        row = found.to_dict()
        cells = ("-" if row[key] is None else f"{row[key]:.3g}" for key in keys)
        body.append(f"<tr><td>{html.escape(name)}</td>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return f"<table><tr><th></th>{head}</tr>{''.join(body)}</table>"


PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>nictate: training report</title>
<style>body{{font:14px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem}}
img{{max-width:100%}} table{{border-collapse:collapse}} td,th{{padding:.15rem .6rem;text-align:right;font-weight:400}}
th{{border-bottom:1px solid;vertical-align:bottom}} td:first-child{{text-align:left}}</style>
<h1>Training report</h1><p>Model {sha}, epoch {best}. Everything but the loss is of people that the network has never
seen, by the rule of <code>nictate evaluate</code>.</p>
<h2>Events</h2>{events}
<h2>People</h2>{people}
<h2>Time steps</h2><p>Blinks are rare, so accuracy says little: the third column is what answering "never"
would reach.</p>
<table><tr><th>look-ahead</th><th>accuracy</th><th>of "never"</th><th>area under ROC</th></tr>{steps}</table>
<img src="curves.png" alt="ROC, precision-recall and calibration of time steps">
<h2>Loss</h2><img src="losses.png" alt="loss by epoch">
<h2>Misses ({missed}, at most {shown} shown)</h2><img src="misses.png" alt="missed blinks">
<h2>False alarms ({alarmed}, at most {shown} shown)</h2><img src="false_alarms.png" alt="false alarms">
</html>
"""
