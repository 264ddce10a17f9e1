"""What a lesson is: a question, how one gets to the answer, the answer, and the values that must come out.

Answers and values are labelled with whose they are: the *sheet*'s, the *hand-in*'s (a student's solution, partly wrong
or incomplete), or *corrected*.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np

Label = Literal["sheet", "hand-in", "corrected"]


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a derivation, for a terminal and for paper."""

    text: str
    latex: str = ""
    """Empty where the words say it all."""


@dataclass(frozen=True, slots=True)
class Golden:
    """A value that is known, and how it is computed anew."""

    what: str
    label: Label
    expected: Any
    """A number, a word, or lists of numbers. Fractions and whole numbers are exact."""
    find: Callable[[], Any]
    within: float = 0.0
    """How far each number may be off."""
    at_most: bool = False
    """Whether `expected` is a bound, and not the value."""
    needs: str = ""
    """A library beyond nictate's own that `find` imports; without it the value is not checked."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """An exercise, to be understood from itself alone."""

    name: str
    title: str
    question: str
    derivation: tuple[Step, ...]
    answers: tuple[tuple[Label, str], ...]
    sources: tuple[str, ...]
    goldens: tuple[Golden, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a `Golden`."""

    exercise: str
    what: str
    label: Label
    expected: Any
    """As `plain` has it, as is `found`."""
    found: Any
    passed: bool | None
    """None where it could not be checked."""
    note: str = ""


def check(lesson: Lesson) -> Iterable[Checked]:
    """Every value of the lesson, computed anew, one after the other."""
    for golden in lesson.goldens:
        expected = f"at most {golden.expected}" if golden.at_most else plain(golden.expected)
        if golden.needs and find_spec(golden.needs) is None:
            note = f"{golden.needs} is missing: install nictate[train]"
            yield Checked(lesson.name, golden.what, golden.label, expected, None, None, note)
            continue
        found = golden.find()
        yield Checked(lesson.name, golden.what, golden.label, expected, plain(found), agrees(golden, found))


def agrees(golden: Golden, found: Any) -> bool:
    """Whether a value is what it must be. NaN is NaN, infinities have their sign, exact is exact."""
    if isinstance(golden.expected, str):
        return bool(found == golden.expected)
    a, b = np.asarray(golden.expected), np.asarray(found)
    if a.shape != b.shape:
        return False
    if golden.at_most:
        return bool((b <= a).all())
    if a.dtype == object or b.dtype == object:
        return bool((a == b).all())
    return np.allclose(b, a, rtol=0.0, atol=golden.within, equal_nan=True)


def plain(value: Any) -> Any:
    """For JSON and for people: lists of numbers; Fractions and what is not finite as words."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Fraction) or (isinstance(value, float) and not math.isfinite(value)):
        return str(value)
    return value


def in_short(value: Any) -> str:
    """For a cell of a table: what `plain` made, with at most 6 digits, cut where it is long."""
    match value:
        case None:
            text = "-"
        case float():
            text = f"{value:.6g}"
        case list():
            text = f"[{', '.join(in_short(item) for item in value)}]"
        case _:
            text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def render(lesson: Lesson, *, latex: bool) -> str:
    """The whole lesson as text; with ``latex``, formulas are given once more for paper."""
    lines = [lesson.title, "=" * len(lesson.title), "", "Question", "--------", lesson.question.strip(), ""]
    lines += ["Derivation", "----------"]
    for k, step in enumerate(lesson.derivation, start=1):
        lines += [f"{k}. {_indented(step.text)}"]
        if latex and step.latex:
            lines += ["", *(f"    {line}" for line in step.latex.strip().splitlines())]
        lines += [""]
    lines += ["Answer", "------"]
    for label, text in lesson.answers:
        lines += [f"[{label}] {_indented(text, 4)}", ""]
    lines += ["Sources: " + "; ".join(lesson.sources) + "."]
    return "\n".join(lines)


def _indented(text: str, by: int = 3) -> str:
    return text.strip().replace("\n", "\n" + " " * by).replace("\n" + " " * by + "\n", "\n\n")
