from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from lesson_facts import expects, reads_alone

from nictate.exercises import twins
from nictate.exercises.lesson import check
from nictate.exercises.lessons import on_activations
from nictate.exercises.lessons.on_activations import LESSON, apart, at_borders


def test_it_reads_from_itself_alone() -> None:
    reads_alone(LESSON, "W2/2", "rowsum(W2)", "2 sigma(2z) - 1", "padding", "twice as long")


def test_every_known_number_is_in_it() -> None:
    expects(LESSON, [0.2, 0.0, -0.2], 1e-14, 7e-6, [2.0, 2.0, 2.0, 1.0])


def test_single_precision_is_what_it_says() -> None:
    assert 1e-8 < apart(np.float32) < 7e-6
    assert 0.0 < apart(np.float64) < 1e-14


def test_padding_with_anything_else_is_wrong() -> None:
    assert max(map(abs, at_borders(-1.0))) < 1e-14
    assert abs(at_borders(-0.5)[0]) > 0.05


def test_without_onnx_all_else_is_still_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_name: str) -> None:
        return None

    monkeypatch.setattr("nictate.exercises.lesson.find_spec", gone)
    found = {one.what: one.passed for one in check(LESSON)}
    assert [what for what, passed in found.items() if passed is None] == [
        "twins apart, ONNX Runtime, of the largest output"
    ]
    assert all(passed for passed in found.values() if passed is not None)


def test_a_pass_that_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_activations, "SMALL", dataclasses.replace(on_activations.SMALL, b2=on_activations.SMALL.b1))
    monkeypatch.setattr(twins, "ALIKE", 1.0)
    passed = [one.passed for one in check(LESSON)]
    assert passed.count(False) == 2
