from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_people import person
from made_words import deflected, spoken
from scipy.optimize import minimize

from nictate.decision import NEVER, DecisionRules
from nictate.habits import Features, HabitRules
from nictate.signals import FloatArray
from nictate.training.acquaint import CAUTION, acquaint, asked, neutral, shares
from nictate.training.acquaint import logistic as shared_logistic
from nictate.training.evaluate import Truth
from nictate.training.heard import Heard, outcome
from stand_in import CARD

LOOKS = len(CARD.looks_s)
LATE = LOOKS - 1
PRIOR = np.array([0.0, 1.0, 0.0])


# --- logistic regression --------------------------------------------------------------------------


def logistic(X: FloatArray, y: FloatArray, prior: FloatArray) -> FloatArray:
    """All candidates weigh the same."""
    return shared_logistic(X, y, prior, np.ones(len(y)))


def candidates(seed: int, n: int, spread: float = 2.0) -> tuple[FloatArray, FloatArray]:
    """(n, 3), the first of them constant, and what a logistic model of other weights than `PRIOR` says of them."""
    rng = np.random.default_rng(seed)
    X = np.column_stack((np.ones(n), spread * rng.standard_normal((n, 2))))
    y = rng.random(n) < 1.0 / (1.0 + np.exp(-X @ np.array([0.5, 0.7, -1.2])))
    return X, y.astype(np.float64)


def loss(w: FloatArray, X: FloatArray, y: FloatArray) -> float:
    return float(np.logaddexp(0.0, (1.0 - 2.0 * y) * (X @ w)).sum() + 0.5 * CAUTION * ((w - PRIOR) ** 2).sum())


def gradient(w: FloatArray, X: FloatArray, y: FloatArray) -> FloatArray:
    """Of `loss`, by central differences."""
    step = 1e-5 * np.eye(len(w))
    return np.array([(loss(w + d, X, y) - loss(w - d, X, y)) / 2e-5 for d in step])


seeds = st.integers(0, 2**32 - 1)


@settings(deadline=None, max_examples=40)
@given(seed=seeds, n=st.integers(1, 80), spread=st.sampled_from([0.1, 2.0, 30.0]))
def test_the_weights_are_those_that_any_minimiser_finds(seed: int, n: int, spread: float) -> None:
    X, y = candidates(seed, n, spread)
    found = logistic(X, y, PRIOR)
    oracle = minimize(loss, PRIOR, args=(X, y), method="BFGS", options={"gtol": 1e-7})
    assert loss(found, X, y) <= oracle.fun + 1e-9
    np.testing.assert_allclose(found, oracle.x, rtol=0, atol=1e-4)


@settings(deadline=None, max_examples=40)
@given(seed=seeds, n=st.integers(1, 80))
def test_nothing_is_gained_by_going_anywhere_from_there(seed: int, n: int) -> None:
    X, y = candidates(seed, n)
    np.testing.assert_allclose(gradient(logistic(X, y, PRIOR), X, y), 0.0, rtol=0, atol=1e-6)
    assert np.abs(gradient(PRIOR, X, y)).max() > 1e-3


def test_without_data_the_prior_stands() -> None:
    assert np.array_equal(logistic(np.empty((0, 3)), np.empty(0), PRIOR), PRIOR)


def test_the_more_is_known_the_less_the_prior_counts() -> None:
    X, y = candidates(1, 60)
    bare = minimize(lambda w: np.logaddexp(0.0, (1.0 - 2.0 * y) * (X @ w)).sum(), PRIOR, options={"gtol": 1e-7}).x
    off = [
        float(np.linalg.norm(logistic(np.tile(X, (times, 1)), np.tile(y, times), PRIOR) - bare))
        for times in (1, 4, 16, 256)
    ]
    assert np.linalg.norm(PRIOR - bare) > off[0] > off[1] > off[2] > off[3]
    assert off[3] < 0.01 * off[0]


