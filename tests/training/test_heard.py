from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from made_people import person
from made_words import spoken

from nictate.detector import Detector
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import Truth, score
from nictate.training.heard import listen, outcome
from nictate.training.scores import add
from stand_in import STAND_IN

CARD = STAND_IN.card


def with_hole(s: LabelledSignal, at_s: float, lasting_s: float) -> LabelledSignal:
    times = s.times + np.where(s.times >= at_s, lasting_s, 0.0)
    blinks = s.truth.blinks + np.where(s.truth.blinks >= at_s, lasting_s, 0.0)
    return dataclasses.replace(s, times=times, truth=Truth(blinks, s.truth.ignore, s.duration_s + lasting_s))


def both_ways(s: LabelledSignal) -> tuple[object, object]:
    detector = Detector(CARD, STAND_IN.network, s.montage, channels=range(len(s.montage.names)))
    return listen(CARD, STAND_IN.network, s).decide(CARD, CARD.decision), detector.push(s.block()) + detector.flush()


@pytest.mark.parametrize("rate_hz", [100.0, 249.4])
@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_heard_and_decided_is_what_the_detector_says(seed: int, rate_hz: float) -> None:
    heard, said = both_ways(person(seed, lasting_s=30.0, rate_hz=rate_hz))
    assert heard == said
    assert len(heard) > 8  # type: ignore[arg-type]


def test_channels_that_were_chosen_are_heard_alone() -> None:
    s = person(1, lasting_s=30.0)
    detector = Detector(CARD, STAND_IN.network, s.montage, channels=[1])
    heard = listen(CARD, STAND_IN.network, s, [1]).decide(CARD, CARD.decision)
    assert heard == detector.push(s.block()) + detector.flush()
    assert heard != both_ways(s)[0]
    assert heard


def test_also_where_the_recording_ends_within_a_blink() -> None:
    s = person(1, lasting_s=30.0)
    ends_s = float(s.truth.blinks[-1, 1]) + 0.25
    n = round(ends_s * s.montage.rate_hz)
    heard, said = both_ways(dataclasses.replace(s, samples=s.samples[:n], times=s.times[:n]))
    assert heard == said
    assert said


@pytest.mark.parametrize("after_s", [-0.3, 0.25, 0.45, 0.65])
def test_also_across_holes(after_s: float) -> None:
    """Nothing reaches over a hole, also not while thresholds are chosen."""
    s = person(1, lasting_s=30.0)
    peak = float(s.truth.blinks[len(s.truth.blinks) // 2, 1])
    heard, said = both_ways(with_hole(s, peak + after_s, 1.0))
    assert heard == said
    assert said


def test_of_a_recording_shorter_than_a_window_nothing_is_heard() -> None:
    s = person(1, lasting_s=20.0)
    short = dataclasses.replace(s, samples=s.samples[:4], times=s.times[:4])
    assert listen(CARD, STAND_IN.network, short).decide(CARD, CARD.decision) == []


def test_a_word_is_kept_for_each_look_ahead_and_each_step() -> None:
    heard = listen(CARD, STAND_IN.network, person(1, lasting_s=10.0))
    assert len(heard.said) == len(heard.windows) == len(heard.decided) > 200
    assert {said.shape for said in heard.said} == {(len(CARD.looks_s), CARD.hop // CARD.step)}


def test_other_rules_decide_otherwise_of_what_was_heard_once() -> None:
    s = person(1, lasting_s=15.0)
    heard = spoken(CARD, s, (dict.fromkeys(s.truth.peaks.tolist(), 0.6),) * 2)
    strict = dataclasses.replace(CARD.decision, confirm=(2.0, 0.7))
    before = heard.decide(CARD, CARD.decision)
    assert {e.kind for e in before} == {"blink/start", "blink"}
    assert {e.kind for e in heard.decide(CARD, strict)} == {"blink/start"}
    assert heard.decide(CARD, CARD.decision) == before


def test_an_outcome_is_of_all_recordings() -> None:
    people = [person(seed, lasting_s=15.0) for seed in (1, 2)]
    heard = [listen(CARD, STAND_IN.network, s) for s in people]
    alone = [score(h.decide(CARD, CARD.decision), h.signal.truth) for h in heard]
    assert outcome(CARD, CARD.decision, heard) == add(alone)
    assert all(s.hits for s in alone)
