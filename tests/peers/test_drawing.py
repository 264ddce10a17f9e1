from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib.image
import matplotlib.pyplot as plt
import pytest
from made_recordings import Above, person

from nictate.peers.contest import Group, Row, groups_of, rows_of
from nictate.peers.drawing import draw, figure_of
from nictate.peers.ourselves import NAME

SKIP_S = (1.0, 0.3)


@pytest.fixture(scope="module")
def compared() -> tuple[list[Row], tuple[Group, ...]]:
    groups = groups_of([person(1, of="one"), person(2, of="other")])
    return rows_of(Above(), groups, SKIP_S), groups


def test_each_set_has_a_panel_and_each_row_a_mark_in_it(compared: tuple[list[Row], tuple[Group, ...]]) -> None:
    rows, groups = compared
    ours = replace(rows[1], method=NAME, setting="as it comes")
    figure = figure_of([*rows, ours], groups)
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title().split("\n")[0] for axes in panels] == ["one", "other"]
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["above", NAME]
    for axes, g in zip(panels, groups, strict=True):
        marked = [line for line in axes.lines if line.get_linestyle() == "None"]
        at = [(float(x), float(y)) for line in marked for x, y in line.get_xydata().tolist()]
        assert at == [*((row.groups[g.name]["f1"], 0.0) for row in rows), (ours.groups[g.name]["f1"], 1.0)]


def test_a_picture_is_written_without_a_window(compared: tuple[list[Row], tuple[Group, ...]], tmp_path: Path) -> None:
    rows, groups = compared
    windows = plt.get_fignums()
    draw(rows, groups, tmp_path / "peers.png")
    assert min(matplotlib.image.imread(tmp_path / "peers.png").shape[:2]) > 100
    assert plt.get_fignums() == windows


def test_what_has_no_f1_leaves_its_place_empty(compared: tuple[list[Row], tuple[Group, ...]]) -> None:
    rows, groups = compared
    unknown = replace(rows[0], groups={"one": {**rows[0].groups["one"], "f1": None}})
    marks = [line for axes in figure_of([unknown], groups).axes for line in axes.lines]
    assert all(len(line.get_xydata()) == 0 for line in marks)
