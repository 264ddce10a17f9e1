"""Subscribing over WebSocket to a service that breaks off, refuses, freezes or is none."""

from __future__ import annotations

import http
import json
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

import nictate
from nictate.edges.subscribe import service_at, subscribe
from nictate.signals import BlinkEvent, ConfigError, StreamError
from nictate.wire import Entry, entry_to_json

PATIENCE_S = 60.0
"""Only a test that fails takes so long."""


def entry(number: int) -> Entry:
    kind = "blink/start" if number % 2 else "blink"
    return Entry(number, "r", "s", 1e9 + number, BlinkEvent(kind, 1.0 * number, None, None, None, 0.5, 1.0 * number))


class Service:
    """What of a nictate a subscriber sees: a journal that grows, and connections that can be broken."""

    def __init__(self, count: int, breaks: Callable[[], float] = lambda: float("inf")) -> None:
        self.entries = [entry(k) for k in range(1, count + 1)]
        self.breaks = breaks
        """Asked at each connection: after how many entries it breaks, or below 0 while it is made."""
        self.asked: list[tuple[str, dict[str, list[str]], str]] = []
        self.status = 200
        self.again = 0
        """So many entries are sent again after a break, as a careless service might."""
        self.answer: bytes | None = None
        self.greeting: str | bytes | None = None
        self.freeze, self.left = threading.Event(), threading.Event()
        self.news = threading.Condition()

    def append(self, count: int) -> None:
        with self.news:
            self.entries += [entry(k) for k in range(len(self.entries) + 1, len(self.entries) + count + 1)]
            self.news.notify_all()

    def request(self, connection: ServerConnection, request: Request) -> Response | None:
        parts = urlsplit(request.path)
        query = parse_qs(parts.query)
        self.asked.append((parts.path, query, request.headers.get("Authorization", "")))
        if self.status != 200:
            return connection.respond(http.HTTPStatus(self.status), "{}")
        if parts.path.endswith("/api/v1/blinks"):
            newest = self.entries[-1].id if self.entries else 0
            body = self.answer if self.answer is not None else json.dumps({"entries": [], "newest": newest}).encode()
            return Response(200, "OK", Headers([("Content-Length", str(len(body))), ("Connection", "close")]), body)
        if self.breaks() < 0:
            connection.socket.shutdown(socket.SHUT_RDWR)
        return None

    def handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        query = parse_qs(urlsplit(connection.request.path).query)
        after = int(query["after"][0]) - self.again
        kinds = query.get("kinds", [""])[0].split(",")
        left = self.breaks()
        with suppress(ConnectionClosed):
            if self.greeting is not None:
                connection.send(self.greeting)
            while not self.freeze.is_set():
                with self.news:
                    later = [e for e in self.entries if e.id > after and (kinds == [""] or e.event.kind in kinds)]
                for one in later:
                    if left < 1:
                        if left > 0.5:  # In the middle of a frame.
                            connection.socket.sendall(b"\x81\x7e\x04\x00half")
                        connection.socket.shutdown(socket.SHUT_RDWR)
                        return
                    connection.send(entry_to_json(one))
                    after = one.id
                    left -= 1
                try:
                    connection.recv(0.02)
                except TimeoutError:
                    continue
        self.left.set()


