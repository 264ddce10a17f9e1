from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from made_people import person
from scipy.stats import mannwhitneyu

from nictate.training.calibration import binned, ranked, reliability, seconds
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import Truth
from nictate.training.findings import findings
from nictate.training.heard import Heard, listen
from nictate.training.judge import Trial
from stand_in import STAND_IN

CARD = STAND_IN.card
SKIP_S = (1.0, 0.3)


def test_the_area_is_the_chance_to_rank_a_pair_rightly() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(500) < 0.2
    p = np.round(rng.random(500) + 0.3 * truth, 1)  # With ties.
    expected = mannwhitneyu(p[truth], p[~truth]).statistic / (truth.sum() * (~truth).sum())
    assert 0.6 < expected < 0.9
    assert ranked(p, truth).area == pytest.approx(expected, abs=1e-9)
    assert ranked(truth.astype(np.float64), truth).area == 1.0
    assert ranked(-truth.astype(np.float64), truth).area == 0.0
    assert np.isnan(ranked(p, np.zeros(500, dtype=np.bool_)).area)
    assert np.isnan(ranked(np.empty(0), np.empty(0, dtype=np.bool_)).area)


def test_who_says_what_happens_is_calibrated() -> None:
    rng = np.random.default_rng(0)
    said = rng.random(100_000)
    assert binned(said, rng.random(100_000) < said).error < 0.01
    assert binned(said, rng.random(100_000) < said**3).error > 0.1
    assert binned(np.full(10, 0.95), np.arange(10) < 7).error == pytest.approx(0.25)
    found = binned(np.array([0.0, 0.05, 0.95, 1.0]), np.array([False, True, True, True]))
    assert [(b.low, b.high, b.count, b.true) for b in found.bins] == [(0.0, 0.1, 2, 0.5), (0.9, 1.0, 2, 1.0)]
    nothing = binned(np.empty(0), np.empty(0, dtype=np.bool_))
    assert nothing.to_dict() == {"expected_calibration_error": None, "bins": []}


def test_the_confidence_of_each_event_that_counts_is_compared_with_its_truth() -> None:
    s = person(1, lasting_s=30.0)
    s = dataclasses.replace(s, truth=dataclasses.replace(s.truth, blinks=s.truth.blinks[::2]))
    trial = Trial(CARD, listen(CARD, STAND_IN.network, s))
    found = findings([trial, trial], SKIP_S)
    bins = reliability(found).bins
    match = found[0].match
    assert sum(b.count for b in bins) == 2 * (len(match.pairs) + len(match.false))
    assert sum(b.true * b.count for b in bins) == pytest.approx(2 * len(match.pairs))
    confidence = [e.confidence for e in trial.events() if e.kind == "blink"]
    kept = [confidence[k] for k, _ in match.pairs] + [confidence[k] for k in match.false]
    assert sum(b.said * b.count for b in bins) == pytest.approx(2 * sum(kept))
    assert reliability([]).bins == ()


def spoken(s: LabelledSignal, moment: float) -> Heard:
    """Whatever the look-ahead, the network is sure of this moment and of nothing else."""
    silent = listen(CARD, lambda *_: np.zeros((len(CARD.looks_s), CARD.hop // CARD.step)), s)
    said = []
    for window in silent.windows:
        times = window.times[-1 - CARD.step * (CARD.hop // CARD.step - 1) :: CARD.step]
        said.append(np.stack([1.0 * (np.abs(times - look_s - moment) < 0.011) for look_s in CARD.looks_s]))
    return dataclasses.replace(silent, said=tuple(said))


def test_a_second_is_given_the_largest_word_said_of_it() -> None:
    blinks = np.array([[3.3, 3.4, 3.6], [5.9, 6.05, 6.3], [8.2, np.nan, 8.4]])
    truth = Truth(blinks, np.array([[10.5, 11.2]]), 15.0)
    s = dataclasses.replace(person(1, lasting_s=15.0), truth=truth)
    said, blink = seconds([Trial(CARD, spoken(s, 3.4))], SKIP_S)
    # From 1 to 14 s: without the one that the second blink only begins in, and the two that are in part ignored.
    assert blink.tolist() == [False, False, True, False, True, False, True, False, False, False]
    assert said.shape == (len(CARD.looks_s), 10)
    for row in said:
        assert row.tolist() == [0.0, 0.0, 1.0] + 7 * [0.0]
        assert ranked(row, blink).area == pytest.approx(0.5 + 0.5 / 3)
    assert seconds([], SKIP_S)[1].shape == (0,)
