from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from nictate.exercises.tape import Value, log, sqrt, tanh, value, where

Graph = Callable[[Value, Value], Value]
ROWS = np.array([[1.0], [2.0], [3.0]])
GRAPHS: dict[str, tuple[Graph, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]]] = {
    "sum": (lambda a, b: (a + b).sum(), lambda a, b: (a + b).sum()),
    "product": (lambda a, b: (a * b * a).sum(), lambda a, b: (a * b * a).sum()),
    "difference": (lambda a, b: ((a - b) * (2.0 - a)).mean(), lambda a, b: ((a - b) * (2.0 - a)).mean()),
    "quotient": (lambda a, b: (a / b).sum(), lambda a, b: (a / b).sum()),
    "negative": (lambda a, b: (-a * b).sum(), lambda a, b: (-a * b).sum()),
    "numbers first": (lambda a, b: (ROWS + 2.0 * a * b).sum(), lambda a, b: (torch.tensor(ROWS) + 2.0 * a * b).sum()),
    "matrices": (
        lambda a, b: ((a * b) @ (np.ones((4, 3)) @ a)).sum(),
        lambda a, b: ((a * b) @ (torch.ones(4, 3, dtype=torch.float64) @ a)).sum(),
    ),
    "array first": (
        lambda a, b: (np.arange(3.0)[np.newaxis] @ (a * b)).sum(),
        lambda a, b: (torch.arange(3.0, dtype=torch.float64)[None] @ (a * b)).sum(),
    ),
    "functions": (
        lambda a, b: (tanh(log(a) * sqrt(b))).mean(),
        lambda a, b: torch.tanh(torch.log(a) * torch.sqrt(b)).mean(),
    ),
    "where": (
        lambda a, b: (where(a.data > 1.0, a * b, 3.0) * a).sum(),
        lambda a, b: (torch.where(a > 1.0, a * b, 3.0) * a).sum(),
    ),
    "rows": (
        lambda a, b: ((a - a.mean(axis=-1)) * b.sum(axis=0)).mean(),
        lambda a, b: ((a - a.mean(dim=-1, keepdim=True)) * b.sum(dim=0, keepdim=True)).mean(),
    ),
    "shared": (lambda a, b: _twice(a * b), lambda a, b: ((a * b) * (a * b) + a * b).sum()),
}


def _twice(x: Value) -> Value:
    """A node on two paths must hear of both before it speaks."""
    return (x * x + x).sum()


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("shape", [(3, 4), (1, 4), (4,), ()])
def test_gradients_are_those_of_torch(name: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.uniform(0.5, 2.0, (3, 4)), rng.uniform(0.5, 2.0, shape)
    if shape == () and name == "rows":
        b = np.full((1,), float(b))
    ours, theirs = GRAPHS[name]
    x, y = Value(a), Value(b)
    end = ours(x, y)
    end.backward()
    p, q = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (a, b))
    expected = theirs(p, q)
    expected.backward()  # type: ignore[no-untyped-call]
    assert float(end.data) == pytest.approx(expected.item(), rel=1e-12)
    for mine, tensor in ((x, p), (y, q)):
        wanted = np.zeros(mine.data.shape) if tensor.grad is None else tensor.grad.numpy()
        assert mine.gradient.shape == mine.data.shape
        np.testing.assert_allclose(mine.gradient, wanted, rtol=1e-12, atol=1e-14)


def test_a_value_stays_what_it_is_and_an_array_becomes_one() -> None:
    x = Value([1.0, 2.0])
    assert value(x) is x
    assert isinstance(np.ones(2) * x, Value)
    assert value([3]).data.dtype == np.float64


def test_what_has_not_been_used_has_no_gradient() -> None:
    x, y = Value(1.0), Value(2.0)
    (x * 3.0).backward()
    assert (float(x.gradient), float(y.gradient)) == (3.0, 0.0)
