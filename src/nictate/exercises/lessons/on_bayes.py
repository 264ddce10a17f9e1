"""Bayesian linear regression, on three points."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from nictate.exercises.bayes import Array, Belief, downdate, fit, least_squares, log_evidence, predict, sequence, update
from nictate.exercises.lesson import Golden, Lesson, Step

X = np.array([[2, 3, 1], [1, 1, 1]])
"""(d, n) = (2, 3): a column (x, 1) for each point."""
Y = np.array([1, 3, 2])


def exact(values: Any) -> Array:
    """Fractions in the place of numbers."""
    values = np.asarray(values, dtype=object)
    return np.asarray(np.vectorize(Fraction, otypes=[object])(values))


EXACT = Belief(exact(np.zeros(2, int)), exact(np.eye(2, dtype=int)), Fraction(1))
PRIOR = Belief(np.zeros(2), np.eye(2), 1.0)
"""N(0, I), noise variance 1: in Fractions and in floating point."""


def posterior() -> Belief:
    """All three points, exactly."""
    *_, last = sequence(EXACT, exact(X), exact(Y))
    return last


def precision() -> Array:
    """A = XX' + I"""
    return np.asarray(X @ X.T + np.eye(2, dtype=int))


def epistemic_polynomial() -> list[Fraction]:
    """The coefficients of x², x and 1 in (x, 1) A^-1 (x, 1)'."""
    S = posterior().covariance
    return [S[0, 0], S[0, 1] + S[1, 0], S[1, 1]]


def least_certain_not() -> Fraction:
    """Where that parabola is least."""
    a, b, _ = epistemic_polynomial()
    return -b / (2 * a)


def _half(numbers: str) -> list[Any]:
    return [Fraction(number) for number in numbers.split()]


GOLDENS = (
    Golden("A = XX' + I", "corrected", [[15, 6], [6, 4]], precision),
    Golden("det A", "corrected", 24, lambda: round(np.linalg.det(precision()), 9)),
    Golden("Xy", "corrected", [13, 6], lambda: X @ Y),
    Golden(
        "A^-1, the posterior covariance",
        "corrected",
        [_half("1/6 -1/4"), _half("-1/4 5/8")],
        lambda: posterior().covariance,
    ),
    Golden("posterior mean", "corrected", _half("2/3 1/2"), lambda: posterior().mean),
    Golden("posterior mean, in one piece", "corrected", [2 / 3, 1 / 2], lambda: fit(PRIOR, X, Y).mean, 1e-15),
    Golden(
        "posterior mean by gradient zero, A w = Xy",
        "corrected",
        [13, 6],
        lambda: precision() @ posterior().mean,
    ),
    Golden("MAP line at x = 0 and x = 3", "corrected", _half("1/2 5/2"), lambda: [_line(0), _line(3)]),
    Golden("predictive variance: x², x, 1", "corrected", _half("1/6 -1/2 5/8"), epistemic_polynomial),
    Golden("noise variance on top", "corrected", Fraction(1), lambda: predict(posterior(), exact([0, 1])).noise),
    Golden("it is least at x", "corrected", Fraction(3, 2), least_certain_not),
    Golden("least squares, without a prior", "corrected", [1 / 2, 1.0], lambda: least_squares(X, Y), 1e-14),
    Golden("log evidence, nats", "corrected", -5.51251, lambda: log_evidence(PRIOR, X, Y), 5e-6),
    Golden(
        "one point at a time",
        "corrected",
        [_half("1/3 1/6"), _half("13/17 1/17"), _half("2/3 1/2")],
        lambda: [belief.mean for belief in sequence(EXACT, exact(X), exact(Y))][1:],
    ),
    Golden(
        "the third point taken away again",
        "corrected",
        _half("13/17 1/17"),
        lambda: downdate(posterior(), exact(X)[:, 2], Fraction(2)).mean,
    ),
    Golden(
        "a fourth point, on the line at x = 3/2, moves nothing",
        "corrected",
        _half("2/3 1/2"),
        lambda: update(posterior(), exact([Fraction(3, 2), 1]), Fraction(3, 2)).mean,
    ),
)


def _line(x: int) -> Any:
    return predict(posterior(), exact([x, 1])).mean


