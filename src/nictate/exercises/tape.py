"""Reverse-mode differentiation of numpy code, in one sitting.

Each `Value` remembers what it was made of and how to pull a gradient back to it; `backward` walks that graph once, from
the end. After micrograd (Karpathy 2020), with arrays in the place of scalars. The rules are applied mechanically, as
torch does it: 0 times infinity is NaN here as there, which is what `nictate.exercises.pitfalls` is about.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from nictate.signals import BoolArray, FloatArray


class Value:
    """An array and, after `backward`, the gradient of the end with respect to it, of the same shape."""

    __array_ufunc__ = None  # So that ``array * value`` comes here and is not taken apart by numpy.

    def __init__(
        self,
        data: npt.ArrayLike,
        inputs: tuple[Value, ...] = (),
        pull: Callable[[FloatArray], tuple[FloatArray, ...]] = lambda _: (),
    ) -> None:
        self.data: FloatArray = np.asarray(data, dtype=np.float64)
        self.gradient: FloatArray = np.zeros_like(self.data)
        self._inputs, self._pull = inputs, pull

    def __add__(self, other: Value | npt.ArrayLike) -> Value:
        a, b = self, value(other)
        return Value(a.data + b.data, (a, b), lambda g: (g, g))

    def __mul__(self, other: Value | npt.ArrayLike) -> Value:
        a, b = self, value(other)
        return Value(a.data * b.data, (a, b), lambda g: (g * b.data, g * a.data))

    def __truediv__(self, other: Value | npt.ArrayLike) -> Value:
        a, b = self, value(other)
        return Value(a.data / b.data, (a, b), lambda g: (g / b.data, -g * a.data / b.data**2))

    def __matmul__(self, other: Value | npt.ArrayLike) -> Value:
        """Of matrices, (m, k) and (k, n)."""
        a, b = self, value(other)
        return Value(a.data @ b.data, (a, b), lambda g: (g @ b.data.T, a.data.T @ g))

    def __neg__(self) -> Value:
        return self * -1.0

    def __sub__(self, other: Value | npt.ArrayLike) -> Value:
        return self + -value(other)

    def __radd__(self, other: npt.ArrayLike) -> Value:
        return self + other

    def __rsub__(self, other: npt.ArrayLike) -> Value:
        return -self + other

    def __rmul__(self, other: npt.ArrayLike) -> Value:
        return self * other

    def __rmatmul__(self, other: npt.ArrayLike) -> Value:
        return value(other) @ self

    def sum(self, axis: int | None = None) -> Value:
        """Over one axis, which stays with length 1, or over all."""
        total = self.data.sum(axis=axis, keepdims=axis is not None)
        return Value(total, (self,), lambda g: (np.broadcast_to(g, self.data.shape),))

    def mean(self, axis: int | None = None) -> Value:
        """As `sum`, over the count."""
        total = self.sum(axis)
        return total * (total.data.size / self.data.size)

    def backward(self) -> None:
        """Fills in the gradient of this scalar with respect to all that it was made of. Once for each graph."""
        order: list[Value] = []
        _visit(self, set(), order)
        self.gradient = np.ones_like(self.data)
        for node in reversed(order):
            for source, g in zip(node._inputs, node._pull(node.gradient), strict=True):
                source.gradient = source.gradient + _fold(g, source.data.shape)


def value(x: Value | npt.ArrayLike) -> Value:
    return x if isinstance(x, Value) else Value(x)


def log(x: Value) -> Value:
    return Value(np.log(x.data), (x,), lambda g: (g / x.data,))


def sqrt(x: Value) -> Value:
    root = np.sqrt(x.data)
    return Value(root, (x,), lambda g: (g / (2.0 * root),))


def tanh(x: Value) -> Value:
    y = np.tanh(x.data)
    return Value(y, (x,), lambda g: (g * (1.0 - y**2),))


def where(condition: BoolArray, a: Value | npt.ArrayLike, b: Value | npt.ArrayLike) -> Value:
    """``a`` where the condition holds, ``b`` elsewhere. Both have been computed, and both get a gradient: g or 0."""
    a, b = value(a), value(b)
    return Value(
        np.where(condition, a.data, b.data),
        (a, b),
        lambda g: (np.where(condition, g, 0.0), np.where(condition, 0.0, g)),
    )


def _visit(node: Value, seen: set[int], order: list[Value]) -> None:
    """What a value was made of comes before it."""
    if id(node) not in seen:
        seen.add(id(node))
        for source in node._inputs:
            _visit(source, seen, order)
        order.append(node)


def _fold(g: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """A gradient, summed over what broadcasting had repeated."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return np.asarray(g.sum(axis=tuple(k for k, n in enumerate(shape) if n == 1), keepdims=True))
