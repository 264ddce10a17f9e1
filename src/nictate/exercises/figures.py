"""The exercises' figures. matplotlib is used here only, and this module is imported when a figure is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from nictate.exercises import case_study, pitfalls
from nictate.exercises.activations import train_twins
from nictate.exercises.bayes import Belief, predict, sequence
from nictate.exercises.lessons import on_activations, on_bayes, on_case_study, on_pitfalls, on_weight_decay
from nictate.exercises.shipped import first_layer
from nictate.exercises.weight_decay import adam_l2, adamw, as_l2, resting
from nictate.service import open_detector, shipped_card

STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "lines.linewidth": 1.5,
}
BLUE, RED, GREY = "#2f6f9f", "#c0392b", "0.55"


def draw(name: str, folder: Path) -> list[Path]:
    """Write the figures of an exercise as PNG; the files that were written. ``folder`` is made where it is not."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with mpl.rc_context(STYLE):
        for figure in FIGURES[name]:
            path = folder / f"{figure.__name__.strip('_')}.png"
            figure().savefig(path, dpi=120)
            written.append(path)
    return written


def _twins_part() -> Figure:
    """Equal functions, data and rates: how the twins' training goes apart."""
    figure = Figure(figsize=(8.0, 3.4), layout="constrained")
    loss, apart = figure.subplots(1, 2)
    trained = train_twins(*on_activations.drawn(), rate=0.05, steps=300)
    for k, (label, colour) in enumerate((("sigmoid", BLUE), ("its tanh twin", RED))):
        loss.plot(trained.losses[:, k], color=colour, label=label)
    loss.set(title="The same function at step 0, not after", xlabel="step", ylabel="mean squared error", yscale="log")
    loss.legend()
    apart.plot(trained.apart[:16], "o-", ms=4, color="0.2")
    apart.text(0.6, trained.apart[0], f"{trained.apart[0]:.0e}: rounding", va="center")
    apart.set_xticks(range(0, 16, 5))
    apart.set(title="How far apart their outputs are", xlabel="step", ylabel="largest difference", yscale="log")
    return figure


def _loss_becomes_nan() -> Figure:
    """A positive bias on its way below 0, and the same by its logarithm."""
    figure = Figure(figsize=(6.0, 3.6), layout="constrained")
    axes = figure.subplots()
    steps = 12
    for function, start, label, colour in (
        (pitfalls.log_of_bias, on_pitfalls.START, "linear + log(bias), all biases 0.5 at the start", RED),
        (pitfalls.log_as_parameter, np.log(on_pitfalls.START), "linear + a, with a = log 0.5 at the start", BLUE),
    ):
        losses = pitfalls.descend(function, start, on_pitfalls.RATE, steps)
        axes.plot(losses, "o-", ms=4, color=colour, label=label)
        lost = np.flatnonzero(np.isnan(losses))
        if len(lost):
            last = lost[0] - 1
            axes.axvspan(last + 0.5, steps - 0.5, color=colour, alpha=0.08, lw=0)
            axes.text(last + 0.7, losses[0], "NaN from here on: a bias has crossed 0", color=colour, va="top")
    axes.set(title="The loss becomes NaN", xlabel="step", ylabel="mean squared error", xlim=(-0.4, steps - 0.5))
    axes.set_ylim(bottom=0.0)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 0.02))
    return figure


def _decay_paths() -> Figure:
    """L2 and decoupled decay: with momentum, remapped, and under Adam."""
    figure = Figure(figsize=(8.0, 3.4), layout="constrained")
    momentum, adam = figure.subplots(1, 2)
    share = on_weight_decay.SHARE
    coupled, start = as_l2(share, on_weight_decay.ONE)
    plain = type(coupled)(share.rate, share.momentum, share.decay / share.rate)
    remapped, decoupled = on_weight_decay.paths(coupled, start, share)
    unmapped, _ = on_weight_decay.paths(plain, on_weight_decay.REST, share)
    momentum.plot(decoupled, color=BLUE, label="decoupled")
    momentum.plot(remapped, "o", ms=3, color=BLUE, mfc="none", label="L2, remapped: the same")
    momentum.plot(unmapped, color=RED, label="L2, $\\lambda = \\lambda_d / \\epsilon$")
    momentum.set(title="Momentum 0.9", xlabel="step", ylabel="$\\theta$")
    momentum.legend()
    for label, colour, step in (("Adam with L2", RED, adam_l2), ("AdamW", BLUE, adamw)):
        for scale, style in ((1.0, {"lw": 3.5, "alpha": 0.45}), (0.1, {"ls": "--"})):
            now, path = resting(on_weight_decay.ONE), [1.0]
            rng = np.random.default_rng(0)
            for _ in range(100):
                now = step(now, scale * rng.standard_normal(1), 0.01, 0.5)
                path.append(float(now.theta[0]))
            adam.plot(path, color=colour, label=f"{label}, gradients of size {scale:g}", **style)
    adam.set(title="Adam, with noise for a gradient", xlabel="step", ylabel="$\\theta$", ylim=(0.15, 1.25))
    adam.legend(loc="upper right")
    return figure


