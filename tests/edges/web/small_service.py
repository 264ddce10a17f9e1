"""The web ends as tests need them: a journal in memory, the real server on a free port, raw connections to it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nictate.edges.web import Access, Hub, WebServer, create_app
from nictate.edges.web.dashboard import STATIC
from nictate.signals import KINDS, BlinkEvent, ConfigError, Kind
from nictate.status import Status
from nictate.wire import Entry

PATIENCE_S = 30.0
"""For what is awaited; a test that passes waits for almost nothing."""


def entry(id: int, kind: Kind = "blink", utc: float | None = None, stream: str = "headset") -> Entry:  # noqa: A002
    return Entry(
        id, "run-1", stream, float(id) if utc is None else utc, BlinkEvent(kind, 1.0, 1.1, 1.3, 90.0, 0.9, 1.5)
    )


def starts_and_blinks(first: int, last: int) -> list[Entry]:
    """Ids from ``first`` to ``last``, of kinds that go by the id."""
    return [entry(k, KINDS[k % len(KINDS)]) for k in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class Recording:
    id: int
    name: str
    first: int
    last: int | None
    began_utc: float
    ended_utc: float | None


@dataclass
class Memory:
    """A journal that ends with the process."""

    entries: list[Entry] = field(default_factory=list)
    found: list[Recording] = field(default_factory=list)
    reads: int = 0
    failing: bool = False

    @property
    def oldest_id(self) -> int:
        return self.entries[0].id if self.entries else 0

    @property
    def newest_id(self) -> int:
        return self.entries[-1].id if self.entries else 0

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
        self.reads += 1
        if self.failing:
            raise OSError("the disk is on fire")
        found = [
            e
            for e in list(self.entries)
            if e.id > after
            and (until is None or e.id <= until)
            and (not kinds or e.event.kind in kinds)
            and run in ("", e.run)
            and (since_utc is None or e.utc >= since_utc)
            and (before_utc is None or e.utc < before_utc)
        ]
        return (found[::-1] if newest_first else found)[:limit]

    def start_recording(self, name: str, utc: float) -> Recording:
        self.found.append(Recording(len(self.found) + 1, name.strip(), self.newest_id + 1, None, utc, None))
        return self.found[-1]

    def stop_recording(self, id: int, utc: float) -> Recording:  # noqa: A002
        for k, known in enumerate(self.found):
            if known.id == id:
                if known.last is None:
                    self.found[k] = replace(known, last=self.newest_id, ended_utc=utc)
                return self.found[k]
        raise ConfigError(f"there is no recording {id}")

    def recordings(self) -> Sequence[Recording]:
        return list(self.found)


@dataclass
class Service:
    """A service that runs in a thread of its own."""

    hub: Hub
    records: Memory
    access: Access
    status: list[Status]
    """The one that is told of now."""
    port: int
    app: Any
    ended: Callable[[], None]
    """Ends it, and waits for that."""

    def publish(self, *entries: Entry) -> None:
        self.records.entries.extend(entries)
        self.hub.publish(entries)

    def get(self, path: str, **headers: str) -> Answered:
        return self.ask("GET", path, **headers)

    def ask(self, method: str, path: str, body: str | bytes | None = None, **headers: str) -> Answered:
        """Headers by their names with _ for -."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return Answered(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def connect(self, receive_bytes: int | None = None) -> socket.socket:
        connection = socket.socket()
        connection.settimeout(PATIENCE_S)
        if receive_bytes is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        try:
            connection.connect(("127.0.0.1", self.port))
        except OSError:
            connection.close()
            raise
        return connection

    @contextmanager
    def stream(self, path: str = "/api/v1/events", **headers: str) -> Iterator[Iterator[str]]:
        """The lines of an event stream, from its first on."""
        with self.connect() as connection:
            extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{extra}\r\n".encode())
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert answer.status == 200, answer.read()
            assert answer.getheader("Content-Type") == "text/event-stream; charset=utf-8"
            yield (line.decode().removesuffix("\n") for line in iter(answer.readline, b""))
            answer.close()


@dataclass(frozen=True)
class Answered:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body, parse_constant=lambda word: AssertionError(word))


@contextmanager
def service(
    access: Access | None = None,
    records: Memory | None = None,
    *,
    ring: int = 2048,
    page: int = 100,
    static: Path = STATIC,
    now_s: float = 100.0,
) -> Iterator[Service]:
    """A running service, which must have ended in good time when it is left."""
    records, access = records or Memory(), access or Access()
    status = [Status("connected")]
    hub = Hub(records, ring=ring, page=page)
    app = create_app(
        hub,
        records,
        lambda: status[0],
        access,
        version="1.2.3",
        clock=lambda: now_s,
        utc=lambda: 1.7e9,
        static=static,
    )
    server = WebServer(app, hub, port=0, limits=access.limits)
    stop = threading.Event()
    thread = threading.Thread(target=server.run, args=(stop.is_set,), daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()

    try:
        yield Service(hub, records, access, status, server.port, app, end)
    finally:
        end()


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    until_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until_s, "it did not come to that"
        time.sleep(0.005)


def ids_of(lines: Iterator[str], count: int) -> list[int]:
    """The ids of the next ``count`` events of a stream."""
    ids: list[int] = []
    while len(ids) < count:
        line = next(lines)
        if line.startswith("data: "):
            ids.append(json.loads(line[6:])["id"])
    return ids
