"""A network of sigmoid units and one of tanh units are the same network, with other weights.

    sigma(z) = 1 / (1 + e^-z),    tanh z = 2 sigma(2z) - 1,    sigma(z) = (1 + tanh(z/2)) / 2

The two squashing functions differ by a scale and a shift on either side, which the dense layers around them absorb
(Bishop 2006, section 5.1). A convolution that pads with zeros cannot absorb the shift at its borders. And what is the
same function is not the same to train: gradients do not see the function but its weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nictate.exercises.tape import Value, tanh, value
from nictate.signals import FloatArray


@dataclass(frozen=True, slots=True)
class Dense:
    """Two dense layers, y = W2 f(W1 x + b1) + b2, with f = sigma or tanh."""

    W1: FloatArray
    """(hidden, inputs)"""
    b1: FloatArray
    """(hidden,)"""
    W2: FloatArray
    """(outputs, hidden)"""
    b2: FloatArray
    """(outputs,)"""

    def astype(self, kind: npt.DTypeLike) -> Dense:
        return Dense(*(w.astype(kind) for w in self.weights))

    @property
    def weights(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        return self.W1, self.b1, self.W2, self.b2


def sigmoid(z: FloatArray) -> FloatArray:
    """sigma(z), without overflow: e to the -|z| alone is ever formed."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0.0, 1.0, e) / (1.0 + e)


def sigmoid_by_tanh(z: FloatArray) -> FloatArray:
    """sigma(z) = (1 + tanh(z/2)) / 2"""
    return (1.0 + np.tanh(z / 2.0)) / 2.0


def tanh_by_sigmoid(z: FloatArray) -> FloatArray:
    """tanh z = 2 sigma(2z) - 1"""
    return 2.0 * sigmoid(2.0 * z) - 1.0


def sigmoid_net(net: Dense, x: FloatArray) -> FloatArray:
    """(outputs, n) of ``x`` (inputs, n)."""
    return net.W2 @ sigmoid(net.W1 @ x + net.b1[:, np.newaxis]) + net.b2[:, np.newaxis]


def tanh_net(net: Dense, x: FloatArray) -> FloatArray:
    """(outputs, n) of ``x`` (inputs, n)."""
    return net.W2 @ np.tanh(net.W1 @ x + net.b1[:, np.newaxis]) + net.b2[:, np.newaxis]


def to_tanh(net: Dense) -> Dense:
    """The tanh network that computes what the sigmoid network ``net`` does.

    W2 (1 + tanh((W1 x + b1) / 2)) / 2 + b2: halve everything, and add to b2 what the shift by 1/2 is worth, half the
    sum of each row of W2.
    """
    return Dense(net.W1 / 2.0, net.b1 / 2.0, net.W2 / 2.0, net.b2 + net.W2.sum(axis=1) / 2.0)


def to_sigmoid(net: Dense) -> Dense:
    """The sigmoid network that computes what the tanh network ``net`` does: the inverse of `to_tanh`.

    W2 (2 sigma(2 (W1 x + b1)) - 1) + b2: double everything, and take the sum of each row of W2 from b2.
    """
    return Dense(2.0 * net.W1, 2.0 * net.b1, 2.0 * net.W2, net.b2 - net.W2.sum(axis=1))


# The convolutional case, in one dimension and with one channel: enough for the trap.


@dataclass(frozen=True, slots=True)
class Convolutional:
    """Two convolutions, y = w2 * pad(f(w1 * x + b1)) + b2: the first one valid, the second as long as its input."""

    w1: FloatArray
    """(taps,)"""
    b1: float
    w2: FloatArray
    """(taps,), an odd number"""
    b2: float

    def to_tanh(self) -> Convolutional:
        """As `nictate.exercises.activations.to_tanh`: right wherever the second filter sees true activations only."""
        return Convolutional(self.w1 / 2.0, self.b1 / 2.0, self.w2 / 2.0, self.b2 + float(self.w2.sum()) / 2.0)


def sigmoid_conv(net: Convolutional, x: FloatArray) -> FloatArray:
    """(n - taps + 1,) of ``x`` (n,); the activations are padded with zeros, as everybody does."""
    return _second(net, sigmoid(_first(net, x)), outside=0.0)


def tanh_conv(net: Convolutional, x: FloatArray, outside: float = -1.0) -> FloatArray:
    """The same with tanh; ``outside`` is what the activations are padded with.

    sigma = 0 where tanh = -1: the twin of padding with 0 is padding with -1. Padding with 0 says sigma = 1/2 there, and
    adds half of each tap of w2 that hangs over the border.
    """
    return _second(net, np.tanh(_first(net, x)), outside)


def _first(net: Convolutional, x: FloatArray) -> FloatArray:
    return np.correlate(x, net.w1, "valid") + net.b1


def _second(net: Convolutional, a: FloatArray, outside: float) -> FloatArray:
    border = len(net.w2) // 2
    return np.correlate(np.pad(a, border, constant_values=outside), net.w2, "valid") + net.b2


# Training.


@dataclass(frozen=True, slots=True)
class Trained:
    """Twins on their way, from the same function and with the same data and steps."""

    losses: FloatArray
    """(steps, 2): of the sigmoid network and of the tanh network, mean squared error before each step."""
    apart: FloatArray
    """(steps,): the largest difference of their outputs before each step."""


def gradients(net: Dense, x: FloatArray, y: FloatArray, *, of_tanh: bool) -> tuple[float, Dense]:
    """Mean squared error on ``x`` (inputs, n), ``y`` (outputs, n), and its gradient by each weight."""
    W1, b1, W2, b2 = (Value(w) for w in (net.W1, net.b1[:, np.newaxis], net.W2, net.b2[:, np.newaxis]))
    z = W1 @ value(x) + b1
    hidden = tanh(z) if of_tanh else (tanh(z * 0.5) + 1.0) * 0.5
    error = W2 @ hidden + b2 - y
    loss = (error * error).mean()
    loss.backward()
    return float(loss.data), Dense(W1.gradient, b1.gradient[:, 0], W2.gradient, b2.gradient[:, 0])


def step(net: Dense, gradient: Dense, rate: float) -> Dense:
    """Gradient descent: w <- w - rate dL/dw."""
    return Dense(*(w - rate * g for w, g in zip(net.weights, gradient.weights, strict=True)))


def train_twins(net: Dense, x: FloatArray, y: FloatArray, rate: float, steps: int) -> Trained:
    """Train the sigmoid network ``net`` and its tanh twin side by side.

    With W1' = W1/2, dL/dW1' = 2 dL/dW1: the twin steps twice as far in weights that need to go half as far, four times
    as far in what the network computes. So one rate is two.
    """
    twin = to_tanh(net)
    losses, apart = np.empty((steps, 2)), np.empty(steps)
    for k in range(steps):
        apart[k] = np.abs(sigmoid_net(net, x) - tanh_net(twin, x)).max()
        losses[k, 0], down = gradients(net, x, y, of_tanh=False)
        losses[k, 1], twin_down = gradients(twin, x, y, of_tanh=True)
        net, twin = step(net, down, rate), step(twin, twin_down, rate)
    return Trained(losses, apart)
