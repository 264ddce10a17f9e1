from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

from nictate.exercises import figures
from nictate.exercises.bayes import Belief
from nictate.exercises.course import LESSONS
from nictate.exercises.figures import FIGURES, STYLE, draw


def test_every_exercise_has_figures_with_names_of_their_own() -> None:
    assert set(FIGURES) == set(LESSONS)
    names = [figure.__name__ for of in FIGURES.values() for figure in of]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_figures_are_written(name: str, tmp_path: Path) -> None:
    before = mpl.rcParams["font.size"]
    written = draw(name, tmp_path / "new" / "folder")
    assert len(written) == len(FIGURES[name])
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)
    assert mpl.rcParams["font.size"] == before


def test_the_band_is_narrowest_where_it_must_be_and_holds_the_line() -> None:
    with mpl.rc_context(STYLE):
        figure = figures._line_and_band()
    (axes,) = figure.axes
    x, line = (np.asarray(values) for values in axes.lines[0].get_data())
    np.testing.assert_allclose(line, 2.0 * x / 3.0 + 0.5, atol=1e-9)
    outline = axes.collections[1].get_paths()[0].vertices
    widths = [np.ptp(outline[np.isclose(outline[:, 0], at), 1]) for at in x]
    assert x[int(np.argmin(widths))] == pytest.approx(1.5, abs=0.03)


def test_the_ellipse_is_one_standard_deviation_in_every_direction() -> None:
    belief = Belief(np.array([1.0, 2.0]), np.array([[1.0, 0.6], [0.6, 0.5]]))
    drawn = figures._ellipse(belief, "k")
    outline = drawn.get_patch_transform().transform(drawn.get_path().vertices) - belief.mean
    distance = np.einsum("ni,ij,nj->n", outline, np.linalg.inv(belief.covariance), outline)
    on_curve = distance[::3]  # The others are the control points of the curves between.
    np.testing.assert_allclose(on_curve[:8], 1.0, atol=1e-6)
    angles = np.linspace(0.0, np.pi, 7)
    for direction in np.stack((np.cos(angles), np.sin(angles)), axis=1):
        reach = np.sqrt(direction @ belief.covariance @ direction)
        assert (outline @ direction).max() == pytest.approx(reach, rel=0.1)


def test_the_loss_is_not_drawn_where_it_is_nan() -> None:
    (axes,) = figures._loss_becomes_nan().axes
    broken, mended = axes.lines
    assert np.isnan(broken.get_ydata()).sum() > 5
    assert np.isfinite(np.asarray(mended.get_ydata(), dtype=np.float64)).all()