@contextmanager
def serving(service: Service, port: int = 0) -> Iterator[str]:
    with serve(
        service.handle, "127.0.0.1", port, process_request=service.request, ping_interval=None, close_timeout=1.0
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            service.freeze.set()
            server.shutdown()
            thread.join(PATIENCE_S)


class Stop:
    """Ends what would go on for ever."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self.event = threading.Event()
        self.timer = threading.Timer(patience_s, self.event.set)
        self.timer.daemon = True
        self.timer.start()

    def __call__(self) -> bool:
        return self.event.is_set()


def no_wait(_: float) -> None:
    """Back-off takes no time here."""


@pytest.mark.parametrize("seed", range(4))
def test_each_entry_comes_once_and_in_order_wherever_the_connection_breaks(seed: int) -> None:
    dice = random.Random(seed)
    service = Service(40, breaks=lambda: dice.choice([-1.0, 0.0, 0.7, 1.0, 3.6, 11.0, 17.7]))
    service.again = seed
    with serving(service) as url:
        told = subscribe(url, after=0, stop=Stop(), sleep=no_wait)
        got = list(islice(told, 30))
        service.append(60)
        got += islice(told, 70)
        told.close()
    assert got == [entry(k) for k in range(1, 101)]
    assert sum(path.endswith("/ws") for path, _, _ in service.asked) > 8


def test_without_a_number_only_what_is_new_comes_and_nothing_of_it_is_lost_in_a_break() -> None:
    connections = iter([-1.0, -1.0, 0.0])  # Nothing has been received when it breaks.
    first_asked = threading.Event()

    def breaks() -> float:
        first_asked.set()
        return next(connections, float("inf"))

    service = Service(7, breaks)
    with serving(service) as url:

        def grow() -> None:
            first_asked.wait(PATIENCE_S)
            service.append(3)

        thread = threading.Thread(target=grow)
        thread.start()
        told = subscribe(url, stop=Stop(), sleep=no_wait)
        assert list(islice(told, 3)) == [entry(8), entry(9), entry(10)]
        thread.join(PATIENCE_S)
        told.close()


def test_only_the_kinds_asked_for_are_asked_for() -> None:
    service = Service(6, breaks=lambda: 2.0)
    with serving(service) as url:
        told = subscribe(url, 0, ("blink",), stop=Stop(), sleep=no_wait)
        assert [e.id for e in islice(told, 3)] == [2, 4, 6]
        told.close()
    assert {q["kinds"][0] for path, q, _ in service.asked if path.endswith("/ws")} == {"blink"}


def test_a_service_that_is_not_there_yet_or_is_restarted_is_waited_for() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as place:
        port = place.getsockname()[1]
    waits: list[float] = []
    said: list[str] = []
    refused = threading.Event()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) > 8:
            refused.set()
            threading.Event().wait(0.01)

    got: list[Entry] = []
    stop = Stop()

    def listen() -> None:
        got.extend(islice(subscribe(f"ws://127.0.0.1:{port}", 0, stop=stop, say=said.append, sleep=sleep), 9))

    thread = threading.Thread(target=listen)
    thread.start()
    assert refused.wait(PATIENCE_S)
    service = Service(5)
    with serving(service, port):
        while len(got) < 1 and thread.is_alive() and not said[1:]:
            stop.event.wait(0.01)
    service.freeze.clear()
    service.append(4)
    with serving(service, port):
        thread.join(PATIENCE_S)
    assert got == [entry(k) for k in range(1, 10)]
    # Told once, not at each try, and that it is there again.
    assert "trying again" in said[0]
    assert said[1].endswith("connected")
    assert max(waits) <= 0.25
    assert all(line.isprintable() for line in said)


def test_the_wait_grows_to_a_bound_and_ends_when_told_to() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as place:
        port = place.getsockname()[1]
    waited: list[float] = []
    assert list(subscribe(f"http://127.0.0.1:{port}", stop=lambda: sum(waited) > 60.0, sleep=waited.append)) == []
    tries = [wait for wait in waited if wait < 0.25]
    assert min(tries) < 0.1 < max(waited)
    # 60 s with a wait of 5 s at last are some two dozen tries, with one of 0.1 s they would be hundreds.
    assert len(waited) < 400


def test_a_journal_that_was_begun_anew_is_followed_from_there() -> None:
    service = Service(50, breaks=lambda: 50.0)
    said: list[str] = []
    with serving(service) as url:
        told = subscribe(url, 0, stop=Stop(), say=said.append, sleep=no_wait)
        assert len(list(islice(told, 50))) == 50
        service.breaks = lambda: float("inf")
        service.left.clear()
        with service.news:
            service.entries = [entry(1), entry(2)]

        def grow() -> None:
            while not any("anew" in line for line in said):
                threading.Event().wait(0.01)
            service.append(1)

        service.freeze.set()
        assert service.left.wait(PATIENCE_S)  # The connection that was open.
        service.freeze.clear()
        thread = threading.Thread(target=grow)
        thread.start()
        assert [e.id for e in islice(told, 1)] == [3]
        thread.join(PATIENCE_S)
        told.close()


class DeadEnd:
    """Passes on to a service; the first WebSocket hears its handshake and then nothing, as if its cable were pulled."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._sockets = [self._server]
        self.dead = threading.Event()
        self._threads = [threading.Thread(target=self._run)]
        self._threads[0].start()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                inner, _ = self._server.accept()
                outer = socket.create_connection(("127.0.0.1", self._to))
                self._sockets += [inner, outer]
                head = inner.recv(4096)
                outer.sendall(head)
                mortal = b"/ws?" in head and not self.dead.is_set()
                for source, to, once in ((outer, inner, mortal), (inner, outer, False)):
                    self._threads.append(threading.Thread(target=self._pass_on, args=(source, to, once)))
                    self._threads[-1].start()

    def _pass_on(self, source: socket.socket, to: socket.socket, once: bool) -> None:
        with suppress(OSError):
            while data := source.recv(4096):
                to.sendall(data)
                if once:
                    self.dead.set()
                    return
            to.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE_S)
        for one in self._sockets:
            one.close()


def test_a_peer_that_is_dead_without_a_word_is_noticed() -> None:
    service = Service(2)
    said: list[str] = []
    with serving(service) as url:
        line = DeadEnd(int(url.rpartition(":")[2]))
        try:
            told = subscribe(f"http://127.0.0.1:{line.port}", 2, stop=Stop(), say=said.append, keepalive_s=0.2)

            def grow() -> None:
                line.dead.wait(PATIENCE_S)
                service.append(1)

            thread = threading.Thread(target=grow)
            thread.start()
            assert [e.id for e in islice(told, 1)] == [3]
            thread.join(PATIENCE_S)
            told.close()
        finally:
            line.close()
    assert "broke off" in said[0]


