"""The server: one port, one loop, and connections whose other ends may be slow, silent or hostile.

uvicorn speaks HTTP and WebSocket. What it leaves to the application, or to a proxy in front of it, is added to its two
protocols here: a connection whose other end does not read is cut, a request that never gets complete is given up, and
there are only so many connections.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from starlette.types import ASGIApp
from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from nictate.edges.web.access import Limits
from nictate.edges.web.hub import Hub
from nictate.signals import ConfigError

SEND_BUFFER_BYTES = 64 * 1024
"""Of the operating system, a connection: it would otherwise hold megabytes for somebody who does not read."""
LEAST_BYTES = 16 * 1024
"""To be read in `Limits.stall_s` by somebody for whom more is waiting."""
MESSAGE_BYTES = 64 * 1024
"""Of a WebSocket message that is sent to us."""
HEADER_BYTES = 16 * 1024
FAREWELL_S = 1.0
"""How long open connections have to end when the service does."""


class WebServer:
    """One port. It is bound at once, so that whoever is told of it finds it; it answers while `run` runs."""

    def __init__(
        self, app: ASGIApp, hub: Hub, host: str = "127.0.0.1", port: int = 8765, limits: Limits | None = None
    ) -> None:
        """Port 0 takes a free one. Raises `ConfigError` when it cannot be had."""
        self._hub = hub
        self._limits = limits or Limits()
        self._app = app
        self._socket = _bound(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def run(self, stop: Callable[[], bool]) -> None:
        """Serve in this thread until ``stop()``, which is asked some ten times a second. No signal is touched.

        All connections are ended before it returns, and the port is free again.
        """
        asyncio.run(self.serve(stop))

    async def serve(self, stop: Callable[[], bool]) -> None:
        """As `run`, in a loop that runs already."""
        server = _Uvicorn(self._app, self._hub, self._limits, stop)
        try:
            await server.serve([self._socket])
        finally:
            self.close()

    def close(self) -> None:
        """Give up the port. For a server that has never run."""
        self._socket.close()


def _bound(host: str, port: int) -> socket.socket:
    if not 0 <= port < 2**16:  # The resolver takes 70000 for 4464.
        raise ConfigError(f"--port {port}: from 0, which takes any, to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"--host {host[:100]}: no such address ({error})") from None
    try:
        if os.name == "posix":  # Elsewhere it would let two services share a port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # Passed on to connections.
        listener.bind(address)
        listener.listen(128)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(f"port {port} is in use: choose another with --port") from None
        raise ConfigError(f"port {port} of {host} cannot be had ({error}): see --host and --port") from None
    return listener


class _Uvicorn(Server):
    def __init__(self, app: ASGIApp, hub: Hub, limits: Limits, stop: Callable[[], bool]) -> None:
        class Http(_Http):
            LIMITS = limits

        class WebSocket(_WebSocket):
            LIMITS = limits

        config = Config(
            app,
            http=Http,
            ws=WebSocket,
            ws_max_size=MESSAGE_BYTES,
            ws_per_message_deflate=False,  # Memory and work for strangers; an envelope fits one packet.
            loop="none",
            lifespan="on",
            log_config=None,
            # What strangers send is no news. Errors are ours, and go to standard error where nobody says otherwise.
            log_level="error",
            access_log=False,
            proxy_headers=False,  # Anybody could name an address that is not theirs.
            server_header=False,
            h11_max_incomplete_event_size=HEADER_BYTES,
            timeout_graceful_shutdown=3,
        )
        super().__init__(config)
        self._hub = hub
        self._stop = stop

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the operator's and the command's matter."""
        yield

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._stop()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.close()
        loop = asyncio.get_running_loop()
        cut = loop.call_later(FAREWELL_S, self._cut)
        try:
            await super().shutdown(sockets)
        finally:
            cut.cancel()
            self._cut()
            await asyncio.sleep(0)  # For the connections to hear of it.

    def _cut(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()


class _Watch:
    """Sees to it that the other end of a connection reads."""

    def __init__(self, transport: asyncio.Transport, stall_s: float) -> None:
        self._transport = transport
        self._stall_s = stall_s
        self._timer: asyncio.TimerHandle | None = None
        self._left = 0
        # So that writing pauses as soon as the operating system takes no more, and goes on when all is taken.
        transport.set_write_buffer_limits(high=0)

    def paused(self) -> None:
        self._left = self._transport.get_write_buffer_size()
        if self._timer is None:
            self._arm()

    def resumed(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._stall_s, self._judge)

    def _judge(self) -> None:
        left = self._transport.get_write_buffer_size()
        self._timer = None
        if left > self._left - LEAST_BYTES and left > 0:
            # Without a farewell, which would have to wait behind all that is not read.
            link = self._transport.get_extra_info("socket")
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if os.name == "nt" else "ii", 1, 0))
            self._transport.abort()
        elif left > 0:
            self._left = left
            self._arm()