LESSON = Lesson(
    name="bayes",
    title="Bayesian linear regression",
    question="""
Three points (x, y) are given: (2, 1), (3, 3), (1, 2). A line y = w1 x + w2 + e is to be put
through them, the noise e being normal with variance 1. Before any point is seen, w1 and w2 are
believed to be normal, independent, with mean 0 and variance 1. Which line is the most probable
one (MAP)? How sure is the prediction at any x? What would each point by itself have taught?

Written with a column (x, 1)' for each point, X = [[2, 3, 1], [1, 1, 1]] and y = (1, 3, 2).
""",
    derivation=(
        Step(
            """
Posterior. The log of prior times likelihood is, up to a constant,
    -1/2 |w|² - 1/2 |y - X'w|²  =  -1/2 w'Aw + w'Xy + const,    A = XX' + I.
That is the log of a normal density with covariance A^-1 and mean A^-1 Xy. Its mean is its
largest point too, so MAP and posterior mean are the same.
""",
            r"\log p(w \mid X, y) = -\tfrac12 w^\top A w + w^\top X y + c, \qquad A = XX^\top + I, "
            r"\qquad w \mid X, y \sim \mathcal N(A^{-1}Xy,\; A^{-1})",
        ),
        Step(
            """
Numbers. XX' = [[4+9+1, 2+3+1], [6, 3]], so A = [[15, 6], [6, 4]] with det A = 60 - 36 = 24 and
A^-1 = 1/24 [[4, -6], [-6, 15]] = [[1/6, -1/4], [-1/4, 5/8]]. Xy = (2+9+2, 1+3+2) = (13, 6).
A^-1 Xy = (13/6 - 6/4, -13/4 + 30/8) = (2/3, 1/2).
""",
            r"A = \begin{pmatrix}15&6\\6&4\end{pmatrix},\quad A^{-1} = \begin{pmatrix}1/6&-1/4\\-1/4&5/8\end{pmatrix},"
            r"\quad Xy = \begin{pmatrix}13\\6\end{pmatrix},\quad A^{-1}Xy = \begin{pmatrix}2/3\\1/2\end{pmatrix}",
        ),
        Step(
            """
Prediction. At x the line is w'(x, 1), normal with mean 2x/3 + 1/2 and variance
    (x, 1) A^-1 (x, 1)' = x²/6 - x/2 + 5/8,
which more points would shrink (epistemic); the noise adds 1, which nothing shrinks. The
parabola is least where x/3 = 1/2, at x = 3/2: 1/4. Not at the mean of the points, x = 2: the
prior of w2 counts as a fourth point, (0, 0), and the mean of 2, 3, 1, 0 is 3/2.
""",
            r"\operatorname{var} y(x) = \underbrace{\tfrac{x^2}{6} - \tfrac{x}{2} + \tfrac58}_{\text{epistemic}}"
            r" + \underbrace{1}_{\text{noise}}, \qquad x_{\min} = \tfrac32",
        ),
        Step(
            """
One point at a time. A point adds xx' to A, a matrix of rank one; A^-1 then changes by
    k = Sx / (1 + x'Sx),    m <- m + k (y - x'm),    S <- S - k (Sx)'
(Sherman and Morrison). From m = (0, 0), S = I:
    after (2, 1): Sx = (2, 1), k = (2, 1)/6,  m = (1/3, 1/6)
    after (3, 3): m = (13/17, 1/17)
    after (1, 2): m = (2/3, 1/2), as at once. The order does not matter to the end.
With -1 in the place of the noise 1, the same formula takes a point away again.
""",
            r"S' = S - \frac{S x x^\top S}{1 + x^\top S x}, \qquad m' = m + \frac{Sx}{1 + x^\top S x}(y - x^\top m)",
        ),
        Step(
            """
Evidence. How probable were these y under the model, all lines weighed? By the chain rule the
sum of the log densities that each point was given before it came; or the density of
N(0, X'X + I) at y. Both are -5.51251 nats. It is what one compares models by.
""",
            r"\log p(y \mid X) = "
            r"\sum_n \log \mathcal N(y_n;\, x_n^\top m_{n-1},\, x_n^\top S_{n-1} x_n + 1) = -5.51251",
        ),
        Step(
            """
Without a prior, least squares solves XX'w = Xy: the line x/2 + 1. The prior has drawn w from
(1/2, 1) nearer to the origin: |w| falls from 1.118 to 0.833.
""",
            r"\hat w_{\text{OLS}} = (XX^\top)^{-1}Xy = (\tfrac12, 1)",
        ),
        Step(
            """
In the detector: tried, and left out. A person's blinks resemble each other, so
`nictate.exercises.own_blinks` learns the logarithms of height and duration from each person's
earlier blinks, one at a time and with forgetting, and adds to the confidence what a candidate's
likeness to them says. It was measured on 53 people (1650 labelled blinks), each heard by a
network that had not learned from him, all its parameters chosen each time on the others:

                                          hits  false  F1     mean F1 of people
    the network alone                     1308   223   0.822  0.746
    with the person's own blinks          1343   206   0.840  0.763
    the same, nothing learned of a person 1355   184   0.850  0.771
    with habits (`nictate.habits`)        1442   117   0.899  0.839

The gain of the first is 0.017, with a 95 % interval over people from -0.010 to 0.043: less than by
likeness to people in general, 0.027. What helps is simpler: how often the person blinks, which way
up the blinks are, and whether a candidate is smaller than they are, weighed by logistic regression
on other people: a gain of 0.076 (0.038 to 0.127). To measure it anew:
python scripts/bench_own_blinks.py DATA_DIR WORK.
""",
            r"\operatorname{logit} p' = \operatorname{logit} p + "
            r"\beta \log\frac{p(a, d \mid \text{this person's blinks})}"
            r"{p(a, d \mid \text{false alarms})}",
        ),
    ),
    answers=(
        (
            "corrected",
            """
MAP line y = 2x/3 + 1/2; variance of a new y at x: x²/6 - x/2 + 5/8 + 1, least at x = 3/2;
posterior means (1/3, 1/6), (13/17, 1/17), (2/3, 1/2); log evidence -5.51251.
""",
        ),
    ),
    sources=(
        "Bishop (2006), Pattern Recognition and Machine Learning, section 3.3",
        "Rasmussen and Williams (2006), Gaussian Processes for Machine Learning, section 2.1",
    ),
    goldens=GOLDENS,
)
