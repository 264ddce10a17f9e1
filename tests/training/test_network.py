from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_models import lively
from torch import Tensor

from nictate.training.network import Architecture, BlinkNet, Deployed

layers = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3)), min_size=1, max_size=3).map(tuple)
architectures = st.builds(
    Architecture,
    rows=st.integers(1, 3),
    first=st.tuples(st.integers(1, 3), st.integers(1, 6)),
    stride=st.integers(1, 3),
    encoder=layers,
    head=layers,
    outputs=st.integers(1, 4),
)
USUAL = Architecture()


def made(architecture: Architecture = USUAL, seed: int = 0) -> BlinkNet:
    """In double precision, where rounding is no excuse."""
    torch.manual_seed(seed)
    return lively(BlinkNet(architecture)).double()


def transparent(architecture: Architecture) -> BlinkNet:
    """All weights positive: no ReLU hides what a positive input does."""
    network = made(architecture)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_().add_(0.1)
    return network


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def ones(*shape: int) -> Tensor:
    return torch.ones(*shape, dtype=torch.float64)


def touched(network: BlinkNet, time: int, step: int | None) -> set[int]:
    """Times of the samples that one output (or all) depends on, by gradient."""
    rows = network.architecture.rows
    x = ones(1, 2, rows, time).requires_grad_()
    s = ones(1, rows, time).requires_grad_()
    logits = network(x, s, ones(1), ones(1, 2, time))
    picked = logits if step is None else logits[:, :, step]
    gx, gs = torch.autograd.grad(picked.sum(), (x, s))
    return {int(k) for k in (gx.abs().sum((0, 1, 2)) + gs.abs().sum((0, 1))).nonzero()}


