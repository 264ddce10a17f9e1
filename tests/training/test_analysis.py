from __future__ import annotations

import json

import pytest
from made_people import person

from nictate.training.analysis import analyse
from nictate.training.heard import listen
from nictate.training.judge import Trial, judge_trials
from stand_in import STAND_IN

SKIP_S = (1.0, 0.3)


def test_an_analysis_holds_the_verdict_and_everything_beside_it() -> None:
    people = [person(seed, lasting_s=15.0, of=of) for seed, of in ((1, "a"), (2, "b"))]
    trials = [Trial(STAND_IN.card, listen(STAND_IN.card, STAND_IN.network, s)) for s in people]
    shares: list[float] = []
    found = analyse(trials, SKIP_S, lambda share, _: shares.append(share))
    assert sum(shares) == pytest.approx(1.0)
    assert found.verdict == judge_trials(trials, SKIP_S)
    row = found.to_dict()
    assert json.loads(json.dumps(row, allow_nan=False)).keys() == row.keys()
    assert {key: row[key] for key in found.verdict.to_dict()} == found.verdict.to_dict()
    looks = [1e3 * look_s for look_s in STAND_IN.card.looks_s]
    for key in ("starts_by_threshold", "blinks_by_threshold"):
        assert sorted({dot["look_ahead_ms"] for dot in row[key]}) == looks
    assert all(dot in row["starts_by_threshold"] for dot in row["starts_front"])
    assert [one["look_ahead_ms"] for one in row["roc"]] == looks
    assert all(one["area"] > 0.8 for one in row["roc"])
    overall = row["overall"]
    assert len(row["mistakes"]) == overall["misses"] + overall["false_alarms"]
    events = sum(b["count"] for b in row["calibration"]["bins"])
    assert events == overall["hits"] + overall["false_alarms"]
    assert row["starts"]["start_latency_median_ms"] is not None
