from __future__ import annotations

import pytest
from lesson_facts import expects, reads_alone

from nictate.exercises.lessons.on_weight_decay import LESSON, apart


def test_it_reads_from_itself_alone() -> None:
    reads_alone(LESSON, "alpha' (1 - lambda_d)", "0.9900", "0.9890", "printed with a minus", "AdamW")


def test_every_known_number_is_in_it() -> None:
    expects(LESSON, 0.99, 0.989, 1.01)


@pytest.mark.parametrize("momentum", [0.1, 0.9])
def test_remapping_is_needed_and_enough(momentum: float) -> None:
    assert apart(momentum, remapped=True) < 1e-12
    assert apart(momentum, remapped=False) > 1e-3
