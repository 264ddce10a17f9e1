"""The worked exercises: list, show, check, plot."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from nictate.cli.shell import app, out, progress, say
from nictate.signals import ConfigError

exercises = typer.Typer(
    help="Worked exercises of a deep-learning course: to read, to check, to draw.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(exercises, name="exercises")

Name = Annotated[str, typer.Argument(help="An exercise, as `list` names it.")]


@exercises.command("list")
def show_all() -> None:
    """Name the exercises."""
    from nictate.exercises.course import LESSONS

    table = Table("name", "what it is about", "values checked")
    for lesson in LESSONS.values():
        table.add_row(lesson.name, escape(lesson.title), str(len(lesson.goldens)))
    out.print(table)


@exercises.command()
def show(
    name: Name,
    latex: Annotated[bool, typer.Option("--latex", help="Also give the formulas of the derivation in LaTeX.")] = False,
) -> None:
    """Print the question, the derivation and the answer, labelled sheet, hand-in or corrected."""
    from nictate.exercises.course import lesson_named
    from nictate.exercises.lesson import render

    out.print(render(lesson_named(name), latex=latex), markup=False)


@exercises.command()
def check(
    name: Annotated[str | None, typer.Argument(help="One exercise. [default: all]")] = None,
    as_json: Annotated[Path | None, typer.Option("--json", help="Also write everything to this file.")] = None,
) -> None:
    """Compute every value anew; exit code 1 if one is not what it must be."""
    from nictate.exercises import lesson as lessons
    from nictate.exercises.course import LESSONS, lesson_named

    chosen = list(LESSONS.values()) if name is None else [lesson_named(name)]
    checked = []
    with progress(sum(len(lesson.goldens) for lesson in chosen), "values") as advance:
        for lesson in chosen:
            for one in lessons.check(lesson):
                checked.append(one)
                advance(1.0, lesson.name)
    table = Table("exercise", "value", "whose", "expected", "found", "")
    for one in checked:
        verdict = {True: "ok", False: "MISMATCH", None: "not checked"}[one.passed]
        cells = (
            one.exercise,
            one.what,
            one.label,
            lessons.in_short(one.expected),
            lessons.in_short(one.found),
            verdict,
        )
        table.add_row(*(escape(cell) for cell in cells))
    out.print(table)
    for note in sorted({one.note for one in checked if one.note}):
        say(f"{note}, to check all")
    wrong = sum(one.passed is False for one in checked)
    out.print(f"{sum(one.passed is True for one in checked)} of {len(checked)} values are as they must be")
    if as_json is not None:
        told = {"passed": not wrong, "values": [dataclasses.asdict(one) for one in checked]}
        as_json.write_text(json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    if wrong:
        raise typer.Exit(1)


@exercises.command()
def plot(
    name: Name,
    folder: Annotated[Path, typer.Option("--out", help="Folder for the figures.")] = Path("figures"),
) -> None:
    """Draw an exercise's figures as PNG (needs nictate[train])."""
    from nictate.exercises.course import lesson_named

    lesson = lesson_named(name)
    try:
        from nictate.exercises.figures import draw

        written = draw(lesson.name, folder)
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is missing: install nictate[train]") from None
    for path in written:
        out.print(escape(str(path)))
