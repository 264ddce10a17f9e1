from __future__ import annotations

import re
from dataclasses import replace

import pytest
from made_recordings import Above, person

from nictate.peers.contest import Group, Row, groups_of, rows_of
from nictate.peers.table import markdown

SKIP_S = (1.0, 0.3)


@pytest.fixture(scope="module")
def compared() -> tuple[list[Row], tuple[Group, ...]]:
    groups = groups_of([person(1, of="one"), person(2, of="other"), person(3, of="other")])
    return rows_of(Above(), groups, SKIP_S), groups


def tables(text: str) -> list[list[list[str]]]:
    """Cells by table and line, without the rule under the heading."""
    found = re.findall(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE)
    lines = [[line for line in table.splitlines() if not re.fullmatch(r"[|:\- ]+", line)] for table in found]
    return [[[cell.strip() for cell in line.strip("|").split(" | ")] for line in table] for table in lines]


def test_each_row_is_in_each_table(compared: tuple[list[Row], tuple[Group, ...]]) -> None:
    rows, groups = compared
    text = markdown(rows, groups)
    found = tables(text)
    assert len(found) == 2 + len(groups)
    for table in found:
        assert [line[:2] for line in table[1:]] == [[row.method, row.setting] for row in rows]
        assert len({len(line) for line in table}) == 1
    for g in groups:
        blinks = sum(len(s.truth.blinks) for s in g.signals)
        assert re.search(rf"^{g.name}: .*, {blinks} labelled blinks$", text, flags=re.MULTILINE)
    assert "one: 1 person, 0.7 minutes" in text
    assert "other: 2 people, 1.3 minutes" in text


def test_figures_are_shown_as_they_are_and_the_best_in_bold(compared: tuple[list[Row], tuple[Group, ...]]) -> None:
    rows, groups = compared
    f1, whole, one, _ = tables(markdown(rows, groups))
    assert f1[1] == ["above", "as it comes", "0.000", "0.000", "0.000"]
    assert f1[2] == ["above", "best for all", "**1.000**", "**1.000**", "1.000"]
    assert whole[1][2:9] == ["no", "-", "0.000", "0.00", "-", "-", "-"]
    assert one[2][2:6] == ["1.000", "1.000", "1.000", "0.00"]
    assert one[2][6].endswith("up; 80.0")


def test_what_is_not_known_is_a_dash(compared: tuple[list[Row], tuple[Group, ...]]) -> None:
    rows, groups = compared
    partial = replace(rows[1], groups={"one": rows[1].groups["one"]}, failures=("a: b", "c: d"), ms_per_minute=480.4)
    f1, whole, _, other = tables(markdown([partial], groups))
    assert f1[1][3] == "-"
    assert whole[1][-2:] == ["2", "480"]
    assert len(other) == 1
