from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import signal

from nictate.exercises.convolution import (
    Array,
    Padding,
    by_filter,
    by_input,
    convolve,
    correlate,
    correlate_by_loops,
    hessian,
    im2col,
    jacobian,
    layer,
    matched_filter,
    pad,
    relu,
    relu_slope,
    response,
)
from nictate.exercises.lessons.on_convolution import BESIDE, W, X
from nictate.waveforms import blink_waveform

SHAPES = [((11,), (3,)), ((11,), (4,)), ((8, 9), (3, 2)), ((7, 7), (1, 3)), ((4, 5, 6), (2, 3, 2))]
STEPS = [(1, 1), (2, 1), (1, 2), (3, 2)]
PADDINGS: list[Padding] = ["valid", "same", "full"]


def drawn(shape: tuple[int, ...], size: tuple[int, ...]) -> tuple[Array, Array]:
    rng = np.random.default_rng(sum(shape) + sum(size))
    return rng.standard_normal(shape), rng.standard_normal(size)


def by_torch(x: Array, w: Array, stride: int = 1, dilation: int = 1) -> Array:
    torch_correlate = (torch.conv1d, torch.conv2d, torch.conv3d)[x.ndim - 1]
    one, other = (torch.tensor(np.ascontiguousarray(a))[None, None] for a in (x, w))
    return torch_correlate(one, other, stride=stride, dilation=dilation)[0, 0].numpy()


@pytest.mark.parametrize(("shape", "size"), SHAPES)
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(("stride", "dilation"), STEPS)
def test_loops_im2col_and_torch_agree(
    shape: tuple[int, ...], size: tuple[int, ...], padding: Padding, stride: int, dilation: int
) -> None:
    x, w = drawn(shape, size)
    padded = pad(x, size, padding, dilation)
    found = correlate(x, w, padding, stride, dilation)
    np.testing.assert_allclose(found, correlate_by_loops(x, w, padding, stride, dilation), atol=1e-12)
    np.testing.assert_allclose(found, by_torch(padded, w, stride, dilation), atol=1e-12)


@pytest.mark.parametrize(("shape", "size"), SHAPES)
def test_scipy_agrees(shape: tuple[int, ...], size: tuple[int, ...]) -> None:
    x, w = drawn(shape, size)
    for padding in ("valid", "full"):
        np.testing.assert_allclose(correlate(x, w, padding), signal.correlate(x, w, padding), atol=1e-12)
        np.testing.assert_allclose(convolve(x, w, padding), signal.convolve(x, w, padding), atol=1e-12)
    if all(k % 2 for k in size):  # Of an even filter scipy puts the surplus to the other end.
        np.testing.assert_allclose(correlate(x, w, "same"), signal.correlate(x, w, "same"), atol=1e-12)
        np.testing.assert_allclose(convolve(x, w, "same"), signal.convolve(x, w, "same"), atol=1e-12)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_same_is_as_torch_has_it_for_even_filters_too() -> None:
    x, w = drawn((11,), (4,))
    theirs = torch.conv1d(torch.tensor(x)[None, None], torch.tensor(w)[None, None], padding="same")[0, 0].numpy()
    np.testing.assert_allclose(correlate(x, w, "same"), theirs, atol=1e-12)


@pytest.mark.parametrize("correlated", [correlate, correlate_by_loops])
def test_a_filter_that_does_not_fit_is_refused(correlated: Callable[..., Array]) -> None:
    x, w = drawn((4, 9), (3, 3))
    assert correlated(x, w).shape == (2, 7)
    with pytest.raises(ValueError, match=r"\(3, 3\) with dilation 2 does not fit into \(4, 9\)"):
        correlated(x, w, "valid", 1, 2)


def test_convolution_commutes_and_correlation_does_not() -> None:
    x, w = drawn((9,), (4,))
    np.testing.assert_allclose(convolve(x, w, "full"), convolve(w, x, "full"), atol=1e-12)
    assert np.abs(correlate(x, w, "full") - correlate(w, x, "full")).max() > 0.1


def test_whole_numbers_stay_whole_and_im2col_copies_nothing() -> None:
    assert correlate(X, W).dtype == correlate_by_loops(X, W).dtype == X.dtype
    rows = im2col(X, W.shape)
    assert np.shares_memory(rows, X)
    assert not rows.flags.writeable


