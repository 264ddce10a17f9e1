"""What every lesson must be: right, complete, and told so that nothing else is needed."""

from __future__ import annotations

from typing import Any

from nictate.exercises.lesson import Lesson, check, plain, render


def reads_alone(lesson: Lesson, *words: str) -> None:
    """Question, derivation and answer are there, in lines that a terminal shows, with these words."""
    text, with_formulas = render(lesson, latex=False), render(lesson, latex=True)
    for word in (lesson.title, "Question", "Derivation", "Answer", "Sources", *words):
        assert word in text, word
    assert {label for label, _ in lesson.answers} <= {"sheet", "hand-in", "corrected"}
    assert "corrected" in {label for label, _ in lesson.answers}
    assert max(len(line) for line in text.split("Sources: ")[0].splitlines()) <= 120
    assert len(with_formulas) > len(text)
    formulas = [step.latex for step in lesson.derivation if step.latex]
    assert all(formula.count("{") == formula.count("}") for formula in formulas)
    assert len(formulas) >= 2


def expects(lesson: Lesson, *values: Any) -> None:
    """All of its values are found anew, and these are among them."""
    wrong = [(one.what, one.expected, one.found) for one in check(lesson) if one.passed is not True]
    assert wrong == []
    known = [plain(golden.expected) for golden in lesson.goldens]
    for value in values:
        assert plain(value) in known, value
    names = [golden.what for golden in lesson.goldens]
    assert len(set(names)) == len(names)
