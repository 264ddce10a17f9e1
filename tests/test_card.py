from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nictate.card import ModelCard
from nictate.signals import ConfigError
from stand_in import CARD

finite = st.floats(allow_nan=False, allow_infinity=False)
cards = st.builds(
    lambda name, rate_hz, hop, step, window, frame_s, large, about, low_hz: dataclasses.replace(
        CARD,
        name=name,
        rate_hz=rate_hz,
        hop=hop * step,
        step=step,
        window=hop * step + window,
        frame_s=frame_s,
        band=dataclasses.replace(CARD.band, low_hz=low_hz),
        scale=dataclasses.replace(CARD.scale, large=tuple(large)),
        about=about,
    ),
    name=st.text(),
    rate_hz=st.floats(1, 1e4),
    hop=st.integers(1, 50),
    step=st.integers(1, 8),
    window=st.integers(1, 1000),
    frame_s=st.floats(0.001, 1),
    low_hz=finite,
    large=st.lists(st.floats(0, 1), max_size=4),
    about=st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | finite | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
        max_size=4,
    ),
)


@given(cards)
def test_a_card_survives_the_file(card: ModelCard) -> None:
    assert ModelCard.from_json(card.to_json()) == card


def leaves(tree: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Paths of all keys that the detector reads, whole parts among them."""
    found = []
    for key, value in tree.items():
        if (*path, key) not in (("format",), ("about",)):
            found.append((*path, key))
            if isinstance(value, dict):
                found += leaves(value, (*path, key))
    return found


RAW = json.loads(CARD.to_json())
PATHS = leaves(RAW)


def changed(path: tuple[str, ...], value: object, key: str | None = None) -> str:
    """The stand-in's card with another value at a path; without one (``...``) the key is left out."""
    raw = json.loads(CARD.to_json())
    part = raw
    for step in path[:-1]:
        part = part[step]
    if value is ...:
        del part[path[-1]]
    else:
        part[key or path[-1]] = value
    return json.dumps(raw)


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        ModelCard.from_json(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_a_missing_key_is_named(path: tuple[str, ...]) -> None:
    assert refusal(changed(path, ...)).endswith(f"lacks a key: {'.'.join(path)}")


@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_an_unknown_key_is_named(path: tuple[str, ...]) -> None:
    unknown = (*path[:-1], "shoe_size")
    assert refusal(changed(path, 43, key="shoe_size")).endswith(f"unknown key: {'.'.join(unknown)}")


@pytest.mark.parametrize("path", PATHS, ids=".".join)
@pytest.mark.parametrize("value", [None, True, [1], ["a"], {"a": 1}, "x", 0.12, 7])
def test_a_value_of_another_type_is_named(path: tuple[str, ...], value: object) -> None:
    here: Any = RAW
    for step in path:
        here = here[step]
    if type(value) is type(here) and not (isinstance(here, list) and value == ["a"]) and not isinstance(here, dict):
        return  # It is of the right type.
    if isinstance(here, float) and type(value) is int:
        assert ModelCard.from_json(changed(path, value)) != CARD
        return
    assert ".".join(path) in refusal(changed(path, value))


def test_what_is_for_people_is_an_object() -> None:
    assert "about" in refusal(changed(("about",), ["a list"]))
    assert ModelCard.from_json(changed(("about",), ...)) == CARD


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("\0\1\2", "not JSON"),
        ("[]", "not of format 1"),
        ("{}", "not of format 1"),
        ("null", "not of format 1"),
        (changed(("format",), 2), "not of format 1"),
        (changed(("format",), "1"), "not of format 1"),
        (changed(("window",), 4), "do not fit"),
        (changed(("hop",), 0), "do not fit"),
        (changed(("hop",), 5), "do not fit"),
        (changed(("step",), 0), "do not fit"),
        (changed(("step",), -2), "do not fit"),
        (changed(("rate_hz",), 0.0), "do not fit"),
        (changed(("frame_s",), -0.1), "do not fit"),
        (changed(("rate_hz",), float("nan")), "do not fit"),
        (changed(("looks_s",), []), "one threshold for each of its looks_s"),
        (changed(("looks_s",), [0.1, 0.2, 0.4]), "one threshold for each of its looks_s"),
        (changed(("decision", "start"), [0.5]), "one threshold for each of its looks_s"),
        (changed(("decision", "start"), []), "one threshold for each of its looks_s"),
        (changed(("decision", "confirm"), [0.5, 0.5, 0.5]), "one threshold for each of its looks_s"),
        (changed(("decision", "confirm"), [0.5, "0.5"]), "decision.confirm"),
        (changed(("decision", "confirm"), 0.5), "decision.confirm"),
        (changed(("decision", "habits", "weights"), [0.0, None]), "decision.habits.weights"),
        (changed(("decision", "habits", "weights"), [0.0, 1.0]), "decision.habits.weights"),
    ],
)
def test_what_is_no_card_is_refused(text: str, says: str) -> None:
    assert says in refusal(text)


@given(st.binary(), st.binary(min_size=1))
def test_other_weights_are_refused(weights: bytes, more: bytes) -> None:
    card = dataclasses.replace(CARD, sha256=hashlib.sha256(weights).hexdigest())
    card.check(weights)
    with pytest.raises(ConfigError, match="not the one of its card") as caught:
        card.check(weights + more)
    assert card.sha256[:12] in str(caught.value)
    assert "\n" not in str(caught.value)
