from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
import sympy
from scipy.stats import multivariate_normal, norm

from nictate.exercises.bayes import (
    Belief,
    Prediction,
    downdate,
    fit,
    forget,
    least_squares,
    log_evidence,
    predict,
    sequence,
    update,
)
from nictate.exercises.lessons.on_bayes import EXACT, PRIOR, X, Y, exact
from nictate.signals import FloatArray


def drawn(seed: int, d: int = 3, n: int = 12) -> tuple[Belief, FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((d, d))
    prior = Belief(rng.standard_normal(d), root @ root.T + 0.1 * np.eye(d), float(rng.uniform(0.2, 2.0)))
    return prior, rng.standard_normal((d, n)), rng.standard_normal(n)


def same(a: Belief, b: Belief, within: float = 1e-10) -> None:
    np.testing.assert_allclose(a.mean, b.mean, atol=within)
    np.testing.assert_allclose(a.covariance, b.covariance, atol=within)
    assert a.noise == b.noise


def test_the_sheet_in_fractions() -> None:
    beliefs = list(sequence(EXACT, exact(X), exact(Y)))
    half = Fraction(1, 2)
    assert [belief.mean.tolist() for belief in beliefs[1:]] == [
        [Fraction(1, 3), Fraction(1, 6)],
        [Fraction(13, 17), Fraction(1, 17)],
        [Fraction(2, 3), half],
    ]
    assert beliefs[-1].covariance.tolist() == [[Fraction(1, 6), -half / 2], [-half / 2, Fraction(5, 8)]]
    assert predict(beliefs[-1], exact([Fraction(3, 2), 1])) == Prediction(Fraction(3, 2), Fraction(1, 4), Fraction(1))
    gone = downdate(beliefs[-1], exact(X)[:, 2], Fraction(2))
    assert gone.mean.tolist() == beliefs[2].mean.tolist()
    assert gone.covariance.tolist() == beliefs[2].covariance.tolist()


def test_the_sheet_by_sympy() -> None:
    A = sympy.Matrix(X) * sympy.Matrix(X).T + sympy.eye(2)
    w, x = A.inv() * sympy.Matrix(X) * sympy.Matrix(Y), sympy.Symbol("x")
    at = sympy.Matrix([x, 1])
    variance = sympy.expand((at.T * A.inv() * at)[0])
    assert (A.det(), list(w)) == (24, [sympy.Rational(2, 3), sympy.Rational(1, 2)])
    assert variance == x**2 / 6 - x / 2 + sympy.Rational(5, 8)
    assert sympy.solve(sympy.diff(variance, x), x) == [sympy.Rational(3, 2)]
    np.testing.assert_allclose(least_squares(X, Y), [0.5, 1.0])


@pytest.mark.parametrize("seed", range(4))
def test_one_at_a_time_is_all_at_once_in_any_order(seed: int) -> None:
    prior, X, y = drawn(seed)
    whole = fit(prior, X, y)
    *_, last = sequence(prior, X, y)
    same(last, whole)
    order = np.random.default_rng(seed).permutation(len(y))
    *_, other = sequence(prior, X[:, order], y[order])
    same(other, whole)
    same(fit(fit(prior, X[:, :5], y[:5]), X[:, 5:], y[5:]), whole)


@pytest.mark.parametrize("seed", range(4))
def test_taking_away_undoes_giving(seed: int) -> None:
    prior, X, y = drawn(seed)
    belief = fit(prior, X, y)
    same(downdate(update(belief, X[:, 0], 3.0), X[:, 0], 3.0), belief)
    same(downdate(belief, X[:, 4], y[4]), fit(prior, np.delete(X, 4, axis=1), np.delete(y, 4)))


def test_what_was_never_given_cannot_be_taken_away() -> None:
    with pytest.raises(ValueError, match="never given"):
        downdate(PRIOR, np.array([1.0, 1.0]), 0.0)
    with pytest.raises(ValueError, match="never given"):
        downdate(PRIOR, np.array([1.0, 0.0]), 0.0)  # Just as much as the prior knows: an infinite variance.


@pytest.mark.parametrize("seed", range(4))
def test_evidence_is_the_density_of_all_points_together(seed: int) -> None:
    prior, X, y = drawn(seed, n=5)
    covariance = X.T @ prior.covariance @ X + prior.noise * np.eye(5)
    expected = multivariate_normal(X.T @ prior.mean, covariance).logpdf(y)
    assert log_evidence(prior, X, y) == pytest.approx(expected, abs=1e-10)
    for order in list(permutations(range(5)))[:20]:
        assert log_evidence(prior, X[:, order], y[list(order)]) == pytest.approx(expected, abs=1e-10)


def test_a_prediction_is_a_normal_density() -> None:
    prior, X, y = drawn(1)
    belief = fit(prior, X, y)
    said = predict(belief, X[:, 0])
    assert said.variance == pytest.approx(X[:, 0] @ belief.covariance @ X[:, 0] + belief.noise)
    assert said.log_density(0.7) == pytest.approx(norm(said.mean, said.variance**0.5).logpdf(0.7))
    more = predict(update(belief, X[:, 0], 0.7), X[:, 0])
    assert more.epistemic < said.epistemic
    assert more.noise == said.noise


def test_a_wide_prior_is_no_prior() -> None:
    _, X, y = drawn(2)
    wide = Belief(np.zeros(3), 1e8 * np.eye(3), 1.0)
    np.testing.assert_allclose(fit(wide, X, y).mean, least_squares(X, y), atol=1e-6)


def test_forgetting_nothing_all_and_half() -> None:
    prior, X, y = drawn(3)
    belief = fit(prior, X, y)
    same(forget(belief, prior, 1.0), belief, 1e-9)
    same(forget(belief, prior, 0.0), prior, 1e-9)
    # Half of what was told is told by points of twice the noise.
    half = forget(belief, prior, 0.5)
    told = fit(Belief(prior.mean, prior.covariance, 2.0 * prior.noise), X, y)
    np.testing.assert_allclose(half.mean, told.mean, atol=1e-9)
    np.testing.assert_allclose(half.covariance, told.covariance, atol=1e-9)


def test_what_is_forgotten_is_bounded_by_the_prior_and_what_is_new_is_learned() -> None:
    prior = Belief(np.zeros(1), np.eye(1), 1.0)
    belief, x = prior, np.ones(1)
    for y in [5.0] * 200 + [-5.0] * 60:
        belief = update(forget(belief, prior, 0.9), x, y)
    assert -5.0 < belief.mean[0] < -4.0
    for _ in range(500):
        belief = forget(belief, prior, 0.9)
    same(belief, prior, 1e-9)
