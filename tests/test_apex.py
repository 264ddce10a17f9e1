from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nictate.apex import TURN, Apex, climb, descend, heights, vertex


def bump(height: float, at: int = 20, length: int = 60) -> np.ndarray:  # type: ignore[type-arg]
    return np.asarray(height * np.exp(-0.5 * ((np.arange(length) - at) / 4.0) ** 2))


@given(st.floats(1.0, 500.0), st.floats(-500.0, 500.0), st.sampled_from([-1.0, 1.0]))
def test_each_input_has_its_own_height_signed_as_it_is(large: float, other: float, side: float) -> None:
    y = bump(side * large)
    apex = Apex(0, side * y, 20, float((side * y)[:21].min()), side * (large - float((side * y)[:21].min())))
    found, levels = heights(np.column_stack((y, bump(other))), apex, 20)
    assert found[0] == pytest.approx(apex.height_uv)
    assert levels[0] == pytest.approx(apex.level)
    assert found[1] == pytest.approx(other, rel=1e-3, abs=1e-6)


def test_a_climb_goes_up_to_the_top_and_no_further_than_it_may() -> None:
    y = bump(100.0)
    assert climb(y, 14, 12) == 20
    assert climb(y, 14, 3) <= 17 + 1
    assert climb(y, 20, 12) == 20


def test_the_way_down_ends_at_the_edge_or_where_the_signal_turns() -> None:
    y = bump(100.0)[20:]
    steps, reached = descend(y, 20.0, 100.0)
    assert reached
    assert y[steps] <= 20.0 < y[steps - 1]
    twice = np.concatenate((y[:5], y[:5][::-1]))
    assert twice[-1] - twice.min() > TURN * 100.0
    assert descend(twice, 1.0, 100.0) == (int(twice.argmin()), True)
    assert descend(y[:4], 1.0, 100.0) == (3, False)


@given(st.floats(-0.49, 0.49), st.floats(0.1, 50.0))
def test_the_vertex_of_a_parabola_is_found(at: float, curvature: float) -> None:
    y = -curvature * (np.array([-1.0, 0.0, 1.0]) - at) ** 2
    assert vertex(y) == pytest.approx(at, abs=1e-6)
    assert vertex(y[:2]) == 0.0
