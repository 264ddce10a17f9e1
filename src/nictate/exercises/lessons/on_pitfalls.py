"""Mistakes that cost days: NaN, and what is worse, finite and wrong."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from fractions import Fraction
from textwrap import indent
from typing import Any

import numpy as np

from nictate.exercises import pitfalls
from nictate.exercises.lesson import Golden, Lesson, Step
from nictate.exercises.pitfalls import PITFALLS, Outcome, attempt, descend, normalise
from nictate.exercises.tape import Value

START, RATE, STEPS = np.full(10, 0.5), 0.1, 40
"""Biases that are positive, on their way below 0."""
BY_NAME = {pitfall.name: pitfall for pitfall in PITFALLS}


def broken(name: str) -> Outcome:
    return attempt(BY_NAME[name].broken, BY_NAME[name].at)


def mended(name: str) -> Outcome:
    return attempt(BY_NAME[name].mended, BY_NAME[name].at)


def words(outcome: Outcome) -> str:
    """How it went, forward and backward."""
    if outcome.error:
        return outcome.error.split(":")[0]
    return f"{_kind(outcome.loss)}, {_kind(outcome.gradient)}"


def _kind(numbers: Any) -> str:
    if np.isnan(numbers).any():
        return "NaN"
    return "finite" if np.isfinite(numbers).all() else "infinite"


FAILURES = {
    "bias of 20": "ValueError",
    "log of a normal bias": "NaN, NaN",
    "log of 0": "infinite, infinite",
    "where around log": "finite, NaN",
    "no eps": "NaN, NaN",
    "eps outside the root": "finite, NaN",
    "eps outside the quotient": "NaN, NaN",
    "a single element": "NaN, NaN",
    "missing self": "TypeError",
    "over the batch": "finite, finite",
    "broadcast loss": "finite, finite",
}
"""What each mistake comes to: loss, gradient."""
HANDED_IN = {"eps outside the quotient"}
PRINTED = {"bias of 20", "log of a normal bias", "log of 0", "no eps", "a single element", "missing self"}


def _label(name: str) -> Any:
    return "hand-in" if name in HANDED_IN else "sheet" if name in PRINTED else "corrected"


def _pair(name: str) -> tuple[Golden, Golden]:
    """Names are bound here, once for each pair."""
    return (
        Golden(f"{name}: loss, gradient", _label(name), FAILURES[name], lambda: words(broken(name))),
        Golden(f"{name}, mended", "corrected", "finite, finite", lambda: words(mended(name))),
    )


def first_nan(function: Callable[[Value], Value], start: Any) -> int:
    """The first step at which the loss is NaN; -1 where it never is."""
    lost = np.isnan(descend(function, start, RATE, STEPS))
    return int(np.argmax(lost)) if lost.any() else -1


GOLDENS = (
    Golden(
        "10 normal numbers are all positive with probability",
        "corrected",
        Fraction(1, 1024),
        lambda: Fraction(1, 2) ** 10,
    ),
    *(golden for pitfall in PITFALLS for golden in _pair(pitfall.name)),
    Golden(
        "a positive bias drifts across 0: the first loss that is NaN",
        "corrected",
        3,
        lambda: first_nan(pitfalls.log_of_bias, START),
    ),
    Golden("the same by its logarithm", "corrected", -1, lambda: first_nan(pitfalls.log_as_parameter, np.log(START))),
    Golden(
        "where around log: gradient at 0", "corrected", float("nan"), lambda: broken("where around log").gradient[0]
    ),
    Golden("where within log: gradient at 0", "corrected", 0.0, lambda: mended("where around log").gradient[0]),
    Golden(
        "normalised 1, 2, 4 against mean 7/3 and variance 14/9, eps inside the root",
        "corrected",
        ((np.array([1, 2, 4]) - 7 / 3) / np.sqrt(14 / 9 + pitfalls.EPS)).tolist(),
        lambda: normalise(Value([1.0, 2.0, 4.0])).data,
        1e-15,
    ),
    Golden(
        "over the batch: gradient that leaks to the other example, largest",
        "corrected",
        0.0183,
        lambda: np.abs(broken("over the batch").gradient[1]).max(),
        5e-5,
    ),
    Golden("over each example: the same", "corrected", 0.0, lambda: np.abs(mended("over the batch").gradient[1]).max()),
    Golden("broadcast loss of perfect predictions", "corrected", 4 / 3, lambda: broken("broadcast loss").loss, 1e-15),
    Golden("shaped loss of perfect predictions", "corrected", 0.0, lambda: mended("broadcast loss").loss),
    Golden(
        "normalise equals torch's layer_norm, largest difference",
        "corrected",
        1e-12,
        lambda: _against_torch(),
        at_most=True,
        needs="torch",
    ),
)


def _against_torch() -> float:
    import torch

    x = np.random.default_rng(0).standard_normal((4, 6))
    theirs = torch.nn.functional.layer_norm(torch.from_numpy(x), (6,), eps=pitfalls.EPS).numpy()
    return float(np.abs(normalise(Value(x), axis=-1).data - theirs).max())


CLASSES: dict[object, type] = {pitfalls.missing_self: pitfalls.NormWithoutSelf, pitfalls.with_self: pitfalls.Norm}


def code(function: Callable[..., object]) -> str:
    """Its source, without docstring and notes to the type checker."""
    source = inspect.getsource(CLASSES.get(function, function))
    lines = [line.split("  #")[0] for line in source.rstrip().splitlines() if '"""' not in line]
    return indent("\n".join(lines), "    ")


