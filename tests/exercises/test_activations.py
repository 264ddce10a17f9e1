from __future__ import annotations

import numpy as np
import pytest
import sympy
import torch

from nictate.exercises.activations import (
    Convolutional,
    Dense,
    gradients,
    sigmoid,
    sigmoid_by_tanh,
    sigmoid_conv,
    sigmoid_net,
    step,
    tanh_by_sigmoid,
    tanh_conv,
    tanh_net,
    to_sigmoid,
    to_tanh,
    train_twins,
)
from nictate.signals import FloatArray

EXTREME = np.array([-1e4, -700.0, -1.0, -1e-9, 0.0, 0.3, 1.0, 700.0, 1e4])


def net_of(seed: int, inputs: int = 3, hidden: int = 5, outputs: int = 2) -> Dense:
    rng = np.random.default_rng(seed)
    return Dense(*(rng.standard_normal(s) for s in ((hidden, inputs), hidden, (outputs, hidden), outputs)))


def points(seed: int, n: int = 40) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((3, n))


def test_both_identities_hold_symbolically() -> None:
    z = sympy.Symbol("z", real=True)
    sigma = 1 / (1 + sympy.exp(-z))
    tanh = (sympy.exp(z) - sympy.exp(-z)) / (sympy.exp(z) + sympy.exp(-z))
    assert sympy.simplify(2 * sigma.subs(z, 2 * z) - 1 - tanh) == 0
    assert sympy.simplify((1 + tanh.subs(z, z / 2)) / 2 - sigma) == 0


def test_sigmoid_is_right_and_finite_wherever_it_is_asked() -> None:
    np.testing.assert_allclose(sigmoid(EXTREME), torch.sigmoid(torch.tensor(EXTREME)).numpy(), rtol=1e-14)
    np.testing.assert_allclose(sigmoid_by_tanh(EXTREME), sigmoid(EXTREME), atol=1e-15)
    np.testing.assert_allclose(tanh_by_sigmoid(EXTREME), np.tanh(EXTREME), atol=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_twins_compute_the_same_and_each_map_undoes_the_other(seed: int) -> None:
    net, x = net_of(seed), points(seed)
    np.testing.assert_allclose(tanh_net(to_tanh(net), x), sigmoid_net(net, x), atol=1e-14)
    np.testing.assert_allclose(sigmoid_net(to_sigmoid(net), x), tanh_net(net, x), atol=1e-14)
    for back in (to_sigmoid(to_tanh(net)), to_tanh(to_sigmoid(net))):
        for a, b in zip(back.weights, net.weights, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-14)
    # It is the shift of the last bias that makes it so.
    twin = to_tanh(net)
    unshifted = Dense(twin.W1, twin.b1, twin.W2, net.b2)
    assert np.abs(tanh_net(unshifted, x) - sigmoid_net(net, x)).max() > 1e-3


def test_the_precision_asked_for_is_the_one_computed_in() -> None:
    single = net_of(0).astype(np.float32)
    assert sigmoid_net(single, points(0).astype(np.float32)).dtype == np.float32
    assert tanh_net(to_tanh(single), points(0).astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("taps", [1, 3, 5])
def test_zeros_at_the_border_add_half_of_each_tap_that_hangs_over(taps: int) -> None:
    rng = np.random.default_rng(taps)
    net = Convolutional(rng.standard_normal(3), 0.3, rng.standard_normal(taps), -0.2)
    x, over = rng.standard_normal(20), taps // 2
    right = sigmoid_conv(net, x)
    assert len(right) == 18
    np.testing.assert_allclose(tanh_conv(net.to_tanh(), x), right, atol=1e-14)
    off = tanh_conv(net.to_tanh(), x, outside=0.0) - right
    np.testing.assert_allclose(off[over : len(off) - over], 0.0, atol=1e-14)
    for k in range(over):
        assert off[k] == pytest.approx(net.w2[: over - k].sum() / 2.0, abs=1e-14)
        assert off[-1 - k] == pytest.approx(net.w2[taps - (over - k) :].sum() / 2.0, abs=1e-14)


@pytest.mark.parametrize("of_tanh", [False, True])
def test_gradients_are_those_of_torch(of_tanh: bool) -> None:
    net, x = net_of(3), points(3)
    y = points(4)[:2]
    loss, found = gradients(net, x, y, of_tanh=of_tanh)
    W1, b1, W2, b2 = (torch.tensor(w, requires_grad=True) for w in net.weights)
    squash = torch.tanh if of_tanh else torch.sigmoid
    said = W2 @ squash(W1 @ torch.tensor(x) + b1[:, None]) + b2[:, None]
    expected = ((said - torch.tensor(y)) ** 2).mean()
    expected.backward()  # type: ignore[no-untyped-call]
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    for mine, theirs in zip(found.weights, (W1, b1, W2, b2), strict=True):
        assert theirs.grad is not None
        np.testing.assert_allclose(mine, theirs.grad.numpy(), rtol=1e-10, atol=1e-14)


def test_twins_part_in_training_and_a_quarter_of_the_rate_keeps_their_first_layers_together() -> None:
    net, x = net_of(1), points(1)
    y = points(2)[:2]
    trained = train_twins(net, x, y, rate=0.05, steps=30)
    assert trained.apart[0] < 1e-14
    assert trained.apart[1:].min() > 1e-3
    assert (trained.losses[-1] < 0.9 * trained.losses[0]).all()
    assert trained.losses[0, 0] == pytest.approx(trained.losses[0, 1], rel=1e-12)

    frozen = {"W2": net.W2, "b2": net.b2}
    twin = to_tanh(net)
    for _ in range(30):
        _, down = gradients(net, x, y, of_tanh=False)
        _, twin_down = gradients(twin, x, y, of_tanh=True)
        moved, twin_moved = step(net, down, 0.05), step(twin, twin_down, 0.05 / 4.0)
        net = Dense(moved.W1, moved.b1, **frozen)
        twin = Dense(twin_moved.W1, twin_moved.b1, twin.W2, twin.b2)
    np.testing.assert_allclose(tanh_net(twin, x), sigmoid_net(net, x), atol=1e-12)
