from __future__ import annotations

from fractions import Fraction

from lesson_facts import expects, reads_alone

from nictate.exercises.lessons.on_case_study import LESSON


def test_it_reads_from_itself_alone() -> None:
    reads_alone(LESSON, "0.1 %", "99.9 %", "250 Hz", "70 %", "30 %", "coin", "precision-recall", "blink source")


def test_every_known_number_is_in_it() -> None:
    expects(LESSON, Fraction(1, 1000), 0.999, 0.30)