@settings(deadline=None, max_examples=15, derandomize=True)
@given(architecture=architectures, more=st.integers(0, 4))
def test_the_receptive_field_is_exact(architecture: Architecture, more: int) -> None:
    network = transparent(architecture)
    field, stride = architecture.receptive_field, architecture.stride
    time = field + more
    with torch.no_grad():
        steps = network(
            ones(1, 1, architecture.rows, time), ones(1, architecture.rows, time), ones(1), ones(1, 1, time)
        )
    assert steps.shape == (1, architecture.outputs, more // stride + 1)
    for step in range(more // stride + 1):
        seen = touched(network, time, step)
        assert (min(seen), max(seen)) == (stride * step, stride * step + field - 1)


@settings(deadline=None, max_examples=15, derandomize=True)
@given(architecture=architectures, steps=st.integers(1, 3))
def test_the_window_is_exact(architecture: Architecture, steps: int) -> None:
    hop = steps * architecture.stride
    window = architecture.window(hop)
    network = transparent(architecture)
    said = Deployed(network)(ones(2, architecture.rows, window), ones(architecture.rows, window), ones(1))
    assert said.shape == (architecture.outputs, steps)
    seen = touched(network, window, None)
    assert (min(seen), max(seen)) == (0, window - 1)


def test_every_sample_within_the_usual_receptive_field_counts() -> None:
    field = USUAL.receptive_field
    assert touched(transparent(USUAL), field + 6, 1) == set(range(2, 2 + field))


def test_a_sample_outside_the_receptive_field_changes_nothing_and_one_inside_does() -> None:
    network, field = made(), USUAL.receptive_field
    time = field + 10
    x, s = noise(1, 2, 3, time), noise(1, 3, time, seed=2)

    def said(x: Tensor) -> Tensor:
        with torch.no_grad():
            return network(x, s, ones(1), ones(1, 2, time))[0, :, 2]

    before = said(x)
    for at, counts in ((3, False), (4, True), (field + 3, True), (field + 4, False)):
        other = x.clone()
        other[..., at] += 3.0
        assert (said(other) == before).all() != counts


@pytest.mark.parametrize("trusted", [0.0, 1.0])
@pytest.mark.parametrize("inputs", [1, 2, 3, 9])
def test_dense_logits_are_the_outputs_of_all_windows(inputs: int, trusted: float) -> None:
    network, hop = made(), 4
    deployed, window, stride = Deployed(network), USUAL.window(4), USUAL.stride
    time = window + 6 * hop
    x, s, flag = noise(1, inputs, 3, time), noise(1, 3, time, seed=2), trusted * ones(1)
    with torch.no_grad():
        dense = torch.sigmoid(network(x, s, flag, ones(1, inputs, time)))[0]
        assert dense.std() > 0.01
        for end in range(window, time + 1, hop):
            at = slice(end - window, end)
            alone = deployed(x[0, :, :, at], s[0, :, at], flag)
            newest = (end - USUAL.receptive_field) // stride + 1
            assert torch.allclose(alone, dense[:, newest - hop // stride : newest], rtol=0, atol=1e-12)


def test_the_order_of_inputs_does_not_matter() -> None:
    network, time = made(), USUAL.window(4)
    x, s, usable = noise(1, 5, 3, time), noise(1, 3, time, seed=2), (noise(1, 5, time, seed=3) > 0).double()
    order = torch.tensor([3, 0, 4, 2, 1])
    with torch.no_grad():
        for flag in (ones(1), 0.0 * ones(1)):
            given_, permuted = network(x, s, flag, usable), network(x[:, order], s, flag, usable[:, order])
            assert torch.allclose(given_, permuted, rtol=0, atol=1e-12)
            exchanged = network(x, s, flag, usable[:, order])
            assert not torch.allclose(given_, exchanged, rtol=0, atol=1e-3)


def test_padding_changes_nothing_whatever_stands_in_it() -> None:
    network, time = made(), USUAL.window(4)
    x, s = noise(1, 2, 3, time), noise(1, 3, time, seed=2)
    padded = torch.cat((x[:, :1], 100.0 * noise(1, 3, 3, time, seed=4), x[:, 1:]), dim=1)
    usable = ones(1, 5, time)
    usable[:, 1:4] = 0.0
    with torch.no_grad():
        bare = network(x, s, ones(1), ones(1, 2, time))
        assert torch.equal(network(padded, s, ones(1), usable), bare)
        assert not torch.allclose(
            network(padded, s, ones(1), ones(1, 5, time)), network(x, s, ones(1), ones(1, 2, time))
        )


def test_a_source_without_trust_changes_nothing() -> None:
    network, time = made(), USUAL.window(4)
    x, s, other = noise(1, 2, 3, time), noise(1, 3, time, seed=2), noise(1, 3, time, seed=3)
    with torch.no_grad():
        said = [network(x, source, flag, ones(1, 2, time)) for flag in (0 * ones(1), ones(1)) for source in (s, other)]
    assert torch.equal(said[0], said[1])
    assert not torch.allclose(said[2], said[3], atol=1e-3)


def test_what_an_input_shows_while_it_cannot_be_used_changes_nothing() -> None:
    network, time, end = made(), USUAL.window(4) + 40, 90
    x, s, usable = noise(1, 2, 3, time), noise(1, 3, time, seed=2), ones(1, 2, time)
    usable[:, 0, end:] = 0.0
    other = x.clone()
    other[:, 0, :, end:] = 50.0 * noise(3, time - end, seed=3)
    earlier = x.clone()
    earlier[:, 0, :, end - 2] += 5.0
    with torch.no_grad():
        said = network(x, s, ones(1), usable)
        assert torch.equal(network(other, s, ones(1), usable), said)
        assert not torch.allclose(network(earlier, s, ones(1), usable), said, atol=1e-3)


def test_without_any_input_the_network_says_something_finite_that_depends_on_nothing() -> None:
    network, time = made(), USUAL.window(4)
    with torch.no_grad():
        said = [
            network(noise(2, 2, 3, time, seed=k), noise(2, 3, time), 0 * ones(2), 0 * ones(2, 2, time)) for k in (1, 2)
        ]
    assert torch.isfinite(said[0]).all()
    assert torch.equal(said[0], said[1])
    assert torch.equal(said[0][0], said[0][1])


def test_examples_of_a_batch_do_not_see_each_other() -> None:
    network, time = made(), USUAL.window(4)
    x, s, usable = noise(3, 4, 3, time), noise(3, 3, time, seed=2), ones(3, 4, time)
    usable[0, 1:] = usable[1, 3:] = usable[2, :, :60] = 0.0
    flag = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    with torch.no_grad():
        together = network(x, s, flag, usable)
        for k in range(3):
            one = slice(k, k + 1)
            assert torch.allclose(network(x[one], s[one], flag[one], usable[one]), together[one], rtol=0, atol=1e-12)


def test_an_untrained_network_says_no() -> None:
    """Blinks are rare: it starts at about their base rate."""
    torch.manual_seed(0)
    network, time = BlinkNet(USUAL), USUAL.window(4)
    with torch.no_grad():
        said = Deployed(network)(torch.randn(3, 3, time), torch.randn(3, time), torch.ones(1))
    assert 0.01 < said.min() <= said.max() < 0.15


@settings(deadline=None, max_examples=15, derandomize=True)
@given(architecture=architectures, seed=st.integers(0, 99))
def test_a_folded_network_says_what_the_normalised_one_said(architecture: Architecture, seed: int) -> None:
    torch.manual_seed(seed)
    network = lively(BlinkNet(architecture, normalised=True)).double()
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if isinstance(network.get_submodule(name.rpartition(".")[0]), torch.nn.BatchNorm1d):
                value.copy_(torch.rand(value.shape) + 0.5)
    rows, time = architecture.rows, architecture.receptive_field + 5
    shown = noise(2, 3, rows, time), noise(2, rows, time, seed=2), torch.tensor([1.0, 0.0]).double(), ones(2, 3, time)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    folded = network.folded().double()
    with torch.no_grad():
        torch.testing.assert_close(folded(*shown), network(*shown))
    assert {k: tuple(v.shape) for k, v in folded.state_dict().items()} == {
        k: tuple(v.shape) for k, v in BlinkNet(architecture).state_dict().items()
    }
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_what_was_never_normalised_is_folded_as_it_is() -> None:
    network = made().float()
    folded = network.folded()
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), folded.parameters(), strict=True))