# -------------------------------------------------------------------------------------------------------- not a nictate


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "token"), (403, "token"), (404, "right address"), (400, "right address"), (301, "right")],
)
def test_a_refusal_is_the_operators_matter(status: int, words: str) -> None:
    service = Service(1)
    service.status = status
    with serving(service) as url, pytest.raises(ConfigError, match=words) as caught:
        next(subscribe(url, stop=Stop()))
    assert "\n" not in str(caught.value)


def test_a_service_that_is_busy_is_tried_again() -> None:
    service = Service(1)
    service.status = 503

    def sleep(_: float) -> None:
        service.status = 200

    with serving(service) as url:
        told = subscribe(url, 0, stop=Stop(), sleep=sleep)
        assert next(told).id == 1
        told.close()


def test_the_token_goes_into_the_header_and_not_into_the_address() -> None:
    service = Service(1)
    with serving(service) as url:
        for told in (subscribe(url, 0, token="s3cret", stop=Stop()), subscribe(f"{url}/?token=s3cret", 0, stop=Stop())):
            assert next(told).id == 1
            told.close()
    assert [token for _, _, token in service.asked] == ["Bearer s3cret"] * 4
    assert not any("token" in query for _, query, _ in service.asked)


@pytest.mark.parametrize(
    "answer", [b"<html>", b"[]", b"{}", b'{"newest": "7"}', b'{"newest": true}', b'{"newest": -1}', b"\xff", b"null"]
)
def test_another_web_server_is_told_as_such(answer: bytes) -> None:
    service = Service(1)
    service.answer = answer
    with serving(service) as url, pytest.raises(StreamError, match="no nictate"):
        next(subscribe(url, stop=Stop()))


@pytest.mark.parametrize("greeting", ["", "[]", "{\x1b[31m", b"\xff\xfe", "x" * (2**20 + 1)])
def test_a_message_that_is_no_event_ends_it(greeting: str | bytes) -> None:
    service = Service(1)
    service.greeting = greeting
    with serving(service) as url, pytest.raises(StreamError) as caught:
        next(subscribe(url, 0, stop=Stop()))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "line", [b"SSH-2.0-OpenSSH_9.9\r\n", b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"]
)
def test_what_does_not_even_speak_http_is_told_as_such(line: bytes) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def answer() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(line)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(StreamError, match="no nictate") as caught:
            next(subscribe(f"http://127.0.0.1:{server.getsockname()[1]}", stop=Stop()))
        thread.join(PATIENCE_S)
    assert str(caught.value).isprintable()


# ------------------------------------------------------------------------------------------------------------- its door


@pytest.mark.parametrize(
    ("url", "http_url"),
    [
        ("http://127.0.0.1:8765", "http://127.0.0.1:8765/api/v1/blinks?"),
        ("127.0.0.1:8765", "http://127.0.0.1:8765/api/v1/blinks?"),
        ("ws://127.0.0.1:8765/", "http://127.0.0.1:8765/api/v1/blinks?"),
        ("ws://lab:8765/api/v1/ws", "http://lab:8765/api/v1/blinks?"),
        ("http://lab/api/v1/events", "http://lab/api/v1/blinks?"),
        ("https://lab/eeg/", "https://lab/eeg/api/v1/blinks?"),
        ("wss://[::1]:1/eeg/api/v1/ws", "https://[::1]:1/eeg/api/v1/blinks?"),
        ("http://lab:8765/?token=abc", "http://lab:8765/api/v1/blinks?"),
    ],
)
def test_an_address_may_be_written_as_people_do(url: str, http_url: str) -> None:
    service = service_at(url)
    assert service.http({}) == http_url
    assert service.websocket({}) == "ws" + http_url.removeprefix("http").replace("/blinks?", "/ws?")


@pytest.mark.parametrize(
    "url",
    [
        "", "ftp://lab", "http://", "http://lab:99999999", "http://u:p@lab", "http://lab/?x=1", "http://lab/#a",
        "http://lab\r\nX: 1", "http://lab/ x", "http://[", "file:///etc/passwd", "http://läb",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        subscribe(url)
    assert str(caught.value).isprintable()


@settings(max_examples=200)
@given(st.text())
def test_any_text_is_an_address_or_refused(url: str) -> None:
    with suppress(ConfigError):
        assert str(service_at(url)).isprintable()


def test_other_arguments_are_judged_at_once_too() -> None:
    with pytest.raises(ConfigError, match="no kind"):
        subscribe("http://lab", kinds=("wink",))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="ids begin"):
        subscribe("http://lab", after=-1)
    for token in ("a b", "a\r\nX: y", "ä"):
        with pytest.raises(ConfigError, match="token"):
            subscribe("http://lab", token=token)


def test_it_is_a_name_of_the_package() -> None:
    assert nictate.subscribe is subscribe
