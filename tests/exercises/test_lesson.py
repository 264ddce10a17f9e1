from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from nictate.exercises.lesson import Golden, Lesson, Step, agrees, check, in_short, plain, render

HALF = Fraction(1, 2)


def golden(expected: Any, found: Any = None, **options: Any) -> Golden:
    return Golden("x", "corrected", expected, lambda: found, **options)


@pytest.mark.parametrize(
    ("expected", "found", "within", "right"),
    [
        (1, 1, 0.0, True),
        (1, 2, 0.0, False),
        (1.0, 1.0 + 1e-9, 0.0, False),
        (1.0, 1.0 + 1e-9, 1e-8, True),
        ([1, 2], np.array([1, 2]), 0.0, True),
        ([1, 2], np.array([1, 2, 3]), 0.0, False),
        ([1, 2], 1, 0.0, False),
        (HALF, HALF, 0.0, True),
        (HALF, Fraction(1, 3), 0.0, False),
        ([[HALF, 1]], np.array([[HALF, Fraction(1)]]), 0.0, True),
        ([13, 6], np.array([Fraction(13), Fraction(6)]), 0.0, True),
        (np.nan, np.nan, 0.0, True),
        (np.nan, 0.0, 1.0, False),
        (0.0, np.nan, 1.0, False),
        (np.inf, np.inf, 0.0, True),
        (np.inf, -np.inf, 0.0, False),
        ("NaN", "NaN", 0.0, True),
        ("NaN", "finite", 0.0, False),
        ("1", 1, 0.0, False),
    ],
)
def test_a_value_is_right_only_if_it_is_what_it_must_be(expected: Any, found: Any, within: float, right: bool) -> None:
    assert agrees(golden(expected, within=within), found) is right


@pytest.mark.parametrize(("found", "right"), [(0.9, True), (1.0, True), (1.1, False), (np.nan, False)])
def test_a_bound_is_not_exceeded(found: float, right: bool) -> None:
    assert agrees(golden(1.0, at_most=True), found) is right


def lesson(*goldens: Golden) -> Lesson:
    return Lesson(
        name="name",
        title="A title",
        question="\nWhat is it?\nSay.\n",
        derivation=(Step("\nFirst this,\nthen that.\n\nThen more.\n", r"a^2"), Step("Words.", "")),
        answers=(("hand-in", "wrong"), ("corrected", "\nright,\nof course\n")),
        sources=("One (1900)", "Two (2000)"),
        goldens=goldens,
    )


def test_checking_tells_what_was_found_and_what_could_not_be_asked() -> None:
    found = list(
        check(
            lesson(
                golden(1, 1),
                golden(HALF, Fraction(1, 3)),
                golden(0.5, 0.25, at_most=True),
                golden(2, 2, needs="numpy"),
                golden(3, 3, needs="a_library_that_nobody_has"),
            )
        )
    )
    assert [one.passed for one in found] == [True, False, True, True, None]
    assert (found[1].expected, found[1].found) == ("1/2", "1/3")
    assert found[2].expected == "at most 0.5"
    assert found[4].found is None
    assert "a_library_that_nobody_has" in found[4].note
    assert {one.exercise for one in found} == {"name"}


def test_everything_becomes_json() -> None:
    values = [HALF, np.float64(1.5), np.array([[1, 2]]), np.nan, -np.inf, "word", (1, Fraction(2)), np.array([HALF])]
    assert json.loads(json.dumps(plain(values), allow_nan=False)) == [
        "1/2", 1.5, [[1, 2]], "nan", "-inf", "word", [1, "2"], ["1/2"]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (1.23456789, "1.23457"), ([1, [2.5, "a"]], "[1, [2.5, a]]"), ("x" * 61, "x" * 57 + "..."), (7, "7")],
)
def test_cells_are_short(value: Any, text: str) -> None:
    assert in_short(value) == text


def test_a_lesson_reads_from_question_to_answer() -> None:
    text = render(lesson(), latex=False)
    assert text == "\n".join(
        [
            "A title", "=======", "",
            "Question", "--------", "What is it?", "Say.", "",
            "Derivation", "----------",
            "1. First this,", "   then that.", "", "   Then more.", "",
            "2. Words.", "",
            "Answer", "------",
            "[hand-in] wrong", "",
            "[corrected] right,", "    of course", "",
            "Sources: One (1900); Two (2000).",
        ]
    )  # fmt: skip
    with_formulas = render(lesson(), latex=True)
    assert "    a^2\n" in with_formulas
    assert with_formulas.replace("\n    a^2\n", "") == text
