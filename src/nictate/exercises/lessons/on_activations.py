"""Sigmoid and tanh networks are the same functions."""

from __future__ import annotations

import numpy as np

from nictate.exercises.activations import (
    Convolutional,
    Dense,
    gradients,
    sigmoid,
    sigmoid_by_tanh,
    sigmoid_conv,
    sigmoid_net,
    tanh_by_sigmoid,
    tanh_conv,
    tanh_net,
    to_sigmoid,
    to_tanh,
    train_twins,
)
from nictate.exercises.lesson import Golden, Lesson, Step
from nictate.signals import FloatArray

SMALL = Dense(np.array([[2.0, -4.0], [6.0, 0.0]]), np.array([1.0, -2.0]), np.array([[3.0, 5.0]]), np.array([7.0]))
"""Weights that are halved in one's head."""

CONV = Convolutional(np.array([0.5, -1.0, 0.25]), 0.1, np.array([0.4, 1.0, -0.4]), 0.2)
"""Half of the outer taps of its second filter is 0.2: what zeros in the place of -1 do at either border."""

LINE = np.linspace(-8.0, 8.0, 3201)
SIGNAL = np.sin(np.arange(24.0))
TOLD_APART = 1e-3


def drawn(seed: int = 0) -> tuple[Dense, FloatArray, FloatArray]:
    """A network of 8 hidden units with normal weights, 200 points (3, 200) and what to learn of them (2, 200)."""
    rng = np.random.default_rng(seed)
    net = Dense(*(rng.standard_normal(shape) for shape in ((8, 3), 8, (2, 8), 2)))
    x = rng.standard_normal((3, 200))
    return net, x, np.stack((np.sin(x[0]) * x[1], x[2]))


def apart(kind: type[np.floating], *, back: bool = False) -> float:
    """Largest difference between a network and its twin, in single or double precision."""
    net, x, _ = drawn()
    net, x = net.astype(kind), x.astype(kind)
    if back:
        return float(np.abs(tanh_net(net, x) - sigmoid_net(to_sigmoid(net), x)).max())
    return float(np.abs(sigmoid_net(net, x) - tanh_net(to_tanh(net), x)).max())


def apart_in_onnx() -> float:
    """The pass of `nictate.exercises.twins` on an ONNX model of the same network, both run in ONNX Runtime."""
    from nictate.exercises.twins import difference, onnx_model, tanh_twin_onnx

    model = onnx_model(drawn()[0])
    return difference(model, tanh_twin_onnx(model))


def at_borders(outside: float) -> list[float]:
    """How far the convolutional twin is off: at the first sample, at most within, at the last."""
    off = tanh_conv(CONV.to_tanh(), SIGNAL, outside) - sigmoid_conv(CONV, SIGNAL)
    return [float(off[0]), float(np.abs(off[1:-1]).max()), float(off[-1])]


def factors() -> list[float]:
    """Gradients of the twin over those of the network: by W1, b1, W2 (plus that by b2, which W2 shifts) and b2."""
    net, x, y = drawn()
    _, of_sigmoid = gradients(net, x, y, of_tanh=False)
    _, of_tanh = gradients(to_tanh(net), x, y, of_tanh=True)
    pairs = (
        (of_tanh.W1, of_sigmoid.W1),
        (of_tanh.b1, of_sigmoid.b1),
        (of_tanh.W2 + of_sigmoid.b2[:, np.newaxis], of_sigmoid.W2),
        (of_tanh.b2, of_sigmoid.b2),
    )
    return [float(np.median(a / b)) for a, b in pairs]


def steps_until_apart() -> int:
    """Steps of gradient descent, at rate 0.05, after which the twins differ by more than `TOLD_APART`."""
    net, x, y = drawn()
    return int(np.argmax(train_twins(net, x, y, 0.05, 20).apart > TOLD_APART))


GOLDENS = (
    Golden(
        "tanh z = 2 sigma(2z) - 1, largest error on [-8, 8]",
        "corrected",
        1e-15,
        lambda: float(np.abs(tanh_by_sigmoid(LINE) - np.tanh(LINE)).max()),
        at_most=True,
    ),
    Golden(
        "sigma(z) = (1 + tanh(z/2)) / 2, largest error on [-8, 8]",
        "corrected",
        1e-15,
        lambda: float(np.abs(sigmoid_by_tanh(LINE) - sigmoid(LINE)).max()),
        at_most=True,
    ),
    Golden(
        "sigma to tanh: W1/2, b1/2, W2/2, b2 + rowsum(W2)/2",
        "corrected",
        [1.0, -2.0, 3.0, 0.0, 0.5, -1.0, 1.5, 2.5, 11.0],
        lambda: np.concatenate([w.ravel() for w in to_tanh(SMALL).weights]),
    ),
    Golden(
        "tanh to sigma: 2 W1, 2 b1, 2 W2, b2 - rowsum(W2)",
        "corrected",
        [4.0, -8.0, 12.0, 0.0, 2.0, -4.0, 6.0, 10.0, -1.0],
        lambda: np.concatenate([w.ravel() for w in to_sigmoid(SMALL).weights]),
    ),
    Golden("twins apart, float64", "corrected", 1e-14, lambda: apart(np.float64), at_most=True),
    Golden(
        "twins apart, float64, the other way", "corrected", 1e-14, lambda: apart(np.float64, back=True), at_most=True
    ),
    Golden("twins apart, float32", "corrected", 7e-6, lambda: apart(np.float32), at_most=True),
    Golden(
        "twins apart, ONNX Runtime, of the largest output", "corrected", 7e-6, apart_in_onnx, at_most=True, needs="onnx"
    ),
    Golden(
        "convolution padded with 0: off at the first sample, within, at the last",
        "corrected",
        [0.2, 0.0, -0.2],
        lambda: at_borders(0.0),
        1e-14,
    ),
    Golden("the same padded with -1", "corrected", [0.0, 0.0, 0.0], lambda: at_borders(-1.0), 1e-14),
    Golden("gradients of the twin, as a factor: W1, b1, W2, b2", "corrected", [2.0, 2.0, 2.0, 1.0], factors, 1e-9),
    Golden("steps until the twins differ by 0.001", "corrected", 1, steps_until_apart),
    Golden(
        "a slip of sign in the denominator, 1 / (1 - e^-z), at z = 1: more than 1",
        "hand-in",
        1.5819767068693265,
        lambda: 1.0 / (1.0 - float(np.exp(-1.0))),
        1e-15,
    ),
)