class _Http(H11Protocol):
    LIMITS: Limits

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._watch: _Watch | None = None
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch = _Watch(transport, self.LIMITS.stall_s)
        if len(self.connections) > self.LIMITS.connections:
            transport.abort()
            return
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._lose_patience(None)
        if self._watch is not None:
            self._watch.resumed()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._await_request()

    def _await_request(self) -> None:
        """Give what is incomplete a time to get complete, and what is complete none."""
        cycle = self.cycle
        if cycle is None:
            incomplete = self.transport.get_protocol() is self
        elif cycle.response_complete:
            incomplete = bool(self.conn.trailing_data[0])
        else:
            incomplete = cycle.more_body
        if not incomplete:
            self._lose_patience(None)
        elif self._patience is None:
            self._lose_patience(self.loop.call_later(self.LIMITS.request_s, self.transport.abort))

    def _lose_patience(self, timer: asyncio.TimerHandle | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = timer

    def handle_websocket_upgrade(self, event: Any) -> None:
        self._lose_patience(None)
        super().handle_websocket_upgrade(event)

    def send_400_response(self, msg: str) -> None:
        cycle = self.cycle
        if cycle is None or (cycle.response_complete and not cycle.more_body):
            super().send_400_response(msg)
            return
        # In the middle of a request that is being answered: there is no place for another answer.
        cycle.disconnected = True
        cycle.message_event.set()
        self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._watch is not None:
            self._watch.paused()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._watch is not None:
            self._watch.resumed()


class _WebSocket(WebSocketsSansIOProtocol):
    LIMITS: Limits
    PIECES = 16
    """Of one message: it would otherwise come in any number of empty ones."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._watch: _Watch | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert isinstance(transport, asyncio.Transport)
        self._watch = _Watch(transport, self.LIMITS.stall_s)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._watch is not None:
            self._watch.resumed()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.handshake_initiated:
            # The request comes in one piece. What is no request for the WebSocket library gets no answer from it.
            self.transport.abort()

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            # Refused by an answer: uvicorn would take it for no answer at all, and log that as an error of ours.
            self.handshake_complete = True

    def handle_text(self, event: Any) -> None:
        # Nothing is made of what we are told; to decode it would log what is no UTF-8.
        self.handle_bytes(event)

    def handle_cont(self, event: Any) -> None:
        if len(self.frames) >= self.PIECES:
            self.conn.fail(1009, "too many pieces")
            self.handle_parser_exception()
            return
        super().handle_cont(event)

    def handle_ping(self) -> None:
        if not self.close_sent:  # It may have come in the same packet as what we have failed for.
            super().handle_ping()

    def handle_parser_exception(self) -> None:
        """Say what was wrong, and read on for as long as the other end has to hear it.

        uvicorn closes at once. A connection that is closed with something unread is reset by the operating system, and
        a reset takes along what the other end has not read yet: our close frame.
        """
        if self.close_timer is not None:
            return
        code, reason = (self.conn.close_sent.code, self.conn.close_sent.reason) if self.conn.close_sent else (1006, "")
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.close_sent = True
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.write_eof()
        self.transport.resume_reading()  # What comes is thrown away.
        self.close_timer = self.loop.call_later(self.LIMITS.stall_s, self.transport.close)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._watch is not None:
            self._watch.paused()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._watch is not None:
            self._watch.resumed()
