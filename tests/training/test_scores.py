from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nictate.training.scores import Score, add

SEVERAL = [field.name for field in dataclasses.fields(Score) if isinstance(field.default, tuple)]
COUNTS = [field.name for field in dataclasses.fields(Score) if isinstance(field.default, int)]

scores = st.builds(
    Score,
    scored_s=st.integers(0, 4000).map(lambda k: k / 4),
    **{name: st.integers(0, 99) for name in COUNTS},
    **{name: st.lists(st.floats(-1, 1), max_size=3).map(tuple) for name in SEVERAL},
)


@settings(deadline=None)
@given(a=scores, b=scores, c=scores)
def test_scores_add_up_in_any_grouping(a: Score, b: Score, c: Score) -> None:
    assert add([add([a, b]), c]) == add([a, add([b, c])]) == add(iter([a, b, c]))
    assert add([a, add([])]) == a
    for name in (*COUNTS, *SEVERAL, "scored_s"):
        assert getattr(add([a, b]), name) == getattr(a, name) + getattr(b, name)


@settings(deadline=None)
@given(s=scores)
def test_rates_follow_from_counts(s: Score) -> None:
    if s.hits:
        assert s.f1 == pytest.approx(2 / (1 / s.precision + 1 / s.recall))
        assert s.precision == pytest.approx(s.hits / (s.hits + s.false_alarms))
        assert s.recall == pytest.approx(s.hits / (s.hits + s.misses))
    if s.starts:
        assert s.unconfirmed_share * s.starts == pytest.approx(s.unconfirmed)
    if s.scored_s:
        assert s.false_per_minute * s.scored_s / 60 == pytest.approx(s.false_alarms)


@settings(deadline=None)
@given(s=scores)
def test_metrics_are_numbers_or_none_and_fit_into_json(s: Score) -> None:
    row = s.to_dict()
    assert json.loads(json.dumps(row, allow_nan=False)) == row
    assert (row["precision"] is None) == (s.hits + s.false_alarms == 0)
    assert (row["false_alarms_per_minute"] is None) == (s.scored_s == 0)
    assert (row["start_latency_median_ms"] is None) == (not s.start_latency_s)
    assert row["blinks"] == s.hits + s.misses


def test_of_nothing_there_is_nothing_to_measure() -> None:
    row = add([]).to_dict()
    counts = {"blinks", "hits", "misses", "false_alarms", "minutes", "starts"}
    assert {key for key, value in row.items() if value is not None} == counts
    assert not any(row[key] for key in counts)


def test_metrics_have_their_units() -> None:
    s = Score(
        hits=3,
        misses=1,
        false_alarms=2,
        scored_s=120.0,
        starts=10,
        unconfirmed=4,
        start_latency_s=(0.01, 0.02, 0.3),
        blink_latency_s=(0.4,),
        peak_error_s=(-0.03, 0.01),
        blink_after_end_s=(0.1, 0.2),
        duration_error_s=(-0.1, 0.04, 0.05),
    )
    row = s.to_dict()
    assert row["minutes"] == 2.0
    assert row["false_alarms_per_minute"] == 1.0
    assert row["unconfirmed_starts_per_minute"] == 2.0
    assert row["start_latency_median_ms"] == pytest.approx(20.0)
    assert row["blink_latency_p95_ms"] == pytest.approx(400.0)
    assert row["peak_error_median_ms"] == pytest.approx(20.0)  # of absolute errors
    assert row["peak_bias_median_ms"] == pytest.approx(-10.0)
    assert row["blink_after_end_median_ms"] == pytest.approx(150.0)
    assert row["duration_error_median_ms"] == pytest.approx(50.0)
    assert row["duration_bias_median_ms"] == pytest.approx(40.0)
    assert row["unconfirmed_starts_share"] == pytest.approx(0.4)
    assert dataclasses.replace(s, hits=0, misses=0).to_dict()["recall"] is None
