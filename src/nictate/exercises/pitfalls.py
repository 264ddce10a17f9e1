"""Mistakes that are made in every first network, each as broken and mended code that can be run.

Each function takes what is to be learned, or what comes in, and returns a loss; `attempt` runs it forward and backward
and says what came out. The gradient is the point: several of these look sound as long as nobody learns from them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nictate.exercises.tape import Value, log, sqrt, value, where
from nictate.signals import FloatArray

EPS = 1e-5
LINEAR = np.full(10, 4.0)
"""What the sheet's ``linear(x)`` gives; only what is added to it is learned here."""


def squared_error(y: Value) -> Value:
    """The mean squared error of ``y`` against 0, 1, 2 ... along its last axis."""
    error = y - np.arange(y.data.shape[-1])
    return (error * error).mean()


# a) output = linear(x) + log(bias), with a bias drawn from the standard normal.


def as_printed(linear: Value) -> Value:
    """Linear(20, 10) gives 10 outputs, and the bias has as many numbers as there are inputs."""
    return squared_error(linear + log(value(np.ones(20))))


def as_many_as_outputs(linear: Value) -> Value:
    return squared_error(linear + log(value(np.ones(10))))


def log_of_bias(bias: Value) -> Value:
    """Of a negative number it is NaN, of 0 it is -inf with an infinite slope; 10 normal numbers are rarely positive."""
    return squared_error(LINEAR + log(bias))


def log_as_parameter(log_bias: Value) -> Value:
    """Learn the logarithm itself: every number will do. (And then it is a bias like the one that Linear has.)"""
    return squared_error(LINEAR + log_bias)


def where_of_log(p: Value) -> Value:
    """What is not chosen is computed all the same, and its gradient is 0 times infinity."""
    return squared_error(where(p.data > 0.0, log(p), 0.0))


def log_of_where(p: Value) -> Value:
    """Choose first, so that the logarithm never sees a 0."""
    return squared_error(where(p.data > 0.0, log(where(p.data > 0.0, p, 1.0)), 0.0))


# b) normalisation "without batch dimension": (x - mean) / var.sqrt()


def variance(x: Value, axis: int | None = None, *, unbiased: bool = False) -> Value:
    """Mean squared deviation; ``unbiased`` divides by n - 1, which is 0 of a single element."""
    deviation = x - x.mean(axis)
    n = x.data.size if axis is None else x.data.shape[axis]
    return (deviation * deviation).sum(axis) / (n - 1.0 if unbiased else n)


def normalise(x: Value, axis: int | None = None) -> Value:
    """(x - mean) / sqrt(var + eps): eps inside the root, variance over n. Layer normalisation (Ba et al. 2016)."""
    return (x - x.mean(axis)) / sqrt(variance(x, axis) + EPS)


def no_eps(x: Value) -> Value:
    """0 / 0 as soon as all elements are the same."""
    return squared_error((x - x.mean()) / sqrt(variance(x)))


def eps_outside_the_root(x: Value) -> Value:
    """Sound forward, but the root of 0 has an infinite slope, and 0 times that is what comes back."""
    return squared_error((x - x.mean()) / (sqrt(variance(x)) + EPS))


def eps_outside_the_quotient(x: Value) -> Value:
    """The hand-in: 0 / 0 + eps is no better than 0 / 0."""
    return squared_error((x - x.mean()) / sqrt(variance(x)) + EPS)


def unbiased_variance(x: Value) -> Value:
    """n - 1 is 0 of a single element, eps or not."""
    return squared_error((x - x.mean()) / sqrt(variance(x, unbiased=True) + EPS))


def eps_inside_the_root(x: Value) -> Value:
    return squared_error(normalise(x))


class NormWithoutSelf:
    def forward(x: Value) -> Value:  # type: ignore[misc]  # noqa: N805
        return squared_error(normalise(x))


class Norm:
    def forward(self, x: Value) -> Value:
        return squared_error(normalise(x))


def missing_self(x: Value) -> Value:
    """``norm.forward(x)`` hands over two arguments, norm and x."""
    return NormWithoutSelf().forward(x)  # type: ignore[call-arg, misc]


def with_self(x: Value) -> Value:
    return Norm().forward(x)


FIRST_ROW = np.array([[1.0], [0.0]])