@pytest.mark.parametrize(("shape", "size"), SHAPES)
@pytest.mark.parametrize(("stride", "dilation"), STEPS)
def test_backward_is_the_adjoint_and_that_of_torch(
    shape: tuple[int, ...], size: tuple[int, ...], stride: int, dilation: int
) -> None:
    x, w = drawn(shape, size)
    y = correlate(x, w, "valid", stride, dilation)
    g = np.random.default_rng(1).standard_normal(y.shape)
    dw, dx = by_filter(x, g, size, stride, dilation), by_input(w, g, shape, stride, dilation)
    # <g, A v> = <A'g, v> for the maps w -> y and x -> y.
    v, u = drawn(size, shape)
    assert np.vdot(dw, v) == pytest.approx(np.vdot(g, correlate(x, v, "valid", stride, dilation)), abs=1e-10)
    assert np.vdot(dx, u) == pytest.approx(np.vdot(g, correlate(u, w, "valid", stride, dilation)), abs=1e-10)
    p, q = (torch.tensor(a)[None, None].requires_grad_() for a in (x, w))
    said = (torch.conv1d, torch.conv2d, torch.conv3d)[x.ndim - 1](p, q, stride=stride, dilation=dilation)
    said.backward(torch.tensor(g)[None, None])  # type: ignore[no-untyped-call]
    assert p.grad is not None
    assert q.grad is not None
    np.testing.assert_allclose(dx, p.grad[0, 0].numpy(), atol=1e-12)
    np.testing.assert_allclose(dw, q.grad[0, 0].numpy(), atol=1e-12)


def test_the_sheets_jacobian_by_torch_by_differences_and_by_euler() -> None:
    w = torch.tensor(W, dtype=torch.float64, requires_grad=True)
    said = torch.relu(torch.conv2d(torch.tensor(X, dtype=torch.float64)[None, None], w[None, None])).sum()
    (said - 1.0).abs().backward()  # type: ignore[no-untyped-call]
    assert w.grad is not None
    np.testing.assert_array_equal(jacobian(X, W, 0.0), w.grad.numpy().ravel())
    np.testing.assert_array_equal(jacobian(X, W, 0.0), [46, 39, 29, 28])
    np.testing.assert_array_equal(jacobian(X, W, 1.0), [61, 63, 46, 43])
    for seed in range(3):
        w0 = BESIDE + 0.01 * np.random.default_rng(seed).standard_normal(W.shape)
        slopes = [(response(X, w0 + h) - response(X, w0 - h)) / 2e-6 for h in 1e-6 * np.eye(4).reshape(4, 2, 2)]
        np.testing.assert_allclose(jacobian(X, w0, 0.5), slopes, rtol=1e-6)
        for at_zero in (0.0, 0.5, 1.0):
            assert w0.ravel() @ jacobian(X, w0, at_zero) == pytest.approx(response(X, w0))


def test_relu_is_a_choice_at_zero_alone() -> None:
    z = np.array([-2, 0, 3])
    np.testing.assert_array_equal(relu(z), [0, 0, 3])
    np.testing.assert_array_equal(relu_slope(z, 0.25), [0.0, 0.25, 1.0])


def test_there_is_no_second_derivative_at_a_kink() -> None:
    np.testing.assert_array_equal(hessian(X, BESIDE), np.zeros((4, 4)))
    with pytest.raises(ValueError, match="kink"):
        hessian(X, W)


@pytest.mark.parametrize(("stride", "dilation"), STEPS)
def test_a_layer_is_that_of_torch(stride: int, dilation: int) -> None:
    rng = np.random.default_rng(0)
    x, weights, b = rng.standard_normal((3, 40)), rng.standard_normal((5, 3, 7)), rng.standard_normal(5)
    theirs = torch.conv1d(
        torch.tensor(x)[None], torch.tensor(weights), torch.tensor(b), stride=stride, dilation=dilation
    )
    np.testing.assert_allclose(layer(x, weights, b, stride, dilation), theirs[0].numpy(), atol=1e-12)


def test_a_matched_filter_tells_how_much_of_the_template_there_is() -> None:
    t = np.arange(-25, 26) / 128.0 + 0.085
    template = blink_waveform(t)
    x = np.full(400, 17.0)
    x[100 - 25 : 100 + 26] += 80.0 * template
    x[300 - 25 : 300 + 26] -= 30.0 * template
    found = matched_filter(x, template)
    assert len(found) == len(x)
    assert found[100] == pytest.approx(80.0)
    assert found[300] == pytest.approx(-30.0)
    inside = found[25:-25]
    assert 25 + int(inside.argmax()) == 100
    assert np.abs(found[160:240]).max() < 1e-9


def test_of_all_filters_it_has_the_best_ratio_of_peak_to_white_noise() -> None:
    template = blink_waveform(np.arange(-25, 26) / 128.0 + 0.085)
    template -= template.mean()
    rng = np.random.default_rng(0)

    def ratio(w: Array) -> float:
        return float((w @ template) ** 2 / (w @ w))

    assert all(ratio(template + 0.3 * rng.standard_normal(51)) < ratio(template) for _ in range(50))