def _line_and_band() -> Figure:
    """The MAP line, what is not known of it, and what noise adds; and least squares."""
    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    axes = figure.subplots()
    x = np.linspace(-2.0, 6.0, 200)
    *_, belief = sequence(on_bayes.PRIOR, on_bayes.X, on_bayes.Y)
    said = [predict(belief, np.array([at, 1.0])) for at in x]
    mean, epistemic = np.array([p.mean for p in said]), np.sqrt([p.epistemic for p in said])
    total = np.sqrt([p.variance for p in said])
    axes.fill_between(x, mean - 2 * total, mean + 2 * total, color=BLUE, alpha=0.12, lw=0, label="2 sd of a new y")
    axes.fill_between(
        x, mean - 2 * epistemic, mean + 2 * epistemic, color=BLUE, alpha=0.28, lw=0, label="2 sd of the line"
    )
    axes.plot(x, mean, color=BLUE, label="MAP line, 2x/3 + 1/2")
    axes.plot(x, 0.5 * x + 1.0, color=GREY, ls="--", label="least squares, x/2 + 1")
    axes.plot(on_bayes.X[0], on_bayes.Y, "o", color="0.1", ms=6)
    axes.axvline(1.5, color=GREY, lw=0.8, ls=":")
    axes.text(1.55, -2.6, "least uncertain at x = 3/2", color="0.35")
    axes.set(title="What three points say of a line", xlabel="x", ylabel="y", xlim=(-2, 6), ylim=(-3, 8))
    axes.legend(loc="upper left")
    return figure


def _posterior_ellipse() -> Figure:
    """Where the weights are believed to be: the prior, and after each point."""
    figure = Figure(figsize=(6.2, 4.4), layout="constrained")
    axes = figure.subplots()
    beliefs = list(sequence(on_bayes.PRIOR, on_bayes.X, on_bayes.Y))
    labels = ("prior", "after (2, 1)", "after (3, 3)", "after (1, 2)")
    for belief, label, colour in zip(beliefs, labels, (GREY, "#8fb8d6", "#5a94bd", BLUE), strict=True):
        axes.add_patch(_ellipse(belief, colour))
        axes.plot(*belief.mean, "o", color=colour, ms=5, label=label)
    axes.plot(0.5, 1.0, "x", color=RED, ms=7, mew=2, label="least squares")
    axes.set(title="Posterior of the weights, 1 sd", xlabel="$w_1$ (slope)", ylabel="$w_2$ (intercept)")
    axes.set(xlim=(-1.2, 1.6), ylim=(-1.2, 1.6), aspect="equal")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _ellipse(belief: Belief, colour: str) -> Ellipse:
    """Where the Mahalanobis distance from the mean is 1."""
    variances, axes = np.linalg.eigh(belief.covariance)
    (width, height), angle = 2.0 * np.sqrt(variances), np.degrees(np.arctan2(axes[1, 0], axes[0, 0]))
    return Ellipse(tuple(belief.mean), width, height, angle=angle, fill=False, ec=colour, lw=1.8)