LESSON = Lesson(
    name="activations",
    title="Sigmoid and tanh networks are the same functions",
    question="""
A network of two dense layers, y = W2 f(W1 x + b1) + b2, has sigmoid hidden units,
f(z) = sigma(z) = 1 / (1 + e^-z), and identity outputs. Show that there is a network with tanh
hidden units that computes exactly the same function, and give its weights.
""",
    derivation=(
        Step(
            """
The two functions. tanh z = (e^z - e^-z) / (e^z + e^-z). Divide by e^z above and below:
    tanh z = (1 - e^-2z) / (1 + e^-2z) = 2 / (1 + e^-2z) - 1 = 2 sigma(2z) - 1.
Solved for sigma, with z/2 in the place of z: sigma(z) = (1 + tanh(z/2)) / 2.
""",
            r"\tanh z = \frac{1-e^{-2z}}{1+e^{-2z}} = 2\sigma(2z)-1, \qquad "
            r" \sigma(z) = \tfrac12\bigl(1+\tanh\tfrac z2\bigr)",
        ),
        Step(
            """
Sigmoid to tanh. Put that in:
    W2 sigma(W1 x + b1) + b2 = W2 (1 + tanh((W1 x + b1) / 2)) / 2 + b2
                             = (W2/2) tanh((W1/2) x + b1/2) + b2 + (W2/2) (1, ..., 1)'.
So the twin has W1/2, b1/2, W2/2, and b2 plus half the sum of each row of W2.
""",
            r"W_1' = \tfrac12 W_1,\quad b_1' = \tfrac12 b_1,\quad W_2' = \tfrac12 W_2,\quad "
            r"b_2' = b_2 + \tfrac12 W_2\mathbf 1",
        ),
        Step(
            """
Tanh to sigmoid, the same way: W2 (2 sigma(2 (W1 x + b1)) - 1) + b2. The twin has 2 W1, 2 b1,
2 W2, and b2 less the sum of each row of W2. Each map undoes the other.
""",
            r"W_1' = 2W_1,\quad b_1' = 2b_1,\quad W_2' = 2W_2,\quad b_2' = b_2 - W_2\mathbf 1",
        ),
        Step(
            """
Convolutions are dense layers with shared weights, and the same holds: halve, and add half the
sum of each filter to the bias. But a second convolution that pads its input with zeros sees
zeros beyond the border. Of sigmoid activations 0 means "off"; in the twin off is tanh = -1, and
0 means sigma = 1/2. Each tap w of the second filter that hangs over the border is then off by
w/2: with taps (0.4, 1, -0.4), by +0.2 at the first sample and -0.2 at the last. Padding the
tanh activations with -1 restores it.
""",
            r"\tfrac12\bigl(1 + t\bigr)\Big|_{t=0} = \tfrac12 \ne 0 = \tfrac12\bigl(1+t\bigr)\Big|_{t=-1}",
        ),
        Step(
            """
The same function is not the same training. With W1' = W1/2 the chain rule gives
dL/dW1' = 2 dL/dW1: the twin's step is twice as long, in a weight that has to move half as far.
What the layer computes moves four times as far. So from equal functions, data and rates the
twins part at the first step: a parameterisation is part of the optimiser.
    (dL/dW2' = 2 dL/dW2 - dL/db2, as W2 has a part in b2'; dL/db2' = dL/db2.)
""",
            r"\frac{\partial L}{\partial W_1'} = 2\,\frac{\partial L}{\partial W_1}, \qquad "
            r"\Delta W_1 = 2\,\Delta W_1' = -4\,\eta\,\frac{\partial L}{\partial W_1}",
        ),
        Step(
            """
In practice. `nictate.exercises.twins` does this to whole models: `tanh_twin(model)` for torch,
`tanh_twin_onnx(bytes)` for ONNX files, which it verifies in ONNX Runtime. On the network of
`check` the twins differ by rounding alone: below 1e-14 in float64 and 7e-6 in float32.
"""
        ),
    ),
    answers=(
        (
            "hand-in",
            """
The identity of the two functions, with a slip of sign in the denominator. (1 / (1 - e^-z) for
1 / (1 + e^-z), say, shows at once: it is infinite at 0 and 1.58 at z = 1, where sigma is below
1.) How the weights map is missing.
""",
        ),
        (
            "corrected",
            """
W1/2, b1/2, W2/2, b2 + rowsum(W2)/2 from sigmoid to tanh; 2 W1, 2 b1, 2 W2, b2 - rowsum(W2)
back. With zero padding between convolutions: pad the tanh activations with -1.
""",
        ),
    ),
    sources=("Bishop (2006), Pattern Recognition and Machine Learning, section 5.1",),
    goldens=GOLDENS,
)
