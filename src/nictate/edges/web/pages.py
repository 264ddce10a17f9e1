"""Past events, by pages."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from nictate.edges.web.answers import MOST, Query
from nictate.signals import Kind
from nictate.wire import Entry, entry_to_json

PAGE = 100
LONGEST_PAGE = 1000


class Past(Protocol):
    """What is asked of a journal here, from several threads."""

    @property
    def oldest_id(self) -> int:
        """0 when there is none."""

    @property
    def newest_id(self) -> int:
        """0 when there is none."""

    def read(
        self,
        after: int = 0,
        limit: int = 1000,
        *,
        until: int | None = None,
        kinds: Collection[Kind] = (),
        run: str = "",
        since_utc: float | None = None,
        before_utc: float | None = None,
        newest_first: bool = False,
    ) -> list[Entry]:
        """Entries above ``after``, up to and with ``until``."""


class Pages:
    """``/api/v1/blinks``."""

    def __init__(self, past: Past) -> None:
        self._past = past

    def routes(self) -> list[BaseRoute]:
        return [Route("/api/v1/blinks", self.blinks)]

    async def blinks(self, request: Request) -> Response:
        query = Query(request, ("after", "until", "limit", "kinds", "run", "since", "before", "order"))
        after = query.whole("after") or 0
        until = query.whole("until")
        limit = query.whole("limit", 1, LONGEST_PAGE) or PAGE
        kinds, run = query.kinds(), query.text("run")
        since_utc, before_utc = query.moment("since"), query.moment("before")
        backwards = query.choice("order", ("asc", "desc"), "asc") == "desc"

        def page() -> bytes:
            entries = self._past.read(
                min(after, MOST),
                limit + 1,  # One more, to know whether there is more.
                until=until,
                kinds=kinds,
                run=run,
                since_utc=since_utc,
                before_utc=before_utc,
                newest_first=backwards,
            )
            further = "null"
            if len(entries) > limit:
                entries = entries[:limit]
                further = str(entries[-1].id - 1 if backwards else entries[-1].id)
            told = ", ".join(entry_to_json(entry) for entry in entries)
            ends = f'"oldest": {self._past.oldest_id}, "newest": {self._past.newest_id}'
            return f'{{"entries": [{told}], {ends}, "next": {further}}}'.encode()

        return Response(await asyncio.to_thread(page), media_type="application/json")
