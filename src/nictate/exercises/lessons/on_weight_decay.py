"""Weight decay and L2, coupled and not."""

from __future__ import annotations

import numpy as np

from nictate.exercises.lesson import Golden, Lesson, Step
from nictate.exercises.weight_decay import (
    Coupled,
    Decoupled,
    Moving,
    adam_l2,
    adamw,
    as_l2,
    as_printed,
    decoupled,
    l2,
    resting,
)
from nictate.signals import FloatArray

ONE = np.array([1.0])
REST = Moving(ONE, np.zeros(1))
STEPS = 50
SHARE = Decoupled(rate=0.1, momentum=0.9, decay=0.02)


def gradient(theta: FloatArray) -> FloatArray:
    """Of some bumpy loss: theta²/2 + sin(3 theta)."""
    return theta + 3.0 * np.cos(3.0 * theta)


def paths(coupled: Coupled, start: Moving, share: Decoupled) -> tuple[FloatArray, FloatArray]:
    """(STEPS,) the weight after each step of `l2` from ``start`` and of `decoupled` from theta = 1 at rest."""
    a, b = start, REST
    pairs = []
    for _ in range(STEPS):
        a = l2(a, gradient(a.theta), coupled)
        b = decoupled(b, gradient(b.theta), share)
        pairs.append((a.theta[0], b.theta[0]))
    of_l2, of_decoupled = np.array(pairs).T
    return of_l2, of_decoupled


def apart(momentum: float, *, remapped: bool) -> float:
    """Largest distance of the two paths; where not ``remapped``, lambda = lambda_d / epsilon, as without momentum."""
    share = Decoupled(SHARE.rate, momentum, SHARE.decay)
    coupled, start = Coupled(share.rate, momentum, share.decay / share.rate), REST
    if remapped:
        coupled, start = as_l2(share, ONE)
    a, b = paths(coupled, start, share)
    return float(np.abs(a - b).max())


def remapped() -> list[float]:
    coupled, start = as_l2(SHARE, ONE)
    return [coupled.momentum, coupled.penalty, float(start.v[0])]


GOLDENS = (
    Golden(
        "decoupled, alone: theta = 1 with lambda = 0.1 and no gradient",
        "sheet",
        0.9,
        lambda: float(decoupled(REST, np.zeros(1), Decoupled(0.1, 0.0, 0.1)).theta[0]),
        1e-15,
    ),
    Golden(
        "coupled as printed, the same with epsilon = 0.1: growth",
        "sheet",
        1.01,
        lambda: float(as_printed(REST, np.zeros(1), Coupled(0.1, 0.0, 0.1)).theta[0]),
        1e-15,
    ),
    Golden(
        "coupled with +: decay",
        "corrected",
        0.99,
        lambda: float(l2(REST, np.zeros(1), Coupled(0.1, 0.0, 0.1)).theta[0]),
        1e-15,
    ),
    Golden(
        "without momentum: paths of L2 and decoupled apart",
        "corrected",
        1e-13,
        lambda: apart(0.0, remapped=False),
        at_most=True,
    ),
    Golden(
        "with momentum 0.9, parameters as without it: apart by more than 0.01",
        "corrected",
        "yes",
        lambda: "yes" if apart(0.9, remapped=False) > 0.01 else "no",
    ),
    Golden(
        "remapped: alpha'(1 - lambda_d), lambda_d (1 - alpha')/epsilon, -lambda_d theta0/(1 - lambda_d)",
        "corrected",
        [0.9 * 0.98, 0.02 * 0.1 / 0.1, -0.02 / 0.98],
        remapped,
        1e-15,
    ),
    Golden("with momentum, remapped: apart", "corrected", 1e-12, lambda: apart(0.9, remapped=True), at_most=True),
    Golden(
        "Adam with L2, one step from 1 (rate 0.01, lambda 0.1)",
        "corrected",
        0.9900,
        lambda: float(adam_l2(resting(ONE), ONE, 0.01, 0.1).theta[0]),
        1e-9,
    ),
    Golden(
        "Adam decoupled (AdamW), the same step",
        "corrected",
        0.9890,
        lambda: float(adamw(resting(ONE), ONE, 0.01, 0.1).theta[0]),
        1e-9,
    ),
)

