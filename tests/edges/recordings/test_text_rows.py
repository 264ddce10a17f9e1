from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_files import MANY

from nictate.edges.recordings.text_rows import LONGEST_HEADER, LONGEST_LINE, Damaged, late, lines, numbers
from nictate.signals import StreamError


@MANY
@given(
    texts=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\ufeff"), max_size=30), max_size=8),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    mark=st.booleans(),
)
def test_lines_are_those_of_the_file_whatever_their_ends(
    tmp_path: Path, texts: list[str], end: str, mark: bool
) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(("\ufeff" * mark + "".join(text + end for text in texts)).encode())
    assert list(lines(path)) == list(enumerate(texts, start=1))


def test_what_is_no_text_is_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"1, \xff\n" + b"0" * (LONGEST_LINE + 5))
    found = list(lines(tmp_path / "x.txt"))
    assert found[0] == (1, "1, \ufffd")
    assert [len(line) for _, line in found[1:]] == [LONGEST_LINE, 5]


@MANY
@given(row=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=6), data=st.data())
def test_numbers_come_back_to_the_bit(row: list[float], data: st.DataObject) -> None:
    columns = data.draw(st.permutations(range(len(row))).map(lambda order: order[:2]))
    assert numbers([f" {value!r}" for value in row], columns) == [row[k] for k in columns]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (["1"], "1 fields, 2 are needed"),
        (["1", " x\x1b "], r"not a number: x\?"),
        (["1", ""], "not a number: $"),
        (["inf", "1"], "not a finite number: inf"),
        (["1", "NaN"], "not a finite number: NaN"),
    ],
)
def test_what_is_no_number_is_said(fields: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        numbers(fields, (0, 1))


def test_damaged_lines_are_told_once_with_the_first() -> None:
    damaged, notes = Damaged(), ["before"]
    damaged.tell(notes)
    damaged.add(7, "torn")
    damaged.add(9, "also torn")
    damaged.tell(notes)
    assert notes == ["before", "2 damaged lines left out, the first is line 7: torn"]
    for number in range(10, LONGEST_HEADER + 9):
        damaged.add(number, "")
        damaged.check(1)
    with pytest.raises(StreamError, match=f"no row of numbers in {LONGEST_HEADER + 1} lines; line 7: torn"):
        damaged.check(0)


@MANY
@given(
    pauses=st.lists(st.tuples(st.integers(1, 9), st.floats(0.6, 50.0)), max_size=3, unique_by=lambda pair: pair[0]),
    back=st.floats(0.0, 0.9),
)
def test_pauses_count_and_what_is_held_back_does_not(pauses: list[tuple[int, float]], back: float) -> None:
    expected = np.arange(4000) / 100.0
    paused = np.zeros(4000)
    for at, length in pauses:
        paused[at * 400 :] += length
    jitter = 0.05 * np.random.default_rng(1).random(4000)
    stamps = expected + paused + jitter
    stamps[3700 : 3700 + round(100 * back)] += back - np.arange(round(100 * back)) / 100.0
    np.testing.assert_allclose(late(stamps, expected, 100.0, 0.5), paused, atol=0.06 * max(1, len(pauses)))
