"""JSON whatever the values, and queries taken at their word."""

from __future__ import annotations

import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import Request

from nictate.edges.web.answers import LATEST_S, MOST, Query, to_json, whole
from nictate.signals import KINDS
from nictate.wire import iso_of

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def query(text: str, *known: str) -> Query:
    return Query(Request({"type": "http", "query_string": text.encode("latin-1"), "headers": []}), known)


def strict(word: str) -> None:
    raise AssertionError(word)


@given(values)
def test_everything_can_be_told(value: object) -> None:
    json.loads(to_json(value), parse_constant=strict)


@given(st.lists(st.floats()), st.text())
def test_numbers_stay_what_they_are_or_become_null_and_texts_stay(numbers: list[float], text: str) -> None:
    told = json.loads(to_json({"numbers": tuple(numbers), "text": text}))
    assert told["numbers"] == [x if math.isfinite(x) else None for x in numbers]
    assert told["text"] == text


def test_half_a_letter_can_be_told() -> None:
    assert to_json("\ud800<script>") == b'"\\ud800<script>"'


@given(st.integers(0, MOST))
def test_whole_numbers_are_read(number: int) -> None:
    assert whole("after", str(number)) == number
    assert query(f"after={number}", "after").whole("after") == number


@given(st.text().filter(lambda text: not (text.isascii() and text.isdigit())))
def test_nothing_else_is_a_whole_number(text: str) -> None:
    with pytest.raises(HTTPException) as found:
        whole("after", text)
    assert found.value.status_code == 400
    assert found.value.detail.startswith("after=")
    assert len(found.value.detail) < 120


@given(st.integers(0, int(LATEST_S) * 10**6 - 1))
def test_moments_are_read_as_numbers_and_as_dates(us: int) -> None:
    utc = us / 1e6
    assert query(f"since={utc:.6f}", "since").moment("since") == pytest.approx(utc, abs=1e-6)
    assert query(f"since={iso_of(utc)}", "since").moment("since") == pytest.approx(utc, abs=2e-5)


@pytest.mark.parametrize(
    "text",
    [
        "nan",
        "inf",
        "-1",
        "1e999",
        "1.",
        "",
        "yesterday",
        "2026-13-01",
        "0001-01-01",
        "99999999999999",
        "1_0",
        "2026-01-01T00:00:00-99:00",
    ],
)
def test_nothing_else_is_a_moment(text: str) -> None:
    with pytest.raises(HTTPException, match="since="):
        query(f"since={text}", "since").moment("since")


def test_what_is_not_given_is_nothing() -> None:
    asked = query("", "after", "since", "run", "kinds", "order")
    assert (asked.whole("after"), asked.moment("since"), asked.text("run"), asked.kinds()) == (None, None, "", ())
    assert asked.choice("order", ("asc", "desc"), "asc") == "asc"


def test_kinds_are_read_in_any_order_and_also_escaped() -> None:
    assert query("kinds=blink/long,blink", "kinds").kinds() == ("blink", "blink/long")
    assert query("kinds=blink%2Flong%2Cblink", "kinds").kinds() == ("blink", "blink/long")
    assert query(f"kinds={','.join(KINDS)}", "kinds").kinds() == KINDS


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("x=1", "x: no such parameter here; there is after"),
        ("after=1&after=2", "after: given twice"),
        ("%00=", "no such parameter"),
        ("&&=&", "no such parameter"),
    ],
)
def test_what_is_not_known_or_comes_twice_is_refused(text: str, about: str) -> None:
    with pytest.raises(HTTPException, match=about):
        query(text, "after")


@given(st.binary())
def test_no_query_does_harm(text: bytes) -> None:
    request = Request({"type": "http", "query_string": text, "headers": []})
    with contextlib.suppress(HTTPException):
        asked = Query(request, ("after", "kinds", "since", "run", "order"))
        asked.whole("after"), asked.kinds(), asked.moment("since"), asked.text("run")
        asked.choice("order", ("asc", "desc"), "asc")
