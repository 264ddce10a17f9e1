"""Convolution, by hand."""

from __future__ import annotations

import numpy as np

from nictate.exercises.convolution import (
    Array,
    by_filter,
    convolve,
    correlate,
    correlate_by_loops,
    hessian,
    jacobian,
    relu,
    response,
)
from nictate.exercises.lesson import Golden, Lesson, Step
from nictate.signals import FloatArray

X = np.array([[4, 8, 5, 6, 8], [1, 2, 2, 8, 6], [4, 4, 9, 2, 7], [2, 3, 7, 8, 4], [8, 0, 0, 7, 6]])
W = np.array([[1, 0], [0, -1]])
TARGET = 1
CONVOLUTION = [[-2, -6, 3, 0], [3, 7, 0, -1], [-1, 3, -1, 2], [-2, -3, 0, -2]]
RECTIFIED = [[2, 6, 0, 0], [0, 0, 0, 1], [1, 0, 1, 0], [2, 3, 0, 2]]


def loss(w: Array) -> float:
    """|f(w) - 1|, the L1 distance of the network's output from the target."""
    return abs(float(response(X, w)) - TARGET)


def loss_slope(at_zero: float) -> FloatArray:
    """(4,) its gradient by the filter, row by row: sign(f - 1) df/dw, and f = 18 is above the target."""
    return np.asarray(np.sign(response(X, W) - TARGET) * jacobian(X, W, at_zero))


def curvature(w: Array) -> FloatArray:
    """(4, 4) differences of the Jacobian to either side of ``w``: the Hessian, without believing that it is 0."""
    columns = []
    for k in range(w.size):
        h = np.zeros(w.size)
        h[k] = 2.0**-10
        step = h.reshape(w.shape)
        columns.append((jacobian(X, w + step, 0.0) - jacobian(X, w - step, 0.0)) / 2.0**-9)
    return np.stack(columns)


BESIDE = W + np.array([[0.25, 0.125], [-0.125, 0.0625]])
"""A filter near the sheet's, none of whose answers is 0."""

GOLDENS = (
    Golden("convolution, valid, stride 1", "corrected", CONVOLUTION, lambda: convolve(X, W)),
    Golden(
        "cross-correlation: its negative",
        "corrected",
        (-np.array(CONVOLUTION)).tolist(),
        lambda: correlate(X, W),
    ),
    Golden(
        "cross-correlation, by loops", "corrected", (-np.array(CONVOLUTION)).tolist(), lambda: correlate_by_loops(X, W)
    ),
    Golden(
        "what torch.conv2d computes: the cross-correlation",
        "corrected",
        (-np.array(CONVOLUTION)).tolist(),
        lambda: _by_torch(),
        needs="torch",
    ),
    Golden("ReLU of the correlation", "corrected", RECTIFIED, lambda: relu(correlate(X, W))),
    Golden("its sum", "corrected", 18, lambda: response(X, W)),
    Golden("L1 to target 1", "corrected", 17, lambda: loss(W)),
    Golden("Jacobian by the filter with ReLU'(0) = 1", "sheet", [61, 63, 46, 43], lambda: loss_slope(1.0)),
    Golden("Jacobian by the filter with ReLU'(0) = 0", "corrected", [46, 39, 29, 28], lambda: loss_slope(0.0)),
    Golden("exact zeros before the ReLU", "corrected", 3, lambda: int((correlate(X, W) == 0).sum())),
    Golden(
        "what they make of the difference: the sum of their patches",
        "corrected",
        [15, 24, 17, 15],
        lambda: by_filter(X, (correlate(X, W) == 0).astype(int), W.shape).ravel(),
    ),
    Golden(
        "Euler: w . Jacobian, for either convention",
        "corrected",
        [18, 18],
        lambda: [W.ravel() @ jacobian(X, W, at_zero) for at_zero in (0.0, 1.0)],
    ),
    Golden("Hessian beside the kink", "corrected", np.zeros((4, 4)).tolist(), lambda: hessian(X, BESIDE)),
    Golden("Hessian by differences", "corrected", np.zeros((4, 4)).tolist(), lambda: curvature(BESIDE)),
    Golden(
        "the kink: one-sided slopes along the first tap, down and up",
        "corrected",
        [46.0, 61.0],
        lambda: _one_sided(),
    ),
)


def _by_torch() -> Array:
    import torch

    x, w = (torch.from_numpy(a.astype(np.float64))[None, None] for a in (X, W))
    return torch.conv2d(x, w)[0, 0].numpy()


def _one_sided() -> list[float]:
    """Slopes of f when the first tap alone shrinks and grows: the patches' corners at the zeros are all positive."""
    step = np.array([[2.0**-10, 0.0], [0.0, 0.0]])
    here = response(X, W)
    return [float((here - response(X, W - step)) * 2**10), float((response(X, W + step) - here) * 2**10)]


