from __future__ import annotations

from fractions import Fraction as Q

from lesson_facts import expects, reads_alone

from nictate.exercises.lessons.on_bayes import LESSON


def test_it_reads_from_itself_alone() -> None:
    reads_alone(LESSON, "2x/3 + 1/2", "x²/6 - x/2 + 5/8", "(13/17, 1/17)", "-5.51251", "epistemic", "0.899")


def test_every_known_number_is_in_it() -> None:
    expects(
        LESSON,
        [[15, 6], [6, 4]],
        24,
        [[Q(1, 6), Q(-1, 4)], [Q(-1, 4), Q(5, 8)]],
        [13, 6],
        [Q(2, 3), Q(1, 2)],
        [Q(1, 6), Q(-1, 2), Q(5, 8)],
        Q(1),
        Q(3, 2),
        [0.5, 1.0],
        -5.51251,
        [[Q(1, 3), Q(1, 6)], [Q(13, 17), Q(1, 17)], [Q(2, 3), Q(1, 2)]],
    )