def _filters_at_work() -> Figure:
    """The first layer of the shipped model: its filters, and what they make of a blink."""
    layer = first_layer(shipped_card().with_suffix(".onnx").read_bytes())
    signal = case_study.people()[0]
    detector = open_detector(signal.montage)
    peak = signal.truth.peaks[signal.truth.peaks > 10.0][0]
    window = next(w for w, _ in detector.windows(signal.block()) if w.times[-1] > peak + 0.6)
    x = window.inputs[0].astype(np.float64)
    answers = np.maximum(layer(x), 0.0)
    order = np.argsort(-answers.max(axis=1), kind="stable")
    rows, taps = layer.W.shape[1:]
    times = window.times - peak
    # An output is told at the last sample that it has seen.
    at = times[layer.dilation * (taps - 1) :: layer.stride][: answers.shape[1]]

    figure = Figure(figsize=(9.0, 5.2), layout="constrained")
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1.0, 1.5)).ravel()
    across = 4
    panels = left.subplots(-(-len(order) // across), across, squeeze=False)
    largest = float(np.abs(layer.W).max())
    for axes in panels.ravel():
        axes.set_axis_off()
    for k, axes in zip(order, panels.ravel(), strict=False):
        axes.imshow(layer.W[k], cmap="RdBu_r", vmin=-largest, vmax=largest, aspect="auto")
        axes.set_title(f"{k}", fontsize=7, pad=2, loc="center")
    left.suptitle(f"{len(order)} filters, {rows} scales by {taps} taps: red +, blue -", fontsize=10)
    above, below = right.subplots(2, 1, sharex=True, height_ratios=(1.0, 1.6))
    for row, values in enumerate(x):
        above.plot(times, values, color=(BLUE, "#e08a1e", GREY)[row % 3], label=f"scale {row + 1}")
    above.set(title="What the network is shown of a blink", ylabel="asinh(signal / scale)")
    above.legend(loc="upper left", fontsize=7)
    image = below.imshow(
        answers[order],
        aspect="auto",
        cmap="Greys",
        extent=(at[0], at[-1], len(order) - 0.5, -0.5),
        interpolation="nearest",
    )
    below.set_yticks(range(len(order)), [f"{k}" for k in order], fontsize=6)
    below.set(title="What its first layer answers, after ReLU", xlabel="s from the blink's peak", ylabel="filter")
    below.set_xlim(times[0], times[-1])
    right.colorbar(image, ax=below, fraction=0.04, pad=0.01)
    return figure


def _roc_and_precision() -> Figure:
    """The same answers, seen by both curves."""
    p, truth = on_case_study.ranked()
    order = np.argsort(-p, kind="stable")
    hits = np.cumsum(truth[order])
    false = np.arange(1, len(p) + 1) - hits
    thin = np.unique(np.geomspace(1, len(p), 2000).astype(int)) - 1
    figure = Figure(figsize=(8.0, 3.8), layout="constrained")
    roc, precision = figure.subplots(1, 2)
    roc.plot((false / false[-1])[thin], (hits / hits[-1])[thin], color=BLUE)
    roc.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls="--")
    roc.set(title=f"ROC: area {case_study.roc_area(p, truth):.3f}", xlabel="share of the rest called blinks")
    roc.set_ylabel("share of blinks found")
    precision.plot((hits / hits[-1])[thin], (hits / np.arange(1, len(p) + 1))[thin], color=RED)
    precision.axhline(truth.mean(), color=GREY, lw=0.8, ls="--")
    precision.set(title=f"Precision-recall: average {case_study.average_precision(p, truth):.3f}", ylim=(0, 1.0))
    precision.set(xlabel="share of blinks found", ylabel="share of those called blinks that are")
    figure.suptitle("One positive sample a blink: the same matched filter by two judges", fontsize=10)
    return figure


def _leakage() -> Figure:
    """What learning by heart is worth, by how windows are split."""
    splits = {"windows at random": case_study.at_random(), "people kept apart": case_study.by_person()}
    figure = Figure(figsize=(5.6, 3.6), layout="constrained")
    axes = figure.subplots()
    for k, (label, test) in enumerate(splits.items()):
        right = on_case_study.blinks_by_heart(test), on_case_study.coins_by_heart(test)
        bars = axes.bar(np.arange(2) + 0.38 * k - 0.19, right, 0.34, color=(RED, BLUE)[k], label=label)
        axes.bar_label(bars, fmt="%.2f", padding=2)
    axes.axhline(0.5, color="0.2", lw=0.8, ls="--")
    axes.text(0.5, 0.51, "chance", ha="center", va="bottom", fontsize=8)
    axes.set_xticks([0, 1], ["is there a blink?", "a coin, thrown every 2 s:\nnothing to learn"])
    axes.set(title="The most similar other window's answer", ylabel="balanced accuracy", ylim=(0.0, 1.25))
    axes.legend(loc="upper right", ncols=2)
    return figure


FIGURES: dict[str, tuple[Callable[[], Figure], ...]] = {
    "activations": (_twins_part,),
    "pitfalls": (_loss_becomes_nan,),
    "weight_decay": (_decay_paths,),
    "bayes": (_line_and_band, _posterior_ellipse),
    "convolution": (_filters_at_work,),
    "case_study": (_roc_and_precision, _leakage),
}
"""Each figure's file is named as its function."""
