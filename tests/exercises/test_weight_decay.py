from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sympy
import torch

from nictate.exercises.weight_decay import (
    Adapting,
    Coupled,
    Decoupled,
    Moving,
    adam_l2,
    adamw,
    as_l2,
    as_printed,
    decoupled,
    l2,
    resting,
)
from nictate.signals import FloatArray

START = np.array([1.0, -2.0, 0.5])


def slope(theta: FloatArray) -> FloatArray:
    """Of 0.35 theta⁴ - theta, neither linear nor even."""
    return 1.4 * theta**3 - 1.0


def path(step: Callable[[Moving], Moving], start: Moving, steps: int = 25) -> FloatArray:
    """(steps, n)"""
    visited = []
    for _ in range(steps):
        start = step(start)
        visited.append(start.theta)
    return np.stack(visited)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_l2_is_sgd_of_torch_with_weight_decay(momentum: float) -> None:
    by = Coupled(0.02, momentum, 0.3)
    ours = path(lambda now: l2(now, slope(now.theta), by), Moving(START, np.zeros(3)))
    theta = torch.tensor(START, requires_grad=True)
    optimiser = torch.optim.SGD([theta], lr=0.02, momentum=momentum, weight_decay=0.3)
    for row in ours:
        theta.grad = torch.tensor(slope(theta.detach().numpy()))
        optimiser.step()
        np.testing.assert_allclose(row, theta.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_remapped_l2_visits_the_weights_of_decoupled_decay_exactly(momentum: float) -> None:
    by = Decoupled(0.02, momentum, 0.05)
    coupled, start = as_l2(by, START)
    decayed = path(lambda now: decoupled(now, slope(now.theta), by), Moving(START, np.zeros(3)))
    np.testing.assert_allclose(path(lambda now: l2(now, slope(now.theta), coupled), start), decayed, atol=1e-13)
    # With the parameters as they are without momentum, only where there is none; from rest neither.
    naive = Coupled(by.rate, momentum, by.decay / by.rate)
    unmapped = path(lambda now: l2(now, slope(now.theta), naive), Moving(START, np.zeros(3)))
    assert (np.abs(unmapped - decayed).max() < 1e-13) == (momentum == 0.0)
    at_rest = path(lambda now: l2(now, slope(now.theta), coupled), Moving(START, np.zeros(3)))
    assert (np.abs(at_rest - decayed).max() < 1e-13) == (momentum == 0.0)


def test_the_remapping_follows_from_the_two_recursions() -> None:
    eps, a, d, last, now, g = sympy.symbols("epsilon alpha lambda_d last now g")
    v = now - (1 - d) * last
    of_decoupled = (1 - d) * now + a * v - eps * g - now
    alpha, lam = a * (1 - d), d * (1 - a) / eps
    of_l2 = alpha * (now - last) - eps * (g + lam * now)
    assert sympy.expand(of_decoupled - of_l2) == 0


def test_the_printed_sign_is_growth() -> None:
    by = Coupled(0.1, 0.0, 0.5)
    grown = path(lambda now: as_printed(now, np.zeros(3), by), Moving(START, np.zeros(3)))
    np.testing.assert_allclose(grown[-1], START * 1.05**25, rtol=1e-12)
    np.testing.assert_allclose(
        path(lambda now: l2(now, np.zeros(3), by), Moving(START, np.zeros(3)))[-1], START * 0.95**25
    )


@pytest.mark.parametrize(("ours", "theirs"), [(adam_l2, torch.optim.Adam), (adamw, torch.optim.AdamW)])
def test_adam_is_that_of_torch(
    ours: Callable[[Adapting, FloatArray, float, float], Adapting], theirs: type[torch.optim.Optimizer]
) -> None:
    now, theta = resting(START), torch.tensor(START, requires_grad=True)
    optimiser = theirs([theta], lr=0.01, weight_decay=0.1)  # type: ignore[call-arg]
    for _ in range(20):
        now = ours(now, slope(now.theta), 0.01, 0.1)
        theta.grad = torch.tensor(slope(theta.detach().numpy()))
        optimiser.step()
        np.testing.assert_allclose(now.theta, theta.detach().numpy(), rtol=1e-9)
    assert now.steps == 20


def test_decoupled_decay_does_not_ask_how_large_gradients_are_and_l2_does() -> None:
    def after(step: Callable[..., Adapting], scale: float) -> FloatArray:
        now, rng = resting(START), np.random.default_rng(0)
        for _ in range(30):
            now = step(now, scale * rng.standard_normal(3), 0.01, 0.5)
        return now.theta

    np.testing.assert_allclose(after(adamw, 1.0), after(adamw, 10.0), rtol=1e-6)
    assert np.abs(after(adam_l2, 1.0) - after(adam_l2, 10.0)).max() > 0.01