def test_what_separates_perfectly_has_finite_weights() -> None:
    """Without a prior they would grow for ever."""
    X = np.column_stack((np.ones(40), np.linspace(-50.0, 50.0, 40), np.zeros(40)))
    found = logistic(X, (X[:, 1] > 0.0).astype(np.float64), PRIOR)
    assert np.isfinite(found).all()
    assert found[1] > 0.1
    assert found[2] == 0.0


def test_neither_the_order_of_candidates_nor_yes_and_no_matter() -> None:
    X, y = candidates(2, 50)
    found = logistic(X, y, PRIOR)
    np.testing.assert_allclose(logistic(X[::-1], y[::-1], PRIOR), found, rtol=0, atol=1e-9)
    np.testing.assert_allclose(logistic(X, 1.0 - y, -PRIOR), -found, rtol=0, atol=1e-9)


def test_a_share_of_two_is_as_good_as_twice() -> None:
    X, y = candidates(3, 50)
    share = np.where(np.arange(50) < 20, 2.0, 1.0)
    twice = logistic(np.vstack((X, X[:20])), np.concatenate((y, y[:20])), PRIOR)
    # Where the loss is flat to the last bit, no step is taken any more: that is some 1e-8 from the minimum.
    np.testing.assert_allclose(shared_logistic(X, y, PRIOR, share), twice, rtol=0, atol=1e-7)


# --- people ---------------------------------------------------------------------------------------


def test_the_more_somebody_blinks_the_less_each_blink_counts_and_the_more_all_of_them() -> None:
    few, many = dipping(1), dipping(2)
    blinks = np.tile(many.signal.truth.blinks, (9, 1))
    truth = dataclasses.replace(many.signal.truth, blinks=blinks)
    busy = dataclasses.replace(many, signal=dataclasses.replace(many.signal, truth=truth, subject="busy"))
    calm, often = shares([few, busy])
    assert 0.0 < often < calm < 1.0
    assert often * len(blinks) > calm * len(few.signal.truth.blinks)
    assert shares([busy, busy])[0] < often  # All recordings of a person count together.


@lru_cache
def dipping(seed: int, word: float = 0.8, *, until_s: float = np.inf) -> Heard:
    """Somebody who blinks upward, and as often as not there is a dip, of which the network is as sure.

    Of dips from ``until_s`` on it says nothing.
    """
    rng = np.random.default_rng(seed)
    at = np.arange(2.0, 58.0, 1.6) + rng.uniform(-0.2, 0.2, 35)
    dips = set(rng.choice(np.arange(3, 35), 13, replace=False).tolist())
    up = [float(t) for k, t in enumerate(at) if k not in dips]
    down = [float(t) for k, t in enumerate(at) if k in dips]
    words = dict.fromkeys([*up, *(t for t in down if t < until_s)], word)
    return spoken(CARD, deflected(person(1, lasting_s=60.0), up, down, -1.0), (words,) * LOOKS)


