"""``nictate exercises``: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nictate.cli import main
from nictate.exercises.course import LESSONS
from nictate.exercises.lesson import Golden, render
from nictate.exercises.lessons import on_weight_decay

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process: (exit code, standard output, standard error)."""

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["nictate", "exercises", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return command


def test_all_are_listed(run: Run) -> None:
    code, out, _ = run("list")
    assert code == 0
    assert all(name in out and lesson.title in out for name, lesson in LESSONS.items())


def test_a_lesson_is_shown_word_for_word(run: Run) -> None:
    assert run("show", "weight_decay") == (0, render(on_weight_decay.LESSON, latex=False) + "\n", "")
    code, out, _ = run("show", "weight_decay", "--latex")
    assert (code, out) == (0, render(on_weight_decay.LESSON, latex=True) + "\n")
    assert r"\varepsilon" in out


def test_checking_passes_and_is_written(run: Run, tmp_path: Path) -> None:
    written = tmp_path / "all.json"
    code, out, err = run("check", "weight_decay", "--json", written)
    assert (code, err) == (0, "")
    told = json.loads(written.read_text(encoding="utf-8"))
    assert told["passed"] is True
    assert len(told["values"]) == len(on_weight_decay.LESSON.goldens)
    assert set(told["values"][0]) == {"exercise", "what", "label", "expected", "found", "passed", "note"}
    assert f"{len(told['values'])} of {len(told['values'])} values are as they must be" in out


def test_a_mismatch_is_named_and_ends_with_1(run: Run, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    wrong = Golden("a value of another kind", "sheet", 1.0, lambda: float("nan"))
    absent = Golden("a value out of reach", "sheet", 1.0, lambda: 1.0, needs="a_library_that_nobody_has")
    lesson = dataclasses.replace(on_weight_decay.LESSON, goldens=(on_weight_decay.GOLDENS[0], wrong, absent))
    kept = dict(LESSONS)
    LESSONS.clear()
    LESSONS["weight_decay"] = lesson
    request.addfinalizer(lambda: (LESSONS.clear(), LESSONS.update(kept)))  # In their order.
    written = tmp_path / "all.json"
    code, out, err = run("check", "--json", written)
    assert code == 1
    assert "MISMATCH" in out
    assert "1 of 3 values are as they must be" in out
    assert "a_library_that_nobody_has is missing" in err
    told = json.loads(written.read_text(encoding="utf-8"))
    assert told["passed"] is False
    assert [one["passed"] for one in told["values"]] == [True, False, None]
    assert told["values"][1]["found"] == "nan"


def test_figures_are_drawn_where_they_are_wanted(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("plot", "bayes", "--out", tmp_path / "here")
    assert code == 0
    names = ["line_and_band.png", "posterior_ellipse.png"]
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == names
    assert all(name in out for name in names)


@pytest.mark.parametrize("command", ["show", "check", "plot"])
def test_another_name_is_a_mistake_in_one_line(run: Run, command: str) -> None:
    code, out, err = run(command, "nope")
    assert (code, out) == (2, "")
    assert err.strip() == f"nictate: there is no exercise nope: {', '.join(LESSONS)}"


def test_without_matplotlib_it_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "nictate.exercises.figures", raising=False)
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, _, err = run("plot", "bayes")
    assert code == 2
    assert "matplotlib is missing: install nictate[train]" in err
