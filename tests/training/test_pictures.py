from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from made_people import person
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nictate.training import pictures
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import Truth
from nictate.training.findings import Finding, findings
from nictate.training.fit import Epoch, Fitted
from nictate.training.heard import listen
from nictate.training.judge import Trial
from nictate.training.network import BlinkNet
from nictate.training.recipe import Recipe
from stand_in import STAND_IN


def found_in(*people: LabelledSignal) -> list[Finding]:
    return findings([Trial(STAND_IN.card, listen(STAND_IN.card, STAND_IN.network, s)) for s in people], (1.0, 0.3))


def pixels(figure: Figure) -> np.ndarray:  # type: ignore[type-arg]
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


@pytest.fixture(scope="module")
def someone() -> LabelledSignal:
    """Nobody saw the blinks, but what nobody made: all is wrong. A label lies in a pause, of which nothing is shown."""
    s = person(1, lasting_s=40.0)
    times = s.times + np.where(s.times >= 20.0, 30.0, 0.0)
    wrong = np.array([[at, at + 0.1, at + 0.3] for at in (3.1, 35.0, 65.4)])
    return dataclasses.replace(s, times=times, truth=Truth(wrong, np.array([[8.0, 9.0]]), 70.0), name="a/$x$_eeg.fif")


def test_every_mistake_has_its_panel(someone: LabelledSignal, monkeypatch: pytest.MonkeyPatch) -> None:
    found = found_in(someone, dataclasses.replace(someone, truth=Truth(np.empty((0, 3)), np.empty((0, 2)), 70.0)))
    mistakes = [mistake for finding in found for mistake in finding.mistakes]
    assert len(mistakes) > 12
    monkeypatch.setattr(pictures, "COLUMNS", 3)
    monkeypatch.setattr(pictures, "ROWS", 2)
    figures = list(pictures.gallery(found))
    assert len(figures) == -(-len(mistakes) // 6)
    titles = [axes.get_title(loc="left") for figure in figures for axes in figure.axes if axes.axison]
    assert len(titles) == len(mistakes)
    for title, mistake in zip(titles, mistakes, strict=True):
        assert f"{mistake.at_s:.1f} s" in title
        assert title.startswith("missed" if mistake.kind == "missed" else f"false alarm, {mistake.confidence:.0%}")
    assert np.ptp(pixels(figures[0])[..., :3]) > 100


def test_no_mistake_no_picture() -> None:
    s = person(1, lasting_s=15.0)
    blinks = [e for e in STAND_IN.events(s.montage, s.block()) if e.kind == "blink"]
    rows = np.array([(e.onset, e.peak, e.end) for e in blinks], dtype=np.float64)
    assert list(pictures.gallery(found_in(dataclasses.replace(s, truth=Truth(rows, np.empty((0, 2)), 15.0))))) == []


@pytest.mark.parametrize(("top", "bar"), [(1.0, 1.0), (19.0, 10.0), (99.0, 50.0), (200.0, 200.0), (4999.0, 2000.0)])
def test_the_scale_is_a_round_number_that_fits(top: float, bar: float) -> None:
    axes = Figure().subplots()
    pictures._draw_scale(axes, 0.0, top)
    low, high = np.asarray(axes.lines[0].get_ydata(), dtype=np.float64)
    assert high - low == pytest.approx(bar)
    assert axes.texts[0].get_text() == f"{bar:g} µV"


def test_losses_are_drawn() -> None:
    fitted = Fitted(BlinkNet(Recipe().architecture), (Epoch(1, 0.5, 0.6), Epoch(2, 0.4, 0.7)), 1)
    (axes,) = pictures.losses(fitted).axes
    drawn = [np.asarray(line.get_ydata()).tolist() for line in axes.lines[:2]]
    assert drawn == [[0.5, 0.4], [0.6, 0.7]]
