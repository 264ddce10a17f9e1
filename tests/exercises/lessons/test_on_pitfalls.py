from __future__ import annotations

from fractions import Fraction

import numpy as np
from lesson_facts import expects, reads_alone

from nictate.exercises import pitfalls
from nictate.exercises.lessons.on_pitfalls import LESSON, code, first_nan


def test_it_reads_from_itself_alone() -> None:
    reads_alone(
        LESSON, "2^-10", "d log(b)/db = 1/b", "sqrt(var + eps)", "def where_of_log", "class NormWithoutSelf", "0/0"
    )


def test_every_known_number_is_in_it() -> None:
    expects(LESSON, Fraction(1, 1024), "ValueError", "TypeError", "NaN, NaN", "finite, NaN", "infinite, infinite")


def test_a_bias_that_has_nowhere_to_drift_stays() -> None:
    assert first_nan(pitfalls.log_of_bias, np.full(10, 50.0)) == -1


def test_code_is_shown_without_what_is_for_the_type_checker() -> None:
    shown = code(pitfalls.missing_self)
    assert "def forward(x: Value)" in shown
    assert "type: ignore" not in shown
    assert '"""' not in code(pitfalls.eps_outside_the_root)
