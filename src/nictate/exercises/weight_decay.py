"""Weight decay and L2 regularisation: the same for plain gradient descent, not for what came after.

L2 adds lambda/2 |theta|² to the loss, so lambda theta to the gradient. Decay shrinks the weights themselves. Hanson and
Pratt (1988, NIPS 1) wrote the second; Loshchilov and Hutter (2019, ICLR, Decoupled weight decay regularization) showed
that for Adam it is not the first.

Every function makes one step, of any array, and returns what it leaves: no state but what is handed in and out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nictate.signals import FloatArray


@dataclass(frozen=True, slots=True)
class Moving:
    """Weights under way, of any shape: theta and the velocity v, which is what the last step added."""

    theta: FloatArray
    v: FloatArray


@dataclass(frozen=True, slots=True)
class Coupled:
    """What `l2` is run with: rate epsilon, momentum alpha, penalty lambda."""

    rate: float
    momentum: float
    penalty: float


@dataclass(frozen=True, slots=True)
class Decoupled:
    """What `decoupled` is run with: rate epsilon, momentum alpha', decay lambda_d, the share that a step takes."""

    rate: float
    momentum: float
    decay: float


def l2(now: Moving, g: FloatArray, by: Coupled) -> Moving:
    """Gradient and penalty go through the momentum together:

    v <- alpha v - epsilon (g + lambda theta),    theta <- theta + v
    """
    v = by.momentum * now.v - by.rate * (g + by.penalty * now.theta)
    return Moving(now.theta + v, v)


def as_printed(now: Moving, g: FloatArray, by: Coupled) -> Moving:
    """The sheet's coupled rule, whose sign is wrong: v <- alpha v - epsilon (g - lambda theta) makes weights grow."""
    v = by.momentum * now.v - by.rate * (g - by.penalty * now.theta)
    return Moving(now.theta + v, v)


def decoupled(now: Moving, g: FloatArray, by: Decoupled) -> Moving:
    """The weights shrink by themselves, past the momentum:

    v <- alpha' v - epsilon g,    theta <- (1 - lambda_d) theta + v
    """
    v = by.momentum * now.v - by.rate * g
    return Moving((1.0 - by.decay) * now.theta + v, v)


def as_l2(by: Decoupled, theta0: FloatArray) -> tuple[Coupled, Moving]:
    """What `l2` is run with, and where it starts, to visit exactly the weights of `decoupled` from (theta0, v = 0).

    Both are second-order recursions of theta alone. `decoupled`, with v put in from the step before:

        theta_next - theta = alpha' (1 - lambda_d) (theta - theta_last) - lambda_d (1 - alpha') theta - epsilon g

    `l2`:                    alpha                 (theta - theta_last) - epsilon lambda        theta - epsilon g

    Hence alpha = alpha' (1 - lambda_d) and lambda = lambda_d (1 - alpha') / epsilon; v0 = -lambda_d theta0 /
    (1 - lambda_d) makes the first steps agree too. Without momentum lambda = lambda_d / epsilon and v0 does not matter.
    """
    start = Moving(theta0, -by.decay * theta0 / (1.0 - by.decay))
    return Coupled(by.rate, by.momentum * (1.0 - by.decay), by.decay * (1.0 - by.momentum) / by.rate), start


# Adam. What follows is the first step from rest and those after it; betas and eps as Kingma and Ba (2015) have them.

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


@dataclass(frozen=True, slots=True)
class Adapting:
    """Weights under Adam: theta, running means m of the gradient and s of its square, steps done."""

    theta: FloatArray
    m: FloatArray
    s: FloatArray
    steps: int = 0


def resting(theta: FloatArray) -> Adapting:
    return Adapting(theta, np.zeros_like(theta), np.zeros_like(theta))


def adam(now: Adapting, g: FloatArray, rate: float) -> Adapting:
    """theta <- theta - rate m^ / (sqrt(s^) + eps), with m^ and s^ freed of their start at 0."""
    t = now.steps + 1
    m = BETA1 * now.m + (1.0 - BETA1) * g
    s = BETA2 * now.s + (1.0 - BETA2) * g**2
    down = (m / (1.0 - BETA1**t)) / (np.sqrt(s / (1.0 - BETA2**t)) + EPS)
    return Adapting(now.theta - rate * down, m, s, t)


def adam_l2(now: Adapting, g: FloatArray, rate: float, penalty: float) -> Adapting:
    """The penalty goes into the gradient, and so is divided by sqrt(s^) as well: the more a weight has moved, the less
    it is decayed. In a first step nothing at all is left of the penalty's size, since g / |g| = 1.
    """
    return adam(now, g + penalty * now.theta, rate)


def adamw(now: Adapting, g: FloatArray, rate: float, penalty: float) -> Adapting:
    """Decoupled: the weights shrink by rate lambda, whatever their gradients. What `nictate train` uses."""
    shrunk = Adapting((1.0 - rate * penalty) * now.theta, now.m, now.s, now.steps)
    return adam(shrunk, g, rate)
