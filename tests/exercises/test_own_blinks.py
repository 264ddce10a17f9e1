from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from nictate.exercises.own_blinks import Person, Population, likeness, looks, population_of
from nictate.signals import FloatArray

POPULATION = Population(np.array([4.5, -1.2]), np.array([0.5, 0.1]), np.array([0.09, 0.04]))


def blinks(mean: FloatArray, n: int, seed: int = 0) -> FloatArray:
    return mean + np.sqrt(POPULATION.within) * np.random.default_rng(seed).standard_normal((n, 2))


def test_looks_are_logarithms_whatever_the_polarity() -> None:
    np.testing.assert_allclose(looks(-100.0, 0.25), np.log([100.0, 0.25]))
    assert np.isfinite(looks(0.0, 0.0)).all()


def test_people_are_told_from_blinks() -> None:
    rng = np.random.default_rng(1)
    means = POPULATION.mean + np.sqrt(POPULATION.between) * rng.standard_normal((400, 2))
    found = population_of([blinks(mean, 50, k) for k, mean in enumerate(means)] + [blinks(POPULATION.mean, 1)])
    np.testing.assert_allclose(found.mean, POPULATION.mean, atol=0.1)
    np.testing.assert_allclose(found.between, POPULATION.between, rtol=0.2)
    np.testing.assert_allclose(found.within, POPULATION.within, rtol=0.05)
    with pytest.raises(ValueError, match="two people"):
        population_of([blinks(POPULATION.mean, 9), blinks(POPULATION.mean, 1)])


def test_at_first_strange_is_what_is_strange_for_people() -> None:
    strange = Person(POPULATION, 1.0).strangeness(POPULATION.mean + np.sqrt(POPULATION.between + POPULATION.within))
    np.testing.assert_allclose(strange, 1.0)


def test_few_blinks_make_a_person_known() -> None:
    own = POPULATION.mean - np.array([1.0, 0.5])
    person = Person(POPULATION, 1.0)
    before = np.abs(person.strangeness(own))
    for look in blinks(own, 5):
        person.learn(look)
    assert (np.abs(person.strangeness(own)) < 0.5 * before).all()
    assert (np.abs(person.strangeness(POPULATION.mean)) > 2.0).all()


def test_who_forgets_follows_and_who_does_not_lags() -> None:
    after = []
    for keep in (1.0, 0.8):
        person = Person(POPULATION, keep)
        for look in (*blinks(POPULATION.mean, 50), *blinks(POPULATION.mean + 1.0, 10)):
            person.learn(look)
        after.append(np.abs(person.strangeness(POPULATION.mean + 1.0)).sum())
    assert after[1] < 0.6 * after[0]


def test_likeness_is_a_ratio_of_densities() -> None:
    strange = np.random.default_rng(0).standard_normal((20, 2))
    mean, deviation = np.array([-1.0, 0.5]), np.array([2.0, 1.5])
    expected = norm.logpdf(strange).sum(axis=1) - norm(mean, deviation).logpdf(strange).sum(axis=1)
    np.testing.assert_allclose(likeness(strange, (mean, deviation)), expected)
