"""Where subscribers listen: Server-Sent Events, and WebSockets for the same envelopes and for the signals.

Each end is a loop over a `Follower` or `Viewer`. To wait for a peer that does not read is left to the transport, which
is cut when that takes too long (see `server`); until then only this one loop stands still.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from nictate.edges.web.access import Limits
from nictate.edges.web.answers import Query, refuse, whole
from nictate.edges.web.hub import Follower, Hub, Viewer
from nictate.signals import KINDS

RETRY = b"retry: 1000\n"
"""How many ms a browser waits before it comes back."""


class Ends:
    """The routes of everything that does not end by itself."""

    def __init__(self, hub: Hub, limits: Limits) -> None:
        self._hub = hub
        self._limits = limits

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/api/v1/events", self.events),
            WebSocketRoute("/api/v1/ws", self.envelopes),
            WebSocketRoute("/api/v1/signals", self.signals),
            Route("/api/v1/ws", _upgrade),
            Route("/api/v1/signals", _upgrade),
        ]

    async def events(self, request: Request) -> Response:
        """Server-Sent Events."""
        query = Query(request, ("after", "kinds"))
        after, kinds = query.whole("after"), query.kinds()
        # The address that a browser comes back to is the one that it began with; what it says itself is newer.
        if said := request.headers.get("last-event-id"):
            after = whole("Last-Event-ID", said)
        if request.method == "HEAD":
            return _EventStream(None, self._limits.comment_s)
        self._make_room()
        return _EventStream(self._hub.follow(after, kinds or KINDS), self._limits.comment_s)

    async def envelopes(self, socket: WebSocket) -> None:
        """The same as JSON, one entry a message."""
        query = Query(socket, ("after", "kinds"))
        after, kinds = query.whole("after"), query.kinds()
        self._make_room()
        follower = self._hub.follow(after, kinds or KINDS)
        async with _Peer(socket, follower) as peer:
            while not follower.ended:
                for message in await follower.take(3600.0):
                    await peer.tell(message.json)

    async def signals(self, socket: WebSocket) -> None:
        """Scenes."""
        Query(socket, ())
        self._make_room()
        viewer = self._hub.look_on()
        async with _Peer(socket, viewer) as peer:
            while not viewer.ended:
                for scene in await viewer.take(3600.0):
                    await peer.tell(scene)

    def _make_room(self) -> None:
        if self._hub.followers + self._hub.viewers >= self._limits.subscribers:
            why = f"there are {self._limits.subscribers} subscribers already; come back later"
            raise refuse(429, why, {"Retry-After": "5"})


async def _upgrade(_request: Request) -> Response:
    raise refuse(426, "this is for WebSockets", {"Upgrade": "websocket"})


class _EventStream(Response):
    """Written by hand, without a task or a generator between the hub and the connection: one switch an event."""

    media_type = "text/event-stream"

    def __init__(self, follower: Follower | None, comment_s: float) -> None:
        """Without a follower only the head, for those who ask for no more."""
        self._follower = follower
        self._comment_s = comment_s
        self.status_code = 200
        self.background = None
        # X-Accel-Buffering: what nginx needs to be told.
        self.init_headers({"X-Accel-Buffering": "no"})

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if self._follower is not None:
            await self._events(self._follower, receive, send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _events(self, follower: Follower, receive: Receive, send: Send) -> None:
        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            follower.leave()

        watcher = asyncio.create_task(watch())
        told = follower.cursor
        try:
            # An id without data is no event, but is remembered: who is cut off before the first event misses none.
            await send(_piece(b"%sid: %d\n\n" % (RETRY, told)))
            while not follower.ended:
                messages = await follower.take(self._comment_s)
                if messages:
                    await send(_piece(b"".join([message.sse for message in messages])))
                    told = follower.cursor
                elif follower.cursor != told:  # Past events of other kinds.
                    told = follower.cursor
                    await send(_piece(b":\nid: %d\n\n" % told))
                elif not follower.ended:
                    await send(_piece(b":\n\n"))
        finally:
            watcher.cancel()
            follower.leave()


def _piece(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}


class _Peer:
    """The other end of a WebSocket, while it is there. It has nothing to say: whatever it says ends it."""

    def __init__(self, socket: WebSocket, subscriber: Follower | Viewer) -> None:
        self._socket = socket
        self._subscriber = subscriber
        self._said = ""
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._socket.accept()
        except BaseException:
            self._subscriber.leave()
            raise
        self._watcher = asyncio.create_task(self._watch())
        return self

    async def _watch(self) -> None:
        self._said = (await self._socket.receive())["type"]
        self._subscriber.leave()

    async def tell(self, text: str) -> None:
        """Send; a peer that is gone is left."""
        await self._send({"type": "websocket.send", "text": text})

    async def _send(self, message: Message) -> None:
        try:
            await self._socket.send(message)
        except (WebSocketDisconnect, RuntimeError):  # Whoever has closed it, and whether that is known here by now.
            self._subscriber.leave()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._watcher is not None
        self._watcher.cancel()
        self._subscriber.leave()
        if self._said == "websocket.receive":
            await self._send({"type": "websocket.close", "code": 1003, "reason": "nothing is to be sent here"})
        elif not self._said and error is None:
            await self._send({"type": "websocket.close", "code": 1001, "reason": "the service is ending"})
