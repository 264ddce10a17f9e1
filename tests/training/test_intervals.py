from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nictate.training.intervals import falls, intervals, per_person
from nictate.training.scores import Score, add, delays, errors

counts = st.builds(
    Score,
    hits=st.integers(0, 9),
    misses=st.integers(0, 9),
    false_alarms=st.integers(0, 9),
    scored_s=st.integers(0, 99).map(float),
    starts=st.integers(9, 20),
    unconfirmed=st.integers(0, 9),
    start_latency_s=st.lists(st.integers(0, 40).map(lambda k: k / 100), max_size=4).map(tuple),
    peak_error_s=st.lists(st.integers(-9, 9).map(lambda k: k / 100), max_size=4).map(tuple),
)


def people(n: int, seed: int = 0) -> list[Score]:
    rng = np.random.default_rng(seed)
    return [
        Score(
            hits=int(hits),
            misses=int(rng.integers(0, 6)),
            false_alarms=int(rng.integers(0, 6)),
            scored_s=float(rng.uniform(30, 300)),
            starts=int(hits) + 3,
            unconfirmed=3,
            start_latency_s=tuple(rng.normal(0.08, 0.03, int(hits)).tolist()),
            duration_error_s=tuple(rng.normal(0.0, 0.05, int(hits)).tolist()),
        )
        for hits in rng.integers(1, 30, n)
    ]


def drawn_by_hand(of: list[Score], name: str, resamples: int = 2000, seed: int = 0) -> tuple[float, float]:
    """The definition: draw people, add up, measure, and cut off both tails."""
    rng = np.random.default_rng(seed)
    found = [add([of[k] for k in row]).to_dict()[name] for row in rng.integers(len(of), size=(resamples, len(of)))]
    low, high = np.quantile([value for value in found if value is not None], (0.025, 0.975))
    return float(low), float(high)


@pytest.mark.parametrize("name", ["f1", "precision", "recall", "false_alarms_per_minute", "unconfirmed_starts_share"])
def test_an_interval_is_what_drawing_people_again_and_again_gives(name: str) -> None:
    of = people(7)
    assert intervals(of)[name] == pytest.approx(drawn_by_hand(of, name))


@pytest.mark.parametrize("name", ["start_latency_median_ms", "start_latency_p95_ms", "duration_error_median_ms"])
def test_so_is_that_of_a_quantile_but_for_the_step_to_the_next_value(name: str) -> None:
    of = people(7)
    assert intervals(of)[name] == pytest.approx(drawn_by_hand(of, name), abs=4.0)


@settings(deadline=None, max_examples=30)
@given(of=st.lists(counts, min_size=2, max_size=6))
def test_intervals_are_ordered_and_fit_into_json(of: list[Score]) -> None:
    found = intervals(of, resamples=50)
    assert json.loads(json.dumps(found, allow_nan=False)).keys() == found.keys()
    assert found.keys() <= add(of).to_dict().keys()
    assert all(pair is None or pair[0] <= pair[1] for pair in found.values())


def test_alike_people_leave_no_doubt_and_one_person_says_nothing_of_the_next() -> None:
    one = people(1)[0]
    low, high = intervals([one] * 5)["f1"] or (0.0, 1.0)
    assert low == high == pytest.approx(one.f1)
    assert set(intervals([one]).values()) == set(intervals([]).values()) == {None}


def test_more_people_make_it_surer() -> None:
    def width(n: int) -> float:
        low, high = intervals(people(n))["f1"] or (0.0, 1.0)
        return high - low

    assert width(80) < 0.6 * width(10)


def test_the_same_seed_draws_the_same() -> None:
    of = people(5)
    assert intervals(of, seed=1) == intervals(of, seed=1) != intervals(of, seed=2)


def test_each_person_counts_once_whatever_the_number_of_blinks() -> None:
    of = [Score(hits=100), Score(hits=1, misses=1), Score(misses=3), Score(false_alarms=5)]
    found = per_person(of)
    assert found["f1"].people == 3  # Who does not blink cannot be found or missed.
    assert found["f1"].mean == pytest.approx((1.0 + 2 / 3 + 0.0) / 3)
    assert found["recall"].median == pytest.approx(0.5)
    assert found["precision"].mean == pytest.approx(2 / 3)
    low, high = found["f1"].mean_interval or (9.0, 9.0)
    assert 0.0 <= low < found["f1"].mean < high <= 1.0
    assert per_person([])["f1"].to_dict() == {
        "people": 0,
        "mean": None,
        "median": None,
        "mean_interval": None,
        "median_interval": None,
    }


def test_a_fall_is_surer_than_what_it_is_the_difference_of() -> None:
    """People are drawn in pairs: who is hard to serve is so before and after."""
    before = people(9)
    after = [dataclasses.replace(one, misses=one.misses + 1) for one in before]
    fall, sure = falls(before, after)
    assert fall == pytest.approx(add(before).f1 - add(after).f1)
    assert sure is not None
    assert sure[0] <= fall <= sure[1]
    low, high = intervals(before)["f1"] or (0.0, 0.0)
    assert sure[1] - sure[0] < 0.5 * (high - low)
    assert falls(before, before) == (0.0, (0.0, 0.0))


def test_every_delay_and_error_has_its_interval() -> None:
    found = intervals(people(3))
    for name in delays(Score()):
        assert {f"{name}_median_ms", f"{name}_p95_ms"} <= found.keys()
    for name in errors(Score()):
        assert f"{name}_error_median_ms" in found
