"""One picture of the comparison: F1 on each set, a panel a set and a line a method."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nictate.peers.contest import Group, Row, Setting
from nictate.peers.ourselves import NAME

ACROSS = 5
"""Panels in a line, at most."""
OURS, OTHERS = "#c1440e", "#33658a"
MARKS: dict[Setting, dict[str, object]] = {
    "as it comes": {"marker": "o", "fillstyle": "full", "markersize": 6},
    "best for all": {"marker": "o", "fillstyle": "none", "markersize": 6},
    "best for each": {"marker": "|", "fillstyle": "full", "markersize": 11, "markeredgewidth": 1.6},
}
SAID: dict[Setting, str] = {
    "as it comes": "as it comes",
    "best for all": "one setting, tuned on all sets together",
    "best for each": "tuned on this very set (upper bound)",
}


def draw(rows: Sequence[Row], groups: Sequence[Group], path: Path) -> None:
    """Write the picture, PNG or what else ``path`` ends in."""
    # Without pyplot, so that no window is ever opened.
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure_of(rows, groups).savefig(path, dpi=120)


def figure_of(rows: Sequence[Row], groups: Sequence[Group]) -> Figure:
    """The picture, not yet written."""
    methods = list(dict.fromkeys(row.method for row in rows))
    down = -(-len(groups) // ACROSS)
    across = -(-len(groups) // down)
    height = down * (0.75 + 0.19 * len(methods)) + 0.5
    figure = Figure(figsize=(2.0 + 1.75 * across, height), layout="constrained")
    panels = figure.subplots(down, across, sharey=True, squeeze=False)
    lowest = min((f1 for g in groups for f1 in _f1s(rows, g.name)), default=0.0)
    for axes, g in zip(panels.ravel(), groups, strict=False):
        _panel(axes, rows, methods, g)
        axes.set_xlim(max(0.0, lowest - 0.04), 1.02)
    for labels in (axes.get_yticklabels() for axes in panels[:, 0]):
        for label in labels:
            label.set_color(OURS if label.get_text() == NAME else "black")
    for axes in panels.ravel()[len(groups) :]:
        axes.set_axis_off()
    figure.supxlabel("event F1", fontsize=8)
    handles = [Line2D([], [], linestyle="", color="0.25", label=SAID[way], **mark) for way, mark in MARKS.items()]  # type: ignore[arg-type]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False)
    return figure


def _panel(axes: Axes, rows: Sequence[Row], methods: Sequence[str], group: Group) -> None:
    blinks = sum(len(s.truth.blinks) for s in group.signals)
    axes.set_title(f"{fill(group.name, 22)}\n{blinks} blinks", fontsize=8)
    axes.set_yticks(range(len(methods)), methods)
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    for line, method in enumerate(methods):
        colour = OURS if method == NAME else OTHERS
        f1s = {row.setting: _f1s([row], group.name) for row in rows if row.method == method}
        there = [value for values in f1s.values() for value in values]
        if len(there) > 1:
            axes.plot([min(there), max(there)], [line, line], color=colour, linewidth=0.8, alpha=0.5)
        for way, values in f1s.items():
            axes.plot(values, [line] * len(values), linestyle="", color=colour, clip_on=False, **MARKS[way])  # type: ignore[arg-type]
        if method == NAME and there:
            axes.axvline(max(there), color=colour, linewidth=0.8, alpha=0.5)


def _f1s(rows: Sequence[Row], group: str) -> list[float]:
    told = (row.groups[group]["f1"] for row in rows if group in row.groups)
    return [float(value) for value in told if value is not None]
