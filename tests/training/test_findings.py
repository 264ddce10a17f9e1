from __future__ import annotations

import dataclasses
import json

import pytest
from made_people import person

from nictate.training.evaluate import score
from nictate.training.findings import Finding, findings
from nictate.training.heard import listen
from nictate.training.judge import Trial
from stand_in import STAND_IN

SKIP_S = (1.0, 0.3)


@pytest.fixture(scope="module")
def trial() -> Trial:
    return Trial(STAND_IN.card, listen(STAND_IN.card, STAND_IN.network, person(1, lasting_s=30.0)))


def relabelled(trial: Trial, keep: slice, by_s: float = 0.0) -> Trial:
    signal = trial.heard.signal
    truth = dataclasses.replace(signal.truth, blinks=signal.truth.blinks[keep] + by_s)
    return Trial(trial.card, dataclasses.replace(trial.heard, signal=dataclasses.replace(signal, truth=truth)))


def of(trial: Trial) -> Finding:
    (found,) = findings([trial], SKIP_S)
    return found


def test_each_detection_and_label_is_found_missed_or_false_as_it_is_scored(trial: Trial) -> None:
    for changed in (trial, relabelled(trial, slice(None, None, 2)), relabelled(trial, slice(None), 0.7)):
        found, scored = of(changed), score(changed.events(), changed.heard.signal.truth, SKIP_S)
        kinds = [mistake.kind for mistake in found.mistakes]
        assert kinds.count("missed") == scored.misses
        assert kinds.count("false alarm") == scored.false_alarms
        assert len(found.match.pairs) == scored.hits
    assert len(found.mistakes) > 10


def test_a_mistake_says_when_and_how_sure(trial: Trial) -> None:
    found = of(relabelled(trial, slice(0, 0)))
    blinks = {event.peak: event.confidence for event in trial.events() if event.kind == "blink"}
    assert found.mistakes
    for mistake in found.mistakes:
        assert mistake.kind == "false alarm"
        assert blinks[mistake.at_s] == mistake.confidence
    missed = of(relabelled(trial, slice(None), 0.7)).mistakes
    assert [m.at_s for m in missed] == sorted(m.at_s for m in missed)
    assert {m.confidence is None for m in missed if m.kind == "missed"} == {True}


def test_mistakes_fit_into_json(trial: Trial) -> None:
    rows = of(relabelled(trial, slice(None), 0.7)).to_dict()
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert {row["recording"] for row in rows} == {trial.heard.signal.name}
