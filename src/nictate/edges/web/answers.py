"""What is answered: JSON, whatever the values; errors as one line; and what is read of a query, strictly."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response

from nictate.signals import KINDS, Kind
from nictate.wire import unix_of

MOST = 2**63 - 1
"""The largest id that a journal can have."""
LATEST_S = 253402300799.0
"""The end of the year 9999, in s of Unix time: what dates can be written of."""
NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,4})?")


def to_json(value: object) -> bytes:
    """ASCII, so that lone surrogates in hostile names can be sent, with null for what is no finite number."""
    return json.dumps(_finite(value), allow_nan=False).encode("ascii")


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value


class Answer(Response):
    """JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return to_json(content)


def refusal(status: int, why: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer of the 4xx, in one line."""
    return Answer({"error": why}, status, headers)


def refuse(status: int, why: str, headers: Mapping[str, str] | None = None) -> HTTPException:
    """To be raised: ends in a `refusal`."""
    return HTTPException(status, why, headers)


class Query:
    """The parameters of one request. Every method raises a 400 that names the parameter."""

    def __init__(self, asked: HTTPConnection, known: Collection[str]) -> None:
        """Refuses parameters that are not ``known``, or given twice."""
        self._given: dict[str, str] = {}
        query: bytes = asked.scope["query_string"]
        for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
            if name not in known:
                raise refuse(400, f"{_short(name)}: no such parameter here; there is {_listed(known)}")
            if name in self._given:
                raise refuse(400, f"{name}: given twice")
            self._given[name] = value

    def text(self, name: str, longest: int = 200) -> str:
        """As it is; empty when it is not given."""
        value = self._given.get(name, "")
        if len(value) > longest:
            raise refuse(400, f"{name}: at most {longest} characters")
        return value

    def whole(self, name: str, least: int = 0, most: int = MOST) -> int | None:
        """A whole number; None when it is not given."""
        value = self._given.get(name)
        return None if value is None else whole(name, value, least, most)

    def moment(self, name: str) -> float | None:
        """Unix time in s, also given as a date of ISO 8601; None when it is not given."""
        value = self._given.get(name)
        if value is None:
            return None
        try:
            utc = float(value) if NUMBER.fullmatch(value) else unix_of(value)
        except (ValueError, OverflowError):
            utc = math.nan
        if not 0.0 <= utc <= LATEST_S:
            raise refuse(400, f"{name}={_short(value)}: neither Unix time in s nor a date as 2026-01-31T12:00:00Z")
        return utc

    def choice(self, name: str, choices: Collection[str], default: str) -> str:
        """One of the ``choices``."""
        value = self._given.get(name, default)
        if value not in choices:
            raise refuse(400, f"{name}={_short(value)}: one of {_listed(choices)}")
        return value

    def kinds(self) -> tuple[Kind, ...]:
        """Of ``kinds=blink,blink/double``; empty when it is not given."""
        value = self._given.get("kinds")
        if value is None:
            return ()
        wished = set(value.split(","))
        if unknown := sorted(wished.difference(KINDS)):
            raise refuse(400, f"kinds={_short(unknown[0])}: some of {_listed(KINDS)}, with commas between")
        return tuple(kind for kind in KINDS if kind in wished)


def whole(name: str, text: str, least: int = 0, most: int = MOST) -> int:
    """A whole number of a stranger's. Raises a 400."""
    # Not int() alone: it takes other scripts' digits, underscores and blanks, and refuses what is very long.
    if not re.fullmatch(r"[0-9]{1,19}", text) or not least <= (number := int(text)) <= most:
        raise refuse(400, f"{name}={_short(text)}: a whole number from {least} to {most}")
    return number


def _listed(names: Collection[str]) -> str:
    return ", ".join(names) if names else "none"


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."
