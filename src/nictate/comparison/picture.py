"""One picture of a comparison: what each method took, what it left of the blinks, and what it did to the rest."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import matplotlib as mpl
import mne
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from nictate.comparison.compare import Comparison, Row
from nictate.comparison.material import Said
from nictate.comparison.measures import BANDS_HZ, WINDOW_S, Distortion
from nictate.edges.recordings.complaints import listed, shown
from nictate.electrodes import electrode_position
from nictate.signals import ConfigError, FloatArray

MAPS = 3
"""Topographies of one method at most, those of its most ocular components."""

HEAD_M = 0.095
"""Radius of MNE's spherical head, on which the 10-5 system is put."""

NETS = (
    "GSN-HydroCel-32",
    "GSN-HydroCel-65_1.0",
    "GSN-HydroCel-129",
    "GSN-HydroCel-257",
    "biosemi128",
    "biosemi160",
    "biosemi256",
)
"""MNE's montages of caps with names of their own. The one that knows most of the names counts."""

FEWEST_PLACES = 4


def draw(comparison: Comparison, path: Path, said: Said = lambda _: None) -> None:
    """Write the picture, PNG or what else ``path`` ends in. Channels without a known place are not in topographies."""
    places = known_places(comparison.channels)
    unknown = [name for name in comparison.channels if name not in places]
    if len(places) < FEWEST_PLACES:
        said(f"no topographies: the places of {len(places)} of {len(comparison.channels)} channels are known")
        places = {}
    elif unknown:
        said(f"not in the topographies, as their place is not known: {listed(unknown)}")
    # Without pyplot, so that no window is ever opened; MNE's plotting takes the axes that it is given.
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        _figure(comparison, places).savefig(path, dpi=110)


def known_places(names: Sequence[str]) -> dict[str, FloatArray]:
    """Position (3,) in m by channel name, in the head's frame: of the 10-5 system, or of one of `NETS`.

    Of two names for the same place (T3 and T7) only the first has it.
    """
    best: dict[str, FloatArray] = {}
    for name in names:
        with suppress(ConfigError):
            _place(best, name, HEAD_M * electrode_position(_plain(name)))
    # Caps that number their electrodes (A1, E7) have two or three names that the 10-5 system knows otherwise.
    for net in NETS if 2 * len(best) < len(names) else ():
        positions = mne.channels.make_standard_montage(net).get_positions()["ch_pos"]
        known = {label.casefold(): xyz for label, xyz in positions.items()}
        found: dict[str, FloatArray] = {}
        for name in names:
            if _plain(name) in known:
                _place(found, name, known[_plain(name)])
        if len(found) > len(best):
            best = found
    return best


def _place(places: dict[str, FloatArray], name: str, xyz: FloatArray) -> None:
    if not any(np.allclose(xyz, other) for other in places.values()):
        places[name] = xyz


def _plain(name: str) -> str:
    """Without what makers add: ``EEG Fp1-REF``, ``Fc5.``."""
    text = re.sub(r"^(eeg|raw)[\s_:]+", "", name.strip().casefold())
    return re.sub(r"[\s.]+", "", re.split(r"[-–/]", text)[0])


def _figure(comparison: Comparison, places: dict[str, FloatArray]) -> Figure:
    methods = [row for row in comparison.rows[1:] if row.measured is not None]
    height = 0.9 + 1.25 * max(1, len(methods))
    figure = Figure(figsize=(11.5, height + 3.2), layout="constrained")
    upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=(height, 3.2)).ravel()
    _methods(upper, comparison, methods, places)
    _bars(lower, methods)
    upper.suptitle(
        f"{shown(comparison.recording, 60)}: {comparison.blinks} blinks, {len(comparison.channels)} channels, "
        f"measured from {comparison.measured_from_s:.0f} s on",
        parse_math=False,
    )
    return figure


def _methods(figure: SubFigure, comparison: Comparison, methods: Sequence[Row], places: dict[str, FloatArray]) -> None:
    """A line for each: its name, its topographies, and the blink-locked average before and after."""
    before = comparison.rows[0].average
    panels = figure.subplots(max(1, len(methods)), MAPS + 2, squeeze=False, width_ratios=(1.7, *(1,) * MAPS, 3.4))
    for axes in panels.ravel():
        axes.set_axis_off()
    for row, line in zip(methods, panels, strict=False):
        line[0].text(0.0, 0.5, _caption(row), va="center", parse_math=False, transform=line[0].transAxes)
        if row.maps is not None and places:
            for axes, values in zip(line[1:-1], row.maps.T, strict=False):
                _topography(axes, values, comparison.channels, places)
        if before is not None and row.average is not None:
            _average(line[-1], before, row.average, comparison.floor_uv)
            line[-1].tick_params(labelbottom=row is methods[-1])
    if before is not None and methods:
        panels[0, -1].legend(frameon=False, loc="upper right")
        panels[0, -1].set_title("blink-locked average, frontal mean (µV; s from the peak)", fontsize=8)
    panels[0, 1].set_title("what was removed", fontsize=8, loc="left")


