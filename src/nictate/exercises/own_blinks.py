"""A person's blinks resemble each other: what few of them say of the next, by Bayesian regression with forgetting.

The logarithms of height and duration are each a line without slope, x = (1,), whose level is the person's own. The
prior is what is known of people. `scripts/bench_own_blinks.py` measures whether it helps the detector; it does not, see
``nictate exercises show bayes``, so the detector goes by `nictate.habits` instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nictate.exercises.bayes import Belief, forget, predict, update
from nictate.signals import FloatArray

ONE = np.ones(1)


@dataclass(frozen=True, slots=True)
class Population:
    """Of log height (µV) and log duration (s), (2,) each."""

    mean: FloatArray
    """Of people's means."""
    between: FloatArray
    """Variance of people's means."""
    within: FloatArray
    """Variance within one person, the mean over people."""


def looks(height_uv: float, duration_s: float) -> FloatArray:
    """(2,) what is learned of a blink. Heights are signed as the channel is, which says nothing here."""
    return np.log([max(abs(height_uv), 1e-3), max(duration_s, 1e-3)])


def population_of(people: Sequence[FloatArray]) -> Population:
    """From the blinks (n, 2) of each of several people. Raises `ValueError` when fewer than two of them have two."""
    enough = [blinks for blinks in people if len(blinks) > 1]
    if len(enough) < 2:
        raise ValueError("two people with two blinks each are needed to tell people from blinks")
    means = np.array([blinks.mean(axis=0) for blinks in enough])
    within = np.array([blinks.var(axis=0, ddof=1) for blinks in enough])
    return Population(means.mean(axis=0), means.var(axis=0, ddof=1), within.mean(axis=0))


class Person:
    """What is known of one person's blinks so far. ``keep`` is what is left, after each, of what was learned before."""

    def __init__(self, population: Population, keep: float) -> None:
        self._keep = keep
        self._prior = [
            Belief(np.array([mean]), np.array([[between]]), within)
            for mean, between, within in zip(population.mean, population.between, population.within, strict=True)
        ]
        self._beliefs = list(self._prior)

    def strangeness(self, look: FloatArray) -> FloatArray:
        """(2,) how many standard deviations a candidate's look (2,) is from what is expected."""
        said = [predict(belief, ONE) for belief in self._beliefs]
        return np.array([(y - p.mean) / math.sqrt(p.variance) for y, p in zip(look, said, strict=True)])

    def learn(self, look: FloatArray) -> None:
        """Take a candidate's look (2,) for one of the person's blinks."""
        self._beliefs = [
            update(forget(belief, prior, self._keep), ONE, y)
            for belief, prior, y in zip(self._beliefs, self._prior, look, strict=True)
        ]


def likeness(strange: FloatArray, of_false: tuple[FloatArray, FloatArray]) -> FloatArray:
    """(n,) log of how much more likely a person's own blink is to be so ``strange`` (n, 2) than a false alarm is.

    Own blinks are standard normal by construction; false alarms have the mean and deviation (2,) of ``of_false``.
    """
    mean, deviation = of_false
    return np.asarray((0.5 * ((strange - mean) / deviation) ** 2 - 0.5 * strange**2 + np.log(deviation)).sum(axis=-1))
