"""What `nictate.exercises.pitfalls` says of each mistake, and that torch says the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from nictate.exercises import pitfalls
from nictate.exercises.lessons.on_pitfalls import BY_NAME, FAILURES, words
from nictate.exercises.pitfalls import EPS, PITFALLS, Outcome, attempt, descend, normalise
from nictate.exercises.tape import Value
from nictate.signals import FloatArray

LINEAR = torch.full((10,), 4.0, dtype=torch.float64)


def squared(y: Tensor) -> Tensor:
    return ((y - torch.arange(y.shape[-1])) ** 2).mean()


def whole(x: Tensor) -> Tensor:
    return (x - x.mean()) / (x.var(unbiased=False) + EPS).sqrt()


def layer_norm(x: Tensor) -> Tensor:
    return functional.layer_norm(x, x.shape[-1:], eps=EPS)


FIRST = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
TARGETS = torch.arange(3.0, dtype=torch.float64)
IN_TORCH: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "log of a normal bias": (lambda b: squared(LINEAR + b.log()), lambda b: squared(LINEAR + b)),
    "log of 0": (lambda b: squared(LINEAR + b.log()), lambda b: squared(LINEAR + b)),
    "where around log": (
        lambda p: squared(torch.where(p > 0, p.log(), 0.0)),
        lambda p: squared(torch.where(p > 0, torch.where(p > 0, p, 1.0).log(), 0.0)),
    ),
    "no eps": (lambda x: squared((x - x.mean()) / x.var(unbiased=False).sqrt()), lambda x: squared(layer_norm(x))),
    "eps outside the root": (
        lambda x: squared((x - x.mean()) / (x.var(unbiased=False).sqrt() + EPS)),
        lambda x: squared(layer_norm(x)),
    ),
    "eps outside the quotient": (
        lambda x: squared((x - x.mean()) / x.var(unbiased=False).sqrt() + EPS),
        lambda x: squared(layer_norm(x)),
    ),
    "over the batch": (lambda x: squared(whole(x) * FIRST), lambda x: squared(layer_norm(x) * FIRST)),
    "broadcast loss": (lambda p: ((p - TARGETS) ** 2).mean(), lambda p: ((p - TARGETS[:, None]) ** 2).mean()),
}


def by_torch(function: Callable[[Tensor], Tensor], at: FloatArray) -> Outcome:
    x = torch.tensor(at, requires_grad=True)
    loss = function(x)
    loss.backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    return Outcome(loss.item(), x.grad.numpy())


@pytest.mark.parametrize("name", IN_TORCH)
def test_torch_fails_and_does_not_fail_in_the_same_way(name: str) -> None:
    for ours, theirs in zip((BY_NAME[name].broken, BY_NAME[name].mended), IN_TORCH[name], strict=True):
        found, expected = attempt(ours, BY_NAME[name].at), by_torch(theirs, BY_NAME[name].at)
        np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-9)
        np.testing.assert_allclose(found.gradient, expected.gradient, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", BY_NAME)
def test_the_broken_fails_as_described_and_the_mended_does_not(name: str) -> None:
    pitfall = BY_NAME[name]
    broken, mended = attempt(pitfall.broken, pitfall.at), attempt(pitfall.mended, pitfall.at)
    assert words(broken) == FAILURES[name]
    assert mended.sound
    if broken.sound:  # Finite and wrong.
        assert abs(broken.loss - mended.loss) > 0.1
        assert np.abs(broken.gradient - mended.gradient).max() > 0.01
    assert str(broken) != str(mended)


def test_each_mistake_is_told_once() -> None:
    assert set(BY_NAME) == set(FAILURES)
    assert len(BY_NAME) == len(PITFALLS)


def test_ten_normal_numbers_are_rarely_all_positive() -> None:
    drawn = np.random.default_rng(0).standard_normal((200_000, 10))
    assert (drawn > 0.0).all(axis=1).mean() == pytest.approx(2.0**-10, rel=0.25)


def test_a_bias_drifts_across_zero_and_its_logarithm_does_not() -> None:
    losses = descend(pitfalls.log_of_bias, np.full(10, 0.5), 0.1, 10)
    assert np.isfinite(losses[:3]).all()
    assert np.isnan(losses[3:]).all()
    assert (np.diff(losses[:3]) < 0.0).all()
    mended = descend(pitfalls.log_as_parameter, np.log(np.full(10, 0.5)), 0.1, 60)
    assert (np.diff(mended) < 0.0).all()


@pytest.mark.parametrize("shape", [(6,), (3, 5), (2, 1)])
def test_normalise_is_layer_norm(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).standard_normal(shape)
    np.testing.assert_allclose(normalise(Value(x), axis=-1).data, layer_norm(torch.tensor(x)).numpy(), atol=1e-12)


def test_what_is_said_of_an_example_depends_on_it_alone() -> None:
    batch = BY_NAME["over the batch"]
    assert not attempt(batch.mended, batch.at).gradient[1].any()
    assert np.abs(attempt(batch.broken, batch.at).gradient[1]).max() > 0.01


def test_perfect_predictions_are_drawn_to_the_mean_by_the_broadcast_loss() -> None:
    loss = BY_NAME["broadcast loss"]
    drawn = attempt(loss.broken, loss.at)
    assert drawn.loss > 1.0
    assert (np.sign(drawn.gradient) == np.sign(loss.at - loss.at.mean())).all()
    assert attempt(loss.mended, loss.at).loss == 0.0


def test_without_self_it_is_the_class_that_can_be_called() -> None:
    x = np.array([1.0, 2.0, 4.0])
    on_the_class = pitfalls.NormWithoutSelf.forward(Value(x))
    assert float(on_the_class.data) == attempt(pitfalls.with_self, x).loss