def _shown(name: str) -> Step:
    pitfall = BY_NAME[name]
    return Step(
        f"{name}: {pitfall.mistake}\n"
        f"{code(pitfall.broken)}\n{_told(broken(name))}\n{code(pitfall.mended)}\n{_told(mended(name))}"
    )


def _told(outcome: Outcome) -> str:
    return indent(f"-> {outcome}", "    ").replace("\n", "\n   ")


LESSON = Lesson(
    name="pitfalls",
    title="Common mistakes",
    question="""
a) bias = randn(20), layer = Linear(20, 10), output layer(x) + log(bias), mean squared error.
   After a few steps the loss is NaN. Two reasons?
b) A class normalises a vector "without batch dimension", in a method
   def forward(x): return (x - x.mean()) / x.var().sqrt(). What is wrong with it?
""",
    derivation=(
        Step(
            """
a) As printed it never runs: 10 outputs, 20 biases. With 10 of each there are two reasons.
First, the logarithm of a negative number is NaN, and 10 normal numbers are all positive with
probability 2^-10 = 1/1024 only (log 0 would be -inf, with an infinite slope). Second, a bias
that starts positive need not stay so: d log(b)/db = 1/b grows as b falls, and a step can carry
it across 0. Mend it by learning the logarithm itself (or a softplus of something), so that every
number is allowed; then it is a bias, which Linear has already.
""",
            r"\Pr(b_1,\dots,b_{10} > 0) = 2^{-10}, \qquad \frac{\partial \log b}{\partial b} = \frac1b, \qquad "
            r"b = e^{a},\; a \in \mathbb R",
        ),
        Step(
            """
Guarding it with where(p > 0, log p, 0) saves the loss and not the gradient. Backward, both
branches are visited: where hands 0 to the branch that was not taken, log multiplies by 1/p, and
0 times infinity is NaN. Choose before the logarithm, so that it never sees the 0.
""",
            r"0 \cdot \frac{1}{p}\Big|_{p=0} = 0 \cdot \infty = \mathrm{NaN}",
        ),
        Step(
            """
b) `self` is missing, so the call hands over one argument too many. A constant input gives 0/0. A
single element has an unbiased variance of 0/0, since that divides by n - 1. Right is
    (x - mean) / sqrt(var + eps), var over n,
which is layer normalisation. Where eps stands matters: outside the root, the root of 0 has an
infinite slope, and the gradient is NaN while the loss looks sound; outside the quotient 0/0 is
still 0/0. Mean and variance of the whole tensor are right for a single vector, and wrong for a
batch: there each example must be taken by itself, or what is said of one depends on the others.
""",
            r"\hat x = \frac{x-\mu}{\sqrt{\sigma^2+\epsilon}}, \qquad \sigma^2 = \tfrac1n\sum_i (x_i-\mu)^2, \qquad "
            r"\frac{d\sqrt v}{dv}\Big|_{v=0} = \infty",
        ),
        Step(
            """
The quietest one: predictions of shape (n, 1) less targets of shape (n,) are (n, n). Every
prediction is compared with every target, the loss is finite, falls, and is least where all
predictions are the mean of the targets.
""",
            r"\frac1{n^2}\sum_{i,j}(\hat y_i - y_j)^2 \quad\text{for}\quad \frac1n\sum_i(\hat y_i-y_i)^2",
        ),
        Step(
            f"""
Each as code that runs. What comes out is told below it: the loss, and its gradient by the argument.
The loss of all is the squared error against 0, 1, 2 ...; `log`, `sqrt` and `where` are those of
`nictate.exercises.tape`, which differentiates as torch does.
{code(pitfalls.squared_error)}
{code(pitfalls.normalise)}
"""
        ),
        *(_shown(name) for name in BY_NAME),
        Step(
            """
In the detector. `nictate train` runs under `nictate.training.nan_guard`, which names the first
module whose output or gradient is not finite. What the network is shown is a logarithm-like
asinh of a ratio whose denominator has a floor: nothing can divide by 0.
"""
        ),
    ),
    answers=(
        ("hand-in", "a) One reason of two. b) eps, but outside the quotient: a constant input is still NaN."),
        (
            "corrected",
            """
a) Biases that are negative at the start, and biases that drift across 0; learn the logarithm.
b) self, and eps inside the root, with the variance over n, over each example by itself.
""",
        ),
    ),
    sources=(
        "Ba, Kiros and Hinton (2016), Layer normalization, arXiv:1607.06450",
        "Karpathy (2019), A recipe for training neural networks",
    ),
    goldens=GOLDENS,
)