LESSON = Lesson(
    name="convolution",
    title="Convolution, by hand",
    question="""
A 5 x 5 input goes through a 2 x 2 filter (valid, stride 1), then ReLU, then a sum:
    4 8 5 6 8
    1 2 2 8 6        filter   1  0
    4 4 9 2 7                 0 -1
    2 3 7 8 4
    8 0 0 7 6
Compute the output, its L1 loss against the target 1, and the loss's Jacobian and Hessian by the
four numbers of the filter. Convolution or cross-correlation: what is the difference?
""",
    derivation=(
        Step(
            """
Correlation lays the filter w on each 2 x 2 patch, multiplies and adds:
    y[i, j] = sum over a, b of w[a, b] x[i + a, j + b].
Here that is the upper left less the lower right of each patch: 4 - 2 = 2, 8 - 2 = 6, ...
Convolution turns the filter round first, [[-1, 0], [0, 1]], which here is its negative, so all
signs change:
    convolution  -2 -6  3  0      correlation   2  6 -3  0
                  3  7  0 -1                   -3 -7  0  1
                 -1  3 -1  2                    1 -3  1 -2
                 -2 -3  0 -2                    2  3  0  2
torch.conv2d computes the correlation, as all of deep learning does: a filter that is learned
does not care which way round it is called.
""",
            r"(w \star x)_{ij} = \sum_{a,b} w_{ab}\,x_{i+a,\,j+b}, \qquad "
            r"(w * x)_{ij} = \sum_{a,b} w_{ab}\,x_{i-a,\,j-b}",
        ),
        Step(
            """
ReLU keeps what is positive: 2 6 0 0 / 0 0 0 1 / 1 0 1 0 / 2 3 0 2. The sum is f = 18, the loss
|f - 1| = 17, and its slope by f is sign(18 - 1) = 1: the loss's Jacobian is that of f.
""",
            r"f(w) = \sum_{ij} \max\bigl(0, (w\star x)_{ij}\bigr) = 18, \qquad L = |f - 1| = 17",
        ),
        Step(
            """
Jacobian. y[i, j] depends on w[a, b] by x[i + a, j + b]; ReLU lets it through where y > 0. So
df/dw is the sum of the patches that got through, which is a correlation again, of x with the
0s and 1s of ReLU'. With ReLU'(0) = 0 these are the 8 patches whose answer is positive:
[46, 39, 29, 28], row by row. Three answers are exactly 0; with ReLU'(0) = 1 their patches count
too, [15, 24, 17, 15] together: [61, 63, 46, 43]. At 0 ReLU has a kink, and any number from 0 to
1 is a subgradient; the sheet takes 1, torch takes 0.
""",
            r"\frac{\partial f}{\partial w_{ab}} = \sum_{ij} \mathrm{ReLU}'\bigl((w\star x)_{ij}\bigr)\,x_{i+a,\,j+b}",
        ),
        Step(
            """
A check that needs no second computation. f(cw) = c f(w) for c > 0, so by Euler's identity
w . df/dw = f: 61 - 43 = 18, and 46 - 28 = 18. It holds for either convention, as an answer of 0
adds 0 to f.
""",
            r"f(cw) = c\,f(w) \;\Rightarrow\; w \cdot \nabla f(w) = f(w)",
        ),
        Step(
            """
Hessian. Between kinks f is linear in w, so all 16 second derivatives are 0. At the sheet's own
filter three answers are 0 and f has kinks (along the first tap the slope is 46 to the left and
61 to the right): there is no second derivative; "4 x 4 zeros, almost everywhere".
""",
            r"\frac{\partial^2 f}{\partial w_{ab}\,\partial w_{cd}} = 0 \quad \text{almost everywhere}",
        ),
        Step(
            """
In the detector. The first layer of the shipped model is such a correlation, over time, of the
rows that show each channel on several scales; computed by this module from the weights in the
file it agrees with ONNX Runtime to rounding, which the tests hold. A blink's own shape as the
filter is the matched filter, the oldest detector there is: see `case_study`.
"""
        ),
    ),
    answers=(
        ("sheet", "Jacobian [61, 63, 46, 43], by the convention ReLU'(0) = 1."),
        ("hand-in", "Output and loss; no Jacobian and no Hessian."),
        (
            "corrected",
            """
Correlation 2 6 -3 0 / -3 -7 0 1 / 1 -3 1 -2 / 2 3 0 2, sum of its ReLU 18, loss 17; Jacobian
[61, 63, 46, 43] with ReLU'(0) = 1, [46, 39, 29, 28] with ReLU'(0) = 0; Hessian 0 almost
everywhere.
""",
        ),
    ),
    sources=(
        "Goodfellow, Bengio and Courville (2016), Deep Learning, section 9.1",
        "Dumoulin and Visin (2016), A guide to convolution arithmetic for deep learning, arXiv:1603.07285",
    ),
    goldens=GOLDENS,
)
