from __future__ import annotations

import numpy as np

from nictate.peers.trial import MEAN, Tally, View
from nictate.peers.tune import alone, together, view_for

VIEWS = (View(MEAN, 1.0), View(MEAN, -1.0))


def tally(*views: list[tuple[int, int, int]]) -> Tally:
    """Hits, misses, false alarms by setting, of each view."""
    return Tally(VIEWS[: len(views)], np.array(views, dtype=np.int64))


def test_f1_is_that_of_the_counts_and_zero_where_there_is_nothing() -> None:
    assert tally([(8, 2, 2), (0, 0, 0), (0, 0, 3)]).f1.tolist() == [[0.8, 0.0, 0.0]]


def test_the_view_is_the_one_that_suits_the_setting() -> None:
    one = tally([(9, 1, 0), (2, 8, 0)], [(5, 5, 0), (4, 6, 0)])
    assert [view_for(one, k) for k in (0, 1)] == [0, 1]
    assert alone(one) == (0, 0)


def test_among_equals_fewer_false_alarms_decide() -> None:
    without = tally([(0, 0, 5), (0, 0, 2)], [(0, 0, 3), (0, 0, 4)])
    assert alone(without) == (0, 1)
    assert [view_for(without, k) for k in (0, 1)] == [1, 0]


def test_one_setting_for_all_is_the_best_over_all_recordings_each_set_in_its_own_view() -> None:
    large = tally([(60, 40, 0), (90, 10, 0)], [(0, 100, 0), (0, 100, 0)])
    small = tally([(0, 10, 0), (0, 10, 0)], [(10, 0, 0), (1, 9, 0)])
    assert together([small]) == 0
    assert together([large, small]) == 1
    rng = np.random.default_rng(1)
    many = [Tally(VIEWS, rng.integers(0, 50, (2, 6, 3))) for _ in range(4)]
    summed = [sum(t.counts[view_for(t, k), k] for t in many) for k in range(6)]
    f1s = [2 * hits / (2 * hits + misses + false) for hits, misses, false in summed]
    assert together(many) == int(np.argmax(f1s))
    assert together(many[::-1]) == together(many)
