from __future__ import annotations

import numpy as np
from lesson_facts import expects, reads_alone

from nictate.exercises.lessons.on_convolution import BESIDE, LESSON, W, X, curvature, loss

CONVOLUTION = np.array([[-2, -6, 3, 0], [3, 7, 0, -1], [-1, 3, -1, 2], [-2, -3, 0, -2]])


def test_it_reads_from_itself_alone() -> None:
    rows = ["  ".join(map(str, X[0]))]
    reads_alone(LESSON, rows[0].replace("  ", " "), "[61, 63, 46, 43]", "[46, 39, 29, 28]", "torch.conv2d", "kink")


def test_every_known_number_is_in_it() -> None:
    expects(
        LESSON,
        CONVOLUTION,
        -CONVOLUTION,
        [[2, 6, 0, 0], [0, 0, 0, 1], [1, 0, 1, 0], [2, 3, 0, 2]],
        18,
        17,
        [61, 63, 46, 43],
        [46, 39, 29, 28],
        3,
        np.zeros((4, 4)),
    )


def test_across_the_kink_there_is_curvature() -> None:
    assert np.abs(curvature(W.astype(float))).max() > 1000.0
    assert not curvature(BESIDE).any()
    assert loss(0.0 * W) == 1.0
