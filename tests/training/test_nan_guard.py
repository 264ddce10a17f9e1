from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from made_models import lively
from torch import Tensor, nn

from nictate.training.nan_guard import finite, nan_guard
from nictate.training.network import Architecture, BlinkNet


class Log(nn.Module):
    """log(bias) + x: the mistake of the exercise."""

    def __init__(self, bias: float) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.tensor([bias, 1.0]))

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.log(self.bias)


class Guarded(nn.Module):
    """where(bias > 0, log(bias), 0) + x: sound forward."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.tensor([0.0, 1.0]))

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.where(self.bias > 0.0, torch.log(self.bias), 0.0)


class Norm(nn.Module):
    """eps outside the root: sound forward, NaN backward, and no parameter of its own."""

    def forward(self, x: Tensor) -> Tensor:
        return (x - x.mean()) / (x.var(unbiased=False).sqrt() + 1e-5)


class Between(nn.Module):
    """What goes wrong between two modules."""

    def __init__(self, wrong: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(2, 2), nn.Linear(2, 2)
        self.wrong = wrong

    def forward(self, x: Tensor) -> Tensor:
        return torch.as_tensor(self.last(self.wrong(self.first(x))))


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x / 0.0


def constant(*modules: nn.Module) -> nn.Sequential:
    """Whatever comes in, ``modules`` are handed (3, 3)."""
    first = nn.Linear(2, 2)
    nn.init.zeros_(first.weight)
    nn.init.constant_(first.bias, 3.0)
    return nn.Sequential(first, *modules)


def train(network: nn.Module) -> None:
    with nan_guard(network):
        said = network(torch.ones(1, 2))
        loss = (said if isinstance(said, Tensor) else said[1]).square().sum()
        loss.backward()  # type: ignore[no-untyped-call]


MADE = "made a value that is not finite, forward"
HANDED = "was handed a value that is not finite, forward"
BACK = "is not finite, backward"


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (nn.Sequential(nn.Linear(2, 2), Log(-1.0), nn.Linear(2, 2)), f"1 (Log) {MADE}"),
        (nn.Sequential(nn.Linear(2, 2), Log(0.0), nn.Linear(2, 2)), f"1 (Log) {MADE}"),
        (nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU(), Log(-1.0))), f"1.1 (Log) {MADE}"),
        (Log(-1.0), f"the network (Log) {MADE}"),
        (Pair(), f"the network (Pair) {MADE}"),
        (Between(lambda x: x / 0.0), f"last (Linear) {HANDED}"),
        (nn.Sequential(nn.Linear(2, 2), Guarded(), nn.Linear(2, 2)), f"1.bias: its gradient {BACK}"),
        (constant(Norm(), nn.Linear(2, 2)), f"1 (Norm): the gradient of its input {BACK}"),
        (constant(nn.Sequential(nn.ReLU(), Norm())), f"1.1 (Norm): the gradient of its input {BACK}"),
    ],
)
def test_the_first_module_that_fails_is_named(network: nn.Module, said: str) -> None:
    with pytest.raises(FloatingPointError) as raised:
        train(network)
    assert str(raised.value) == said


def test_the_loss_itself_is_seen_by_the_last_module() -> None:
    network = nn.Linear(2, 2)
    with pytest.raises(FloatingPointError, match="gradient"), nan_guard(network):
        (network(torch.ones(1, 2)).sum() * torch.tensor(float("nan"))).backward()


def test_what_is_computed_stays_the_same_to_the_bit_and_nothing_is_left_behind() -> None:
    torch.manual_seed(0)
    network = lively(BlinkNet(Architecture()))
    x, source = torch.randn(3, 2, 3, 140), torch.randn(3, 3, 140)
    usable, trusted = torch.ones(3, 2, 140), torch.tensor([1.0, 0.0, 1.0])

    def gradients() -> list[Tensor]:
        network.zero_grad()
        network(x, source, trusted, usable).square().sum().backward()
        return [p.grad.clone() for p in network.parameters() if p.grad is not None]

    before = gradients()
    with nan_guard(network):
        watched = gradients()
    assert len(before) == len(list(network.parameters()))
    assert all(torch.equal(a, b) for a, b in zip(before, watched, strict=True))
    with torch.no_grad():
        network.out.bias.fill_(torch.nan)
    gradients()  # Nobody looks any more.
    with pytest.raises(FloatingPointError, match=r"out \(Conv1d\) made"), nan_guard(network):
        gradients()
    assert not any(module._forward_hooks for module in network.modules())


def test_frozen_parameters_and_whole_numbers_are_let_through() -> None:
    network = nn.Sequential(nn.Embedding(3, 2), nn.Linear(2, 2))
    for p in network[0].parameters():
        p.requires_grad_(False)
    with nan_guard(network):
        network(torch.tensor([0, 2])).sum().backward()


def test_large_numbers_are_finite_though_their_sum_is_not() -> None:
    assert finite(torch.full((10,), 3e38))
    assert finite(torch.tensor([1, 2]))
    assert finite(torch.empty(0))
    assert not finite(torch.tensor([1.0, float("inf")]))
    assert not finite(torch.tensor([float("inf"), float("-inf")]))
    assert not finite(torch.tensor([float("nan")]))