def _caption(row: Row) -> str:
    lines = [row.method]
    if row.measured is not None and row.measured.reduction_db is not None:
        floor = row.measured.over_floor
        lines.append(f"{row.measured.reduction_db:.1f} dB" + ("" if floor is None else f", {floor:.2f} of floor"))
    if row.ms_per_s is not None:
        lines.append(f"{row.ms_per_s:.{1 if row.ms_per_s >= 1.0 else 2}f} ms/s")
    return "\n".join(lines)


def _topography(axes: Axes, values: FloatArray, channels: Sequence[str], places: dict[str, FloatArray]) -> None:
    chosen = [k for k, name in enumerate(channels) if name in places]
    names = [f"{k}" for k in chosen]
    info = mne.create_info(names, 100.0, "eeg")
    montage = mne.channels.make_dig_montage({f"{k}": places[channels[k]] for k in chosen}, coord_frame="head")
    info.set_montage(montage)
    largest = float(np.abs(values[chosen]).max()) or 1.0
    sign = 1.0 if values[chosen].sum() >= 0.0 else -1.0  # Of a component the sign means nothing.
    axes.set_axis_on()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mne.viz.plot_topomap(
            sign * values[chosen],
            info,
            axes=axes,
            show=False,
            vlim=(-largest, largest),
            cmap="RdBu_r",
            contours=0,
            sensors=True,
        )


def _average(axes: Axes, before: FloatArray, after: FloatArray, floor_uv: float | None) -> None:
    axes.set_axis_on()
    t = np.linspace(*WINDOW_S, len(before), endpoint=False)
    if floor_uv is not None:
        axes.axhspan(-floor_uv / 2.0, floor_uv / 2.0, color="0.9", lw=0, label="floor")
    axes.plot(t, before.mean(axis=1), color="0.6", lw=0.9, label="before")
    axes.plot(t, after.mean(axis=1), color="tab:red", lw=1.1, label="after")
    axes.margins(x=0.0)


def _bars(figure: SubFigure, methods: Sequence[Row]) -> None:
    """Distortion of blink-free signal."""
    rmse, power = figure.subplots(1, 2, width_ratios=(1, 2))
    at = np.arange(len(methods))
    groups = (("frontal", "tab:red"), ("others", "tab:blue"))
    for k, (group, colour) in enumerate(groups):
        values = [_value(_part(row, group)) for row in methods]
        rmse.barh(at + 0.4 * k - 0.2, values, 0.38, color=colour, label=group)
    rmse.set_yticks(at, [row.method for row in methods], parse_math=False)
    rmse.set(title="blink-free signal: RMS changed / RMS", ylim=(len(methods) - 0.4, -0.6))
    rmse.legend(frameon=False)
    wide = 0.8 / len(BANDS_HZ)
    for k, band in enumerate(BANDS_HZ):
        changes = [_change(_part(row, "frontal"), band) for row in methods]
        power.bar(at + wide * k - 0.4 + wide / 2, changes, 0.9 * wide, label=band)
    lowest = min((_change(_part(row, "frontal"), band) for row in methods for band in BANDS_HZ), default=0.0)
    power.set_xticks(at, [row.method.replace(", ", ",\n").replace(" (", "\n(") for row in methods], parse_math=False)
    power.set(title="blink-free signal: change of frontal power (dB)", ylim=(max(lowest, -10.0) - 0.5, None))
    power.axhline(0.0, color="0.3", lw=0.6)
    power.legend(frameon=False, ncols=len(BANDS_HZ), loc="lower left")


def _part(row: Row, group: str) -> Distortion | None:
    if row.measured is None:
        return None
    return row.measured.frontal if group == "frontal" else row.measured.others


def _value(part: Distortion | None) -> float:
    return 0.0 if part is None else part.relative_rmse


def _change(part: Distortion | None, band: str) -> float:
    return 0.0 if part is None else part.power_db.get(band, 0.0)
