"""The notebooks run from the first cell to the last, and import the package rather than repeat it."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from nictate.exercises.course import LESSONS

FOLDER = Path(__file__).resolve().parents[2] / "docs/exercises"
LONGEST_LINES = 40


def cells_of(name: str) -> list[dict[str, Any]]:
    notebook = json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["metadata"]["kernelspec"]["name"]) == (4, "python3")
    cells: list[dict[str, Any]] = notebook["cells"]
    return cells


def test_every_exercise_has_one() -> None:
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(LESSONS)


@pytest.mark.parametrize("name", LESSONS)
def test_it_runs_from_the_first_cell_to_the_last(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each cell is executed as a notebook does it; what its last line is worth is asked for and thrown away."""
    names: dict[str, Any] = {"__name__": "__main__"}
    count = 0
    for k, cell in enumerate(cells_of(name)):
        if cell["cell_type"] != "code":
            continue
        count += 1
        exec(compile("".join(cell["source"]), f"{name}.ipynb, cell {k}", "exec"), names)
    assert count >= 2
    assert name in {"activations", "convolution"} or capsys.readouterr().out


@pytest.mark.parametrize("name", LESSONS)
def test_it_is_small_has_no_outputs_and_uses_the_package(name: str) -> None:
    cells = cells_of(name)
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells if "outputs" in cell)
    assert sum(text.count("\n") + 1 for text in code) <= LONGEST_LINES
    tree = ast.parse("\n".join(code))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert f"nictate.exercises.{name}" in imported
    assert f"nictate exercises show {name}" in "".join(cells[0]["source"])
    assert cells[0]["cell_type"] == "markdown"
    assert len({cell["id"] for cell in cells}) == len(cells)