def over_the_batch(x: Value) -> Value:
    """Mean and variance of a whole batch (2, n): what is said of one example depends on its neighbour."""
    return squared_error(normalise(x) * FIRST_ROW)


def over_each_example(x: Value) -> Value:
    return squared_error(normalise(x, axis=-1) * FIRST_ROW)


# In the loss itself.

TARGETS = np.array([0.0, 1.0, 2.0])


def broadcast_loss(predictions: Value) -> Value:
    """(n, 1) less (n,) is (n, n): every prediction is compared with every target, and best where all are the mean."""
    error = predictions - TARGETS
    return (error * error).mean()


def shaped_loss(predictions: Value) -> Value:
    error = predictions - TARGETS[:, np.newaxis]
    return (error * error).mean()


# Running them.


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a function made of its input."""

    loss: float
    """NaN where an error was raised."""
    gradient: FloatArray
    """Of the input's shape; empty where an error was raised."""
    error: str = ""

    @property
    def sound(self) -> bool:
        return not self.error and np.isfinite(self.loss) and bool(np.isfinite(self.gradient).all())

    def __str__(self) -> str:
        if self.error:
            return self.error
        return f"loss {self.loss:.4g}, gradient {np.array2string(self.gradient, precision=3, separator=', ')}"


def attempt(function: Callable[[Value], Value], at: FloatArray) -> Outcome:
    """Forward and backward once. Errors of shape and of call are outcomes too."""
    x = value(at)
    with np.errstate(all="ignore"):
        try:
            loss = function(x)
        except (TypeError, ValueError) as error:
            return Outcome(np.nan, np.empty(0), f"{type(error).__name__}: {error}".strip())
        loss.backward()
    return Outcome(float(loss.data), x.gradient)


def descend(function: Callable[[Value], Value], start: FloatArray, rate: float, steps: int) -> FloatArray:
    """(steps,) the loss before each step of gradient descent from ``start``: where a bias drifts across 0, NaN."""
    losses = np.empty(steps)
    for k in range(steps):
        outcome = attempt(function, start)
        losses[k] = outcome.loss
        start = start - rate * outcome.gradient
    return losses


@dataclass(frozen=True, slots=True)
class Pitfall:
    """A mistake, and what mends it."""

    name: str
    mistake: str
    """What goes wrong, in a sentence."""
    broken: Callable[[Value], Value]
    mended: Callable[[Value], Value]
    at: FloatArray
    """An input at which it shows."""


_NORMAL = np.random.default_rng(0).standard_normal(10)
_WITH_ZERO = np.array([0.0, 0.5, 2.0])
_CONSTANT = np.full(4, 3.0)
_ROWS = np.array([[1.0, 2.0, 4.0], [10.0, 0.0, 50.0]])

PITFALLS = (
    Pitfall(
        "bias of 20", "10 outputs and 20 biases: as printed, it never runs.", as_printed, as_many_as_outputs, LINEAR
    ),
    Pitfall("log of a normal bias", "The logarithm of a negative number.", log_of_bias, log_as_parameter, _NORMAL),
    Pitfall("log of 0", "-inf forward, and an infinite slope back.", log_of_bias, log_as_parameter, np.zeros(10)),
    Pitfall("where around log", "Sound forward, NaN back: 0 times infinity.", where_of_log, log_of_where, _WITH_ZERO),
    Pitfall("no eps", "A constant input is 0 / 0.", no_eps, eps_inside_the_root, _CONSTANT),
    Pitfall("eps outside the root", "Sound forward, NaN back.", eps_outside_the_root, eps_inside_the_root, _CONSTANT),
    Pitfall("eps outside the quotient", "Still 0 / 0.", eps_outside_the_quotient, eps_inside_the_root, _CONSTANT),
    Pitfall("a single element", "0 / (1 - 1).", unbiased_variance, eps_inside_the_root, np.array([3.0])),
    Pitfall("missing self", "The method takes no instance.", missing_self, with_self, np.array([1.0, 2.0, 4.0])),
    Pitfall("over the batch", "Finite and wrong: neighbours leak.", over_the_batch, over_each_example, _ROWS),
    Pitfall("broadcast loss", "Finite and wrong: (n, n).", broadcast_loss, shaped_loss, TARGETS[:, np.newaxis]),
)
