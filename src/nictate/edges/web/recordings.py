"""Recordings: stretches of the journal that somebody names, to be taken home as a file."""

from __future__ import annotations

import asyncio
import json
import unicodedata
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from nictate.edges.web.answers import Answer, Query, refuse
from nictate.edges.web.pages import Past
from nictate.signals import ConfigError
from nictate.wire import Entry, entry_to_json, iso_of


class Recorded(Protocol):
    """A recording, as a journal tells it."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int | None: ...
    @property
    def began_utc(self) -> float: ...
    @property
    def ended_utc(self) -> float | None: ...


class Records(Past, Protocol):
    """What is asked of a journal here, from several threads."""

    def start_recording(self, name: str, utc: float) -> Recorded:
        """Raises `ConfigError` when the name will not do."""

    def stop_recording(self, id: int, utc: float) -> Recorded:  # noqa: A002
        """Raises `ConfigError` when there is none of that id."""

    def recordings(self) -> Sequence[Recorded]:
        """All of them."""


FORMATS: dict[str, tuple[str, str]] = {
    "json": ("application/x-ndjson", "jsonl"),
}
"""Type and ending of a download."""
READ_AT_ONCE = 500


class Recordings:
    """``/api/v1/recordings``."""

    def __init__(self, records: Records, utc: Callable[[], float], body_bytes: int) -> None:
        """``utc`` gives Unix time in s."""
        self._records = records
        self._utc = utc
        self._body_bytes = body_bytes

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/api/v1/recordings", self.all, methods=["GET"]),
            Route("/api/v1/recordings", self.start, methods=["POST"]),
            Route("/api/v1/recordings/{id}/stop", self.stop, methods=["POST"]),
            Route("/api/v1/recordings/{id}/events", self.events),
        ]

    async def all(self, request: Request) -> Response:
        Query(request, ())
        found = await asyncio.to_thread(self._records.recordings)
        return Answer({"recordings": [_told(recording) for recording in found]})

    async def start(self, request: Request) -> Response:
        Query(request, ())
        name = await self._name(request)
        try:
            recording = await asyncio.to_thread(self._records.start_recording, name, self._utc())
        except ConfigError as error:
            raise refuse(422, str(error)) from None
        return Answer(_told(recording), 201, {"Location": f"/api/v1/recordings/{recording.id}/events"})

    async def stop(self, request: Request) -> Response:
        Query(request, ())
        recording = await self._known(request)
        return Answer(_told(await asyncio.to_thread(self._records.stop_recording, recording.id, self._utc())))

    async def events(self, request: Request) -> Response:
        """What has been recorded up to now."""
        query = Query(request, ("format",))
        wished = query.choice("format", tuple(FORMATS), "json")
        recording = await self._known(request)
        media_type, ending = FORMATS[wished]
        # The name is a stranger's: the file is called by the number.
        said = {"Content-Disposition": f'attachment; filename="recording-{recording.id}.{ending}"'}
        return StreamingResponse(self._pieces(recording), headers=said, media_type=media_type)

    async def _pieces(self, recording: Recorded) -> AsyncIterator[str]:
        """Read as it is sent: no more than a page of it is ever in memory."""
        after = recording.first - 1
        until = self._records.newest_id if recording.last is None else recording.last
        while entries := await asyncio.to_thread(self._between, after, until):
            after = entries[-1].id
            yield "".join(f"{entry_to_json(entry)}\n" for entry in entries)

    def _between(self, after: int, until: int) -> list[Entry]:
        return self._records.read(after, READ_AT_ONCE, until=until)

    async def _known(self, request: Request) -> Recorded:
        said: str = request.path_params["id"]
        for recording in await asyncio.to_thread(self._records.recordings):
            if str(recording.id) == said:
                return recording
        raise refuse(404, "no such recording")

    async def _name(self, request: Request) -> str:
        """Of ``{"name": "..."}``."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            # A page of another site could send text without being asked first whether it may.
            raise refuse(415, "send application/json")
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > self._body_bytes:
                raise refuse(413, f"at most {self._body_bytes} bytes", {"Connection": "close"})
        try:
            said = json.loads(body, object_pairs_hook=_once)
        except (ValueError, RecursionError):
            raise refuse(400, "this is no JSON") from None
        if not isinstance(said, dict) or said.keys() != {"name"} or not isinstance(said["name"], str):
            raise refuse(422, 'send {"name": "..."} and nothing else')
        name = said["name"]
        if not name.strip() or len(name) > LONGEST_NAME or not _is_plain(name):
            raise refuse(422, f"name: 1 to {LONGEST_NAME} characters of text")
        return name


LONGEST_NAME = 200


def _is_plain(text: str) -> bool:
    """No control characters, and no lone surrogates, which are no text."""
    return not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) != len(pairs):
        raise ValueError("a name that is given twice")
    return found


def _told(recording: Recorded) -> dict[str, object]:
    return {
        "id": recording.id,
        "name": recording.name,
        "first": recording.first,
        "last": recording.last,
        "began": iso_of(recording.began_utc),
        "ended": None if recording.ended_utc is None else iso_of(recording.ended_utc),
    }
