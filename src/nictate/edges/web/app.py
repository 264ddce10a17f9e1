"""The application (ASGI): which address leads where."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from nictate.edges.web.access import Access, Guard
from nictate.edges.web.answers import Answer, Query, refusal
from nictate.edges.web.dashboard import STATIC, Dashboard
from nictate.edges.web.ends import Ends
from nictate.edges.web.hub import Hub
from nictate.edges.web.metrics import CONTENT_TYPE, Metrics
from nictate.edges.web.openapi import document
from nictate.edges.web.pages import Pages
from nictate.edges.web.recordings import Recordings, Records
from nictate.status import Status
from nictate.wire import SCHEMA, iso_of


def create_app(
    hub: Hub,
    records: Records,
    status: Callable[[], Status],
    access: Access,
    *,
    version: str,
    clock: Callable[[], float],
    utc: Callable[[], float] = time.time,
    static: Path = STATIC,
) -> ASGIApp:
    """Everything that is served over HTTP.

    ``status`` and ``clock`` (the LSL clock, in s) are called in the loop and must not wait; ``records`` is asked from
    several threads; ``utc`` gives Unix time in s. The hub is opened when the application starts up, and closed when it
    shuts down.
    """
    about = _About(hub, status, version, clock, utc)
    routes = [
        *Dashboard(static).routes(),
        *Ends(hub, access.limits).routes(),
        *Pages(records).routes(),
        *Recordings(records, utc, access.limits.body_bytes).routes(),
        *about.routes(),
    ]

    @asynccontextmanager
    async def open_hub(_app: Starlette) -> AsyncIterator[None]:
        hub.open()
        yield
        hub.close()

    app = Starlette(routes=routes, exception_handlers={HTTPException: _refused, Exception: _failed}, lifespan=open_hub)
    # It would send whoever has a slash too many to where the Host header says.
    app.router.redirect_slashes = False
    return Guard(app, access, time.monotonic)


class _About:
    """What the service says of itself."""

    def __init__(
        self,
        hub: Hub,
        status: Callable[[], Status],
        version: str,
        clock: Callable[[], float],
        utc: Callable[[], float],
    ) -> None:
        self._hub = hub
        self._status = status
        self._version = version
        self._clock = clock
        self._utc = utc
        self._metrics = Metrics(status, clock, hub, version)
        self._document = document(version)

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/api/v1/status", self.status),
            Route("/api/v1/openapi.json", self.openapi),
            Route("/api/v1/schema.json", self.schema),
            Route("/healthz", self.health),
            Route("/metrics", self.metrics),
        ]

    async def status(self, request: Request) -> Response:
        Query(request, ())
        status = self._status()
        return Answer(
            {
                "nictate": self._version,
                "utc": iso_of(self._utc()),
                "newest_age_s": None if status.newest_s is None else self._clock() - status.newest_s,
                "subscribers": self._hub.followers,
                **dataclasses.asdict(status),
            }
        )

    async def health(self, request: Request) -> Response:
        Query(request, ())
        connection = self._status().connection
        alive = connection != "ended"
        return Answer({"ok": alive, "connection": connection}, 200 if alive else 503)

    async def metrics(self, request: Request) -> Response:
        Query(request, ())
        return Response(self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def openapi(self, request: Request) -> Response:
        Query(request, ())
        return Answer(self._document)

    async def schema(self, request: Request) -> Response:
        Query(request, ())
        return Answer(SCHEMA)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refusal(error.status_code, error.detail, error.headers)


async def _failed(_request: Request, _error: Exception) -> Response:
    """A bug, or a journal that fails: it is raised again, and logged by the server."""
    return refusal(500, HTTPStatus.INTERNAL_SERVER_ERROR.phrase)
