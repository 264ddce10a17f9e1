"""Convolution and cross-correlation in any number of dimensions: by loops, to be believed, and by im2col, to be fast.

    correlation    y[p] = sum_t w[t] x[s p + d t]          s stride, d dilation, p and t multi-indices
    convolution    the same with w turned round in every dimension

What deep learning calls convolution is the correlation (Goodfellow, Bengio and Courville 2016, section 9.1). im2col is
of Chellapilla, Puri and Simard (2006). Shapes are written for two dimensions; one and three work the same.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from nictate.signals import FloatArray

Array = npt.NDArray[Any]
"""Of floats or whole numbers; whole numbers stay whole."""

Padding = Literal["valid", "same", "full"]
"""Where the filter may lie: inside the input; so that with stride 1 there are as many places as the input has samples;
wherever it touches the input. Of an even surplus of ``same`` one half goes to each end, of an odd one the end gets one
more, as in torch; scipy gives the beginning one more."""


def spread(size: int, dilation: int) -> int:
    """Samples that a filter of ``size`` taps reaches over."""
    return dilation * (size - 1) + 1


def pad(x: Array, size: tuple[int, ...], padding: Padding, dilation: int = 1) -> Array:
    """``x`` with the zeros around it that ``padding`` asks for, for filters of ``size`` taps."""
    over = [spread(k, dilation) - 1 for k in size]
    widths = {
        "valid": [(0, 0) for _ in over],
        "same": [(o // 2, o - o // 2) for o in over],
        "full": [(o, o) for o in over],
    }
    return np.pad(x, widths[padding])


def places(x: Array, w: Array, stride: int, dilation: int) -> tuple[int, ...]:
    """Shape of the output: how many places a filter ``w`` has inside ``x``. Raises `ValueError` if there is none."""
    found = tuple((n - spread(k, dilation)) // stride + 1 for n, k in zip(x.shape, w.shape, strict=True))
    if min(found) < 1:
        raise ValueError(f"a filter {w.shape} with dilation {dilation} does not fit into {x.shape}")
    return found


def correlate_by_loops(x: Array, w: Array, padding: Padding = "valid", stride: int = 1, dilation: int = 1) -> Array:
    """The definition, word for word. (h, w) and (kh, kw) to the shape that `places` tells."""
    x = pad(x, w.shape, padding, dilation)
    y = np.zeros(places(x, w, stride, dilation), dtype=np.result_type(x, w))
    for p in np.ndindex(y.shape):
        for t in np.ndindex(w.shape):
            y[p] += w[t] * x[_at(p, t, stride, dilation)]
    return y


def correlate(x: Array, w: Array, padding: Padding = "valid", stride: int = 1, dilation: int = 1) -> Array:
    """As `correlate_by_loops`, by im2col: every place of the filter becomes a row, and the filter a column."""
    rows = im2col(pad(x, w.shape, padding, dilation), w.shape, stride, dilation)
    return (rows.reshape(-1, w.size) @ w.ravel()).reshape(rows.shape[: w.ndim])


def convolve(x: Array, w: Array, padding: Padding = "valid", stride: int = 1, dilation: int = 1) -> Array:
    """Correlation with the filter turned round. What makes it worth its name: w * x = x * w (with ``full``)."""
    return correlate(x, np.flip(w), padding, stride, dilation)


def im2col(x: Array, size: tuple[int, ...], stride: int = 1, dilation: int = 1) -> Array:
    """(places..., taps...): what each tap sees from each place. A view that copies nothing: read only."""
    shape = places(x, np.empty(size), stride, dilation) + size
    strides = tuple(s * stride for s in x.strides) + tuple(s * dilation for s in x.strides)
    return as_strided(x, shape, strides, writeable=False)


# Backward. y is linear in x and linear in w, so each gradient is the adjoint of the other's map.


def by_filter(x: Array, g: Array, size: tuple[int, ...], stride: int = 1, dilation: int = 1) -> Array:
    """dL/dw, of shape ``size``, from g = dL/dy of a valid correlation:

        dL/dw[t] = sum_p g[p] x[s p + d t]

    A correlation again, of x with g, in which stride and dilation have changed places.
    """
    rows = im2col(x, size, stride, dilation)
    return np.tensordot(g, rows, axes=g.ndim)


def by_input(w: Array, g: Array, shape: tuple[int, ...], stride: int = 1, dilation: int = 1) -> Array:
    """dL/dx, of shape ``shape``, from g = dL/dy of a valid correlation: each output gives back what it took (col2im).

    dL/dx[s p + d t] += g[p] w[t]
    """
    x = np.zeros(shape, dtype=np.result_type(w, g))
    for t in np.ndindex(w.shape):
        taken = tuple(slice(d, d + stride * n, stride) for d, n in zip((dilation * k for k in t), g.shape, strict=True))
        x[taken] += w[t] * g
    return x


# The sheet's network: the sum of ReLU(w correlated with x).


def relu(z: Array) -> Array:
    return np.maximum(z, 0)


def relu_slope(z: Array, at_zero: float) -> FloatArray:
    """ReLU'(z). At 0 there is none: any number from 0 to 1 is a subgradient, and a convention picks one."""
    return np.where(z == 0, at_zero, (z > 0).astype(np.float64))


def response(x: Array, w: Array) -> Any:
    """f(w) = sum of ReLU of the valid correlation: the sheet's scalar output."""
    return relu(correlate(x, w)).sum()


def jacobian(x: Array, w: Array, at_zero: float) -> FloatArray:
    """df/dw, as long as ``w`` has taps, row by row: the sum of the patches that got through.

    f is homogeneous of degree 1, f(cw) = c f(w) for c > 0, so by Euler w . df/dw = f(w), whatever ReLU'(0) is: a place
    where the filter's answer is 0 adds 0 to both sides.
    """
    return by_filter(x, relu_slope(correlate(x, w), at_zero), w.shape).ravel()


def hessian(x: Array, w: Array) -> FloatArray:
    """d²f/dw², taps by taps: 0, as f is linear in w wherever no answer of the filter is exactly 0.

    Where one is, f has a kink. Raises `ValueError` there, since there is no second derivative to tell.
    """
    if not correlate(x, w).all():
        raise ValueError("the filter's answer is 0 somewhere: f has a kink there and no second derivative")
    return np.zeros((w.size, w.size))


# In the detector.


def layer(x: FloatArray, W: FloatArray, b: FloatArray, stride: int = 1, dilation: int = 1) -> FloatArray:
    """A convolutional layer of a network: (filters, steps) of ``x`` (rows, time), ``W`` (filters, rows, taps), ``b``.

    A filter as high as the input has one place from top to bottom: what is called a 1-D convolution of many rows.
    """
    step_by_step = [im2col(row, W.shape[2:], stride, dilation) for row in x]
    return np.asarray(np.einsum("rpt,frt->fp", np.stack(step_by_step), W) + b[:, np.newaxis])


def matched_filter(x: FloatArray, template: FloatArray) -> FloatArray:
    """(n,) how much of the ``template`` (odd number of taps) there is around each sample of ``x`` (n,), in units of x.

    The template, less its mean and divided by its energy, correlated with the signal: of all linear filters the one
    with the best ratio of peak to noise where the noise is white (North 1943; Turin 1960). A signal c times the
    template plus any constant answers c.
    """
    w = template - template.mean()
    return correlate(x, w / (w @ w), "same")


def _at(p: tuple[int, ...], t: tuple[int, ...], stride: int, dilation: int) -> tuple[int, ...]:
    return tuple(stride * i + dilation * k for i, k in zip(p, t, strict=True))
