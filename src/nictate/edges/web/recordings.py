"""Recordings: stretches of the journal that somebody names, to be taken home as a file."""

from __future__ import annotations

import asyncio
import io
import json
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeAlias
from zipfile import ZIP_DEFLATED, ZipFile

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from nictate.edges.web.answers import Answer, Query, refuse
from nictate.edges.web.pages import Past
from nictate.signals import ConfigError
from nictate.tables import csv_lines, json_lines, to_bids
from nictate.wire import Entry, iso_of


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


Lines: TypeAlias = Callable[[Iterable[Entry]], Iterator[str]]

FORMATS: dict[str, tuple[str, str]] = {
    "json": ("application/x-ndjson", "jsonl"),
    "csv": ("text/csv", "csv"),
    "bids": ("application/zip", "zip"),
}
"""Type and ending of a download. BIDS has two files, events and what their columns are, which come as one."""
READ_AT_ONCE = 500
LONGEST_BIDS = 100_000
"""Events: they are put in order of their onsets, all at a time."""
LONGEST_NAME = 200
MOST_OPEN = 16
"""Recordings that go on."""


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
        open_ones = sum(recording.last is None for recording in await asyncio.to_thread(self._records.recordings))
        if open_ones >= MOST_OPEN:
            raise refuse(409, f"{open_ones} recordings go on already; stop one first")
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
        until = self._records.newest_id if recording.last is None else recording.last
        # The name is a stranger's: the file is called by the number.
        said = {"Content-Disposition": f'attachment; filename="recording-{recording.id}.{ending}"'}
        if wished == "bids":
            if until - recording.first >= LONGEST_BIDS:
                raise refuse(422, f"more than {LONGEST_BIDS} events; take another format")
            return Response(await asyncio.to_thread(self._bids, recording, until), headers=said, media_type=media_type)
        lines = csv_lines if wished == "csv" else json_lines
        return StreamingResponse(self._pieces(recording, until, lines), headers=said, media_type=media_type)

    async def _pieces(self, recording: Recorded, until: int, lines: Lines) -> AsyncIterator[str]:
        """Read as it is sent: no more than a page of it is ever in memory."""
        head = list(lines(()))
        yield "".join(head)
        after = recording.first - 1
        while entries := await asyncio.to_thread(self._between, after, until):
            after = entries[-1].id
            yield "".join(list(lines(entries))[len(head) :])

    def _bids(self, recording: Recorded, until: int) -> bytes:
        entries = self._records.read(recording.first - 1, LONGEST_BIDS, until=until)
        texts = to_bids(entries, recording.began_utc)
        packed = io.BytesIO()
        with ZipFile(packed, "w", ZIP_DEFLATED) as file:
            file.writestr(f"recording-{recording.id}_events.tsv", texts.events)
            file.writestr(f"recording-{recording.id}_events.json", texts.sidecar)
        return packed.getvalue()

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
        try:
            async for piece in request.stream():
                body += piece
                if len(body) > self._body_bytes:
                    raise refuse(413, f"at most {self._body_bytes} bytes", {"Connection": "close"})
        except ClientDisconnect:
            raise refuse(400, "it breaks off") from None
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
