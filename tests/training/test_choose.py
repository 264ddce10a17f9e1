from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from made_people import person

from nictate.detector import Detector
from nictate.signals import FloatArray
from nictate.simulate import Profile
from nictate.training.choose import Heard, choose, listen, outcome
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import Truth, score
from nictate.training.scores import add
from stand_in import STAND_IN

CARD = STAND_IN.card
CALM = Profile(blinks_per_min=20, double_share=0.0, half_share=0.0, long_share=0.0, pops_per_min=0, muscle_per_min=0)


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


def spoken(s: LabelledSignal, early: dict[float, float], late: dict[float, float], otherwise: float = 0.02) -> Heard:
    """As if a network had said these probabilities of these moments."""
    silent = listen(CARD, lambda *_: np.zeros((2, CARD.hop // CARD.step)), s)

    def of(times: FloatArray, words: dict[float, float]) -> FloatArray:
        p = np.full(len(times), otherwise)
        for moment, word in words.items():
            p[np.abs(times - moment) <= 0.06] = word
        return p

    said = []
    for window in silent.windows:
        times = window.times[-1 - CARD.step * (CARD.hop // CARD.step - 1) :: CARD.step]
        said.append(np.stack((of(times - CARD.early_s, early), of(times - CARD.late_s, late))))
    return dataclasses.replace(silent, said=tuple(said))


@pytest.fixture(scope="module")
def someone() -> LabelledSignal:
    return person(5, lasting_s=45.0, profile=CALM)


def moments(s: LabelledSignal) -> tuple[list[float], list[float]]:
    """The peaks of blinks, and times far from any."""
    peaks = s.truth.peaks.tolist()
    calm = [t for t in np.arange(2.0, 43.0, 1.3) if np.abs(s.truth.peaks - t).min() > 0.9]
    assert len(peaks) > 8
    assert len(calm) > 8
    return peaks, calm


@pytest.mark.parametrize(("true", "false"), [(0.62, 0.37), (0.78, 0.57), (0.43, 0.16)])
def test_the_confirming_threshold_lies_between_what_is_said_of_blinks_and_of_none(
    someone: LabelledSignal, true: float, false: float
) -> None:
    peaks, calm = moments(someone)
    late = {**dict.fromkeys(calm, false), **dict.fromkeys(peaks, true)}
    heard = spoken(someone, late, late)
    rules = choose(CARD, [heard])
    assert false < rules.confirm <= true
    assert outcome(CARD, rules, [heard]).f1 == 1.0


def test_the_starting_threshold_is_the_lowest_that_is_trustworthy(someone: LabelledSignal) -> None:
    peaks, calm = moments(someone)
    late = dict.fromkeys(peaks, 0.9)
    hasty = spoken(someone, {**dict.fromkeys(calm, 0.47), **dict.fromkeys(peaks, 0.9)}, late)
    assert choose(CARD, [hasty]).start == 0.5
    calmer = spoken(someone, late, late)
    assert choose(CARD, [calmer]).start == 0.15


def test_where_no_start_can_be_trusted_the_least_bad_is_taken(someone: LabelledSignal) -> None:
    peaks, calm = moments(someone)
    late = dict.fromkeys(peaks, 0.9)
    early = {**dict.fromkeys(calm, 0.95), **dict.fromkeys(calm[::2], 0.58)}
    rules = choose(CARD, [spoken(someone, early, late)])
    assert rules.start == 0.6


def test_nothing_but_the_thresholds_is_chosen(someone: LabelledSignal) -> None:
    heard = spoken(someone, {}, dict.fromkeys(someone.truth.peaks.tolist(), 0.9))
    rules = choose(CARD, [heard])
    assert dataclasses.replace(rules, start=CARD.decision.start, confirm=CARD.decision.confirm) == CARD.decision


def test_an_outcome_is_of_all_recordings() -> None:
    people = [person(seed, lasting_s=15.0) for seed in (1, 2)]
    heard = [listen(CARD, STAND_IN.network, s) for s in people]
    alone = [score(h.decide(CARD, CARD.decision), h.signal.truth) for h in heard]
    assert outcome(CARD, CARD.decision, heard) == add(alone)
    assert all(s.hits for s in alone)