LESSON = Lesson(
    name="weight_decay",
    title="Weight decay and L2 regularisation",
    question="""
Two ways to keep weights small while descending a gradient g with momentum, rate epsilon:
    decoupled   v <- alpha v - epsilon g,                    theta <- (1 - lambda) theta + v
    coupled     v <- alpha v - epsilon (g - lambda theta),   theta <- theta + v
Compare them with L2 regularisation, which adds lambda/2 |theta|² to the loss. When are they the
same?
""",
    derivation=(
        Step(
            """
L2. The penalty's gradient is lambda theta, so the step is
    v <- alpha v - epsilon (g + lambda theta),    theta <- theta + v.
The coupled rule should be this, and is printed with a minus: without any gradient, theta = 1
becomes 1 + epsilon lambda, 1.01, and grows for ever. With + it is L2, word for word.
""",
            r"\nabla\bigl(L + \tfrac\lambda2|\theta|^2\bigr) = g + \lambda\theta, \qquad "
            r"v \leftarrow \alpha v - \varepsilon(g + \lambda\theta)",
        ),
        Step(
            """
Without momentum. L2: theta <- (1 - epsilon lambda) theta - epsilon g. Decoupled:
theta <- (1 - lambda_d) theta - epsilon g. The same, with lambda_d = epsilon lambda.
""",
            r"\lambda_d = \varepsilon\lambda \qquad (\alpha = 0)",
        ),
        Step(
            """
With momentum. Both are recursions of theta over two steps. Eliminate v:
    L2         theta_next - theta = alpha (theta - theta_last) - epsilon lambda theta - epsilon g
    decoupled  theta_next - theta = alpha' (1 - lambda_d) (theta - theta_last)
                                    - lambda_d (1 - alpha') theta - epsilon g
They are the same when alpha = alpha' (1 - lambda_d) and lambda = lambda_d (1 - alpha') / epsilon,
and when the first step agrees too: v0 = -lambda_d theta0 / (1 - lambda_d) for L2, where decoupled
starts at rest. So there is nothing in SGD that one can do and the other cannot; but the same
lambda and alpha mean different things, and tuning one while the other is fixed differs.
""",
            r"\alpha = \alpha'(1-\lambda_d), \qquad \lambda = \frac{\lambda_d(1-\alpha')}{\varepsilon}, \qquad "
            r"v_0 = -\frac{\lambda_d\,\theta_0}{1-\lambda_d}",
        ),
        Step(
            """
Adam divides each step by sqrt(s), the running size of that weight's gradient. With L2 the term
lambda theta is divided by it too: weights with large gradients are hardly decayed. In the first
step the quotient is g / |g| = 1 whatever lambda is: from theta = 1 with rate 0.01 and
lambda = 0.1, L2 goes to 1 - 0.01 = 0.9900. Decoupled goes to (1 - 0.01 * 0.1) - 0.01 = 0.9890.
No remapping mends that, as sqrt(s) is another number for each weight and step.
""",
            r"\theta_1^{L_2} = 1 - \eta\,\frac{g+\lambda}{|g+\lambda|} = 0.9900, \qquad "
            r"\theta_1^{W} = (1-\eta\lambda) - \eta\,\frac{g}{|g|} = 0.9890",
        ),
        Step(
            """
In the detector. `nictate train` uses AdamW for that reason: its decay means the same for every
weight. It is customary to leave biases and the scales of norms out of the decay: they are few,
do not overfit, and have no reason to be near 0.
"""
        ),
    ),
    answers=(
        ("sheet", "The rules as in the question; the sign of the coupled one is wrong: it makes weights grow."),
        ("hand-in", "This part was not handed in."),
        (
            "corrected",
            """
With +, coupled decay is L2. Decoupled decay is L2 without momentum (lambda_d = epsilon lambda),
and with it after remapping alpha, lambda and v0. For Adam they differ: 0.9900 against 0.9890.
""",
        ),
    ),
    sources=(
        "Hanson and Pratt (1988), Comparing biases for minimal network construction, NIPS 1",
        "Loshchilov and Hutter (2019), Decoupled weight decay regularization, ICLR",
    ),
    goldens=GOLDENS,
)
