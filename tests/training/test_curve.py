from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_people import person

from nictate.training.corpus import LabelledSignal
from nictate.training.curve import Dot, Kind, alone, busy, front, sweep
from nictate.training.evaluate import score
from nictate.training.heard import listen
from nictate.training.judge import Trial
from nictate.training.scores import Score
from stand_in import STAND_IN

CARD = STAND_IN.card
SKIP_S = (1.0, 0.3)
KINDS: tuple[Kind, Kind] = ("blink/start", "blink")


def with_hole(s: LabelledSignal) -> LabelledSignal:
    return dataclasses.replace(s, times=s.times + np.where(s.times >= 11.0, 1.7, 0.0))


@pytest.fixture(scope="module")
def trials() -> list[Trial]:
    people = [person(1, lasting_s=30.0), with_hole(person(2, lasting_s=20.0))]
    return [Trial(CARD, listen(CARD, STAND_IN.network, s)) for s in people]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_left_out_changes_no_event(trials: list[Trial], kind: Kind) -> None:
    for trial in trials:
        shorter = busy(CARD, trial.heard)
        assert len(shorter.windows) < len(trial.heard.windows)
        for look in range(len(CARD.looks_s)):
            for threshold in (0.1, 0.5, 0.9):
                rules = alone(CARD.decision, kind, look, threshold)
                assert shorter.decide(CARD, rules) == trial.heard.decide(CARD, rules)


def test_one_look_ahead_alone_decides_one_kind_of_event(trials: list[Trial]) -> None:
    looks = len(CARD.looks_s)
    for kind in KINDS:
        for look in range(looks):
            rules = alone(CARD.decision, kind, look, 0.4)
            asked, other = (rules.start, rules.confirm) if kind == "blink/start" else (rules.confirm, rules.start)
            assert [p <= 1.0 for p in asked] == [k == look for k in range(looks)]
            assert asked[look] == 0.4
            assert not any(p <= 1.0 for p in other)
    events = trials[0].heard.decide(CARD, alone(CARD.decision, "blink/start", 0, 0.4))
    assert {event.kind for event in events} == {"blink/start"}


@pytest.mark.parametrize("kind", KINDS)
def test_higher_thresholds_are_more_precise_and_find_less(trials: list[Trial], kind: Kind) -> None:
    shares: list[float] = []
    dots = sweep(trials, kind, SKIP_S, (0.3, 0.6, 0.999999), lambda share, _: shares.append(share))
    assert [(dot.look_s, dot.threshold) for dot in dots] == [
        (look_s, p) for look_s in CARD.looks_s for p in (0.3, 0.6, 0.999999)
    ]
    assert sum(shares) == pytest.approx(1.0)
    for first in range(0, len(dots), 3):
        recall = [dot.score.recall for dot in dots[first : first + 3]]
        assert recall[0] >= recall[1] > recall[2]
        assert recall[0] > 0.6


def test_who_looks_further_ahead_speaks_later(trials: list[Trial]) -> None:
    early, late = sweep(trials, "blink/start", SKIP_S, (0.5,))
    assert late.latency_s - early.latency_s == pytest.approx(CARD.looks_s[-1] - CARD.looks_s[0], abs=0.06)


def test_the_rule_for_blinks_is_that_of_the_verdict(trials: list[Trial]) -> None:
    trial = trials[0]
    dot = sweep([trial], "blink", SKIP_S, (0.5,))[-1]
    rules = alone(CARD.decision, "blink", len(CARD.looks_s) - 1, 0.5)
    assert dot.score == score(trial.heard.decide(CARD, rules), trial.heard.signal.truth, SKIP_S)


dots = st.builds(
    lambda late, hits: Dot(0.1, 0.5, Score(hits=hits, misses=10, start_latency_s=(late / 100,) if late < 9 else ())),
    st.integers(0, 9),
    st.integers(0, 9),
)


@given(st.lists(dots, max_size=12))
def test_the_front_is_what_nothing_beats(several: list[Dot]) -> None:
    best = front(several)
    known = [dot for dot in several if math.isfinite(dot.latency_s)]
    for dot in known:
        beaten = any(
            other.latency_s <= dot.latency_s
            and other.score.f1 >= dot.score.f1
            and (other.latency_s, other.score.f1) != (dot.latency_s, dot.score.f1)
            for other in known
        )
        assert beaten != any((d.latency_s, d.score.f1) == (dot.latency_s, dot.score.f1) for d in best)
    f1 = [dot.score.f1 for dot in best]
    assert f1 == sorted(set(f1))