def knowing(habits: HabitRules, threshold: float = 0.5) -> DecisionRules:
    return dataclasses.replace(
        CARD.decision, start=(NEVER,) * LOOKS, confirm=asked(CARD, LATE, threshold), habits=habits
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_who_is_known_is_understood_better(seed: int) -> None:
    heard = [dipping(seed)]
    found, plain = acquaint(CARD, heard, LATE), neutral(CARD.decision.habits)
    before, after = (outcome(CARD, knowing(habits), heard) for habits in (plain, found))
    assert before.recall == 1.0
    assert before.false_alarms >= 12
    assert after.f1 > 0.95
    weights = dict(zip(Features._fields, found.weights[2:], strict=True))
    assert weights["upright"] > 0.5


def test_what_was_learned_of_some_serves_others() -> None:
    found = acquaint(CARD, [dipping(1), dipping(2)], LATE)
    stranger = [dipping(3, 0.7)]
    assert (
        outcome(CARD, knowing(found), stranger).f1 > outcome(CARD, knowing(neutral(CARD.decision.habits)), stranger).f1
    )


def test_the_weights_are_those_of_one_regression_over_all_people() -> None:
    """Not of the mean of each one's."""
    one, two = dipping(1), dipping(2, 0.6)
    both = acquaint(CARD, [one, two], LATE)
    assert both == acquaint(CARD, [two, one], LATE) == acquaint(CARD, (one, two), LATE)
    alone = [np.array(acquaint(CARD, [h], LATE).weights) for h in (one, two)]
    assert np.abs(np.array(both.weights) - np.mean(alone, axis=0)).max() > 0.01


def test_what_lies_in_ignored_time_is_not_learned_from() -> None:
    """It comes last, so that nothing else is seen in its light."""
    whole, silent = dipping(1), dipping(1, until_s=45.0)
    assert acquaint(CARD, [whole], LATE) != acquaint(CARD, [silent], LATE)

    def ignoring(h: Heard) -> Heard:
        truth = h.signal.truth
        kept = truth.blinks[truth.blinks[:, 1] < 45.0]
        ignored = Truth(kept, np.array([[44.9, 61.0]]), truth.duration_s)
        return dataclasses.replace(h, signal=dataclasses.replace(h.signal, truth=ignored))

    assert acquaint(CARD, [ignoring(whole)], LATE) == acquaint(CARD, [ignoring(silent)], LATE)
    assert acquaint(CARD, [ignoring(whole)], LATE) != neutral(CARD.decision.habits)


def test_where_there_is_nothing_to_learn_the_networks_word_stands() -> None:
    plain = neutral(CARD.decision.habits)
    calm = person(1, lasting_s=20.0)
    right = dict.fromkeys(calm.truth.peaks.tolist(), 0.8)
    nothing = dataclasses.replace(calm, samples=calm.samples[:4], times=calm.times[:4])
    for heard in (
        [spoken(CARD, calm, ({},) * LOOKS)],  # No candidate.
        [spoken(CARD, calm, (right,) * LOOKS)],  # None that was not a blink.
        [spoken(CARD, nothing, ({},) * LOOKS)],
    ):
        assert acquaint(CARD, heard, LATE) == plain
    assert plain.weights == (0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_nothing_but_the_weights_is_learned_and_they_survive_the_card() -> None:
    found = acquaint(CARD, [dipping(1)], LATE)
    assert dataclasses.replace(found, weights=CARD.decision.habits.weights) == CARD.decision.habits
    card = dataclasses.replace(CARD, decision=dataclasses.replace(CARD.decision, habits=found))
    assert type(card).from_json(card.to_json()) == card


def test_what_the_card_knew_before_does_not_count() -> None:
    """Neither its thresholds nor its weights."""
    other = dataclasses.replace(
        knowing(dataclasses.replace(CARD.decision.habits, weights=(1.0, 0.5, 1.0, -2.0, 1.0, 1.0, 1.0)), 0.9)
    )
    before = acquaint(CARD, [dipping(1)], LATE)
    assert acquaint(dataclasses.replace(CARD, decision=other), [dipping(1)], LATE) == before
    assert acquaint(CARD, [dipping(1)], LATE) == before


def test_only_the_look_aheads_that_are_asked_are_listened_to() -> None:
    h = dipping(1)
    early_only = dataclasses.replace(h, said=tuple(said * np.array([[1.0], [0.0]]) for said in h.said))
    assert acquaint(CARD, [early_only], LATE) == neutral(CARD.decision.habits)
    assert acquaint(CARD, [early_only], 0) != neutral(CARD.decision.habits)


def test_thresholds_are_for_the_look_aheads_from_the_first_that_is_asked() -> None:
    six = dataclasses.replace(CARD, looks_s=(0.06, 0.1, 0.14, 0.2, 0.28, 0.4))
    assert asked(six, 0, 0.5) == (0.5,) * 6
    assert asked(six, 4, 0.123) == (NEVER,) * 4 + (0.12,) * 2
    assert asked(six, 5, 0.9) == (NEVER,) * 5 + (0.9,)


def test_of_nobody_nothing_is_learned() -> None:
    assert acquaint(CARD, [], LATE) == neutral(CARD.decision.habits)
