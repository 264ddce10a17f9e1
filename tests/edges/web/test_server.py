"""The port, the end, and connections of people who do not mean well."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from small_service import PATIENCE_S, Memory, Service, entry, eventually, ids_of, service

from nictate.edges.web import Access, Hub, Limits, WebServer, create_app
from nictate.edges.web.server import _Watch
from nictate.signals import ConfigError
from nictate.status import Status


def server(port: int = 0, host: str = "127.0.0.1") -> WebServer:
    hub = Hub(Memory())
    app = create_app(hub, Memory(), lambda: Status("waiting"), Access(), version="0", clock=lambda: 0.0)
    return WebServer(app, hub, host, port)


def test_a_used_port_is_the_operators_matter_and_known_at_once() -> None:
    first = server()
    try:
        with pytest.raises(ConfigError, match=f"port {first.port} is in use: choose another with --port") as found:
            server(first.port)
        assert "\n" not in str(found.value)
    finally:
        first.close()
    again = server(first.port)
    again.close()


@pytest.mark.parametrize(
    ("host", "port"), [("no such host", 0), ("a" * 300, 0), ("127.0.0.1", 70000), ("192.0.2.1", 0)]
)
def test_an_address_that_cannot_be_had_is_the_operators_matter(host: str, port: int) -> None:
    with pytest.raises(ConfigError, match=r"--host|--port"):
        server(port, host)


def test_who_comes_before_it_runs_is_answered_when_it_does() -> None:
    waiting = server()
    client = http.client.HTTPConnection("127.0.0.1", waiting.port, timeout=PATIENCE_S)
    client.request("GET", "/healthz")
    stop = threading.Event()
    thread = threading.Thread(target=waiting.run, args=(stop.is_set,))
    thread.start()
    assert client.getresponse().status == 200
    stop.set()
    thread.join(PATIENCE_S)
    client.close()
    assert waiting.url == f"http://127.0.0.1:{waiting.port}"


def test_it_runs_in_the_main_thread_without_touching_signals_and_leaves_the_port_free() -> None:
    waiting = server()
    seen: list[object] = []
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    def handler(*_: object) -> None: ...

    def stop() -> bool:
        seen.append(signal.getsignal(signal.SIGINT))
        return len(seen) > 2

    signal.signal(signal.SIGINT, handler)
    try:
        waiting.run(stop)
    finally:
        signal.signal(signal.SIGINT, before[0])
    assert set(seen) == {handler}
    assert signal.getsignal(signal.SIGTERM) is before[1]
    server(waiting.port).close()


def test_it_ends_promptly_whoever_hangs_on() -> None:
    with (
        service(
            Access(limits=Limits(stall_s=1000.0)), Memory([entry(k, stream="x" * 2000) for k in range(1, 1001)])
        ) as (running),
        contextlib.ExitStack() as held,
    ):
        for request in (b"", b"GET /", b"GET /api/v1/events?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            held.enter_context(running.connect(4096)).sendall(request)
        lines = held.enter_context(running.stream())
        next(lines)
        eventually(lambda: running.hub.followers == 2)
        running.ended()
    with pytest.raises(ConnectionRefusedError):
        running.connect()


def test_an_incomplete_request_is_given_up() -> None:
    with service(Access(limits=Limits(request_s=0.2))) as running:
        complete = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for before, begun in (
            (b"", b""),
            (b"", b"GET /healthz HTTP/1.1\r\nHost: loc"),
            (
                b"",
                b"POST /api/v1/recordings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b'Content-Length: 20\r\n\r\n{"nam',
            ),
            (complete, b"GET /healthz HT"),
        ):
            with running.connect() as connection:
                if before:
                    connection.sendall(before)
                    assert connection.recv(65536).startswith(b"HTTP/1.1 200")
                connection.sendall(begun)
                with contextlib.suppress(ConnectionResetError):
                    while connection.recv(65536):
                        pass


def test_a_patient_subscriber_is_not_taken_for_an_incomplete_request() -> None:
    with service(Access(limits=Limits(request_s=0.1, comment_s=0.05))) as running, running.stream() as lines:
        comments = 0
        while comments < 8:
            comments += next(lines) == ":"
        running.publish(entry(1))
        assert ids_of(lines, 1) == [1]


def test_there_are_only_so_many_connections() -> None:
    with service(Access(limits=Limits(connections=3))) as running, contextlib.ExitStack() as held:
        for _ in range(3):
            connection = held.enter_context(running.connect())
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(12) == b"HTTP/1.1 200"
        with running.connect() as fourth, contextlib.suppress(OSError):
            fourth.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert fourth.recv(100) == b""


class Link:
    """As much of a transport as is watched: what is left to be read each time that somebody looks."""

    def __init__(self, left: list[int]) -> None:
        self.left = left
        self.aborted = False
        self.high = -1

    def set_write_buffer_limits(self, high: int) -> None:
        self.high = high

    def get_write_buffer_size(self) -> int:
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]

    def get_extra_info(self, _name: str) -> Link:
        return self

    def setsockopt(self, *_: object) -> None: ...

    def abort(self) -> None:
        self.aborted = True


@pytest.mark.parametrize(
    ("left", "looks", "aborted"),
    [
        ([90_000, 90_000], 1, True),
        ([90_000, 89_000], 1, True),
        ([90_000, 0], 1, False),
        ([90_000, 60_000, 30_000, 0], 3, False),
        ([90_000, 60_000, 59_000], 2, True),
        ([10, 10], 1, True),
    ],
)
def test_who_takes_too_little_in_the_time_given_is_cut(left: list[int], looks: int, aborted: bool) -> None:
    link = Link(left)
    waits: list[float] = []

    async def program() -> None:
        loop = asyncio.get_running_loop()
        watch = _Watch(link, 10.0)  # type: ignore[arg-type]
        assert link.high == 0
        with pytest.MonkeyPatch.context() as patched:
            due: list[Callable[[], None]] = []
            patched.setattr(loop, "call_later", lambda wait, look: (waits.append(wait), due.append(look)))
            watch.paused()
            for _ in range(looks):
                assert not link.aborted
                due.pop()()
            assert not due

    asyncio.run(program())
    assert waits == [10.0] * looks
    assert link.aborted == aborted


def test_headers_are_bounded() -> None:
    with service() as running, running.connect() as connection:
        with contextlib.suppress(OSError):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ")
            for _ in range(100_000):  # It would go on for 100 MB.
                connection.sendall(b"y" * 1000)
            pytest.fail("it takes everything")
        assert running.get("/healthz").status == 200


def test_nobody_can_say_that_they_are_somebody_else() -> None:
    with service(Access(limits=Limits(requests_at_once=3, requests_per_s=0.001))) as running:
        answers = [running.get("/healthz", X_Forwarded_For=f"192.0.2.{k}").status for k in range(5)]
        assert answers == [200, 200, 200, 429, 429]


def test_a_request_that_turns_out_malformed_while_it_is_answered_is_no_error_of_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with service() as running:
        for path in ("/healthz", "/api/v1/recordings", "/nothing"):
            with running.connect() as connection, contextlib.suppress(ConnectionError):
                connection.sendall(
                    f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
                    + b"3\r\nabc\r\nzz\r\n"
                )
                while connection.recv(65536):
                    pass
    assert caplog.records == []


def test_an_upgrade_that_the_websocket_library_will_not_read_is_ended() -> None:
    with service() as running, running.connect() as connection, contextlib.suppress(ConnectionError):
        connection.sendall(UPGRADE + b"".join(b"X-%d: y\r\n" % k for k in range(500)) + b"\r\n")
        assert not connection.recv(100).startswith(b"HTTP/1.1 101")
        while connection.recv(65536):
            pass


# ---------------------------------------------------------------------------------------------- ill will, at random

UPGRADE = (
    b"GET /api/v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
bits = st.binary(max_size=60)
header_lines = st.one_of(
    st.builds(
        lambda name, value: name + b": " + value,
        st.sampled_from(
            [
                *(b"Host", b"Origin", b"Cookie", b"Authorization", b"Last-Event-ID", b"Content-Length", b"Upgrade"),
                *(b"Transfer-Encoding", b"Connection", b"Expect", b"Sec-WebSocket-Key", b"Sec-WebSocket-Version"),
                *(b"Sec-WebSocket-Extensions", b"Sec-WebSocket-Protocol", b"Accept", b"Content-Type", b"X-Any"),
            ]
        ),
        st.sampled_from(
            [
                *(b"localhost", b"chunked", b"-1", b"99999999999999999999", b"NaN", b"websocket", b"Upgrade, close"),
                *(
                    b"100-continue",
                    b"null",
                    b"13",
                    b"permessage-deflate; server_max_window_bits=99",
                    b"application/json",
                ),
            ]
        )
        | bits,
    ),
    bits,
)
targets = st.sampled_from(
    [
        b"/",
        b"/api/v1/events",
        b"/api/v1/events?after=%00",
        b"/api/v1/ws",
        b"/api/v1/blinks?limit=1",
        b"/static/%2e%2e/x",
    ]
) | st.builds(lambda tail: b"/" + tail, bits)
requests = st.builds(
    lambda method, target, version, lines, body: (
        method + b" " + target + b" " + version + b"\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body
    ),
    st.sampled_from([b"GET", b"POST", b"HEAD", b"OPTIONS", b"PRI", b"\x16\x03\x01", b"get"]),
    targets,
    st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/9.9", b""]),
    st.lists(header_lines, max_size=6).map(lambda lines: [b"Host: localhost", *lines])
    | st.lists(header_lines, max_size=6),
    bits,
)
frames = st.builds(
    lambda fin, opcode, masked, length, payload: (
        bytes([fin | opcode, masked | min(length, 127)])
        + (length.to_bytes(2, "big") if length == 126 else length.to_bytes(8, "big") if length > 126 else b"")
        + payload
    ),
    st.sampled_from([0x80, 0x00, 0xC0, 0xF0]),
    st.integers(0, 15),
    st.sampled_from([0x80, 0x00]),
    st.integers(0, 10) | st.sampled_from([125, 126, 127, 2**63 - 1, 2**63]),
    bits,
)
pipelined = st.lists(requests, min_size=1, max_size=3).map(b"".join)
chunked = st.builds(
    lambda pieces: (
        b"POST /api/v1/recordings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(pieces)
    ),
    st.lists(
        st.sampled_from([b"3\r\nabc\r\n", b"0\r\n\r\n", b"zz\r\n", b"ffffffffffff\r\n", b"-1\r\n"]) | bits, max_size=5
    ),
)


@pytest.fixture(scope="module")
def victim() -> Iterator[Service]:
    access = Access(limits=Limits(requests_per_s=1e6, requests_at_once=10**6, request_s=0.3, stall_s=0.5))
    with service(access) as running:
        yield running


def attack(victim: Service, pieces: list[bytes], awaiting: int) -> None:
    """Send one piece after the other, read ``awaiting`` bytes after the first, and go away without a word."""
    with victim.connect() as connection, contextlib.suppress(OSError):
        for k, piece in enumerate(pieces):
            connection.sendall(piece)
            if k == 0 and awaiting:
                connection.recv(awaiting)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(0.002)
        with contextlib.suppress(TimeoutError):
            while connection.recv(65536):
                pass


def is_well(victim: Service) -> None:
    assert victim.get("/healthz").status == 200
    with victim.stream() as lines:
        victim.publish(entry(victim.records.newest_id + 1))
        assert ids_of(lines, 1) == [victim.records.newest_id]


class Complaints(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(self.format(record))


@pytest.fixture(scope="module")
def complaints() -> Iterator[list[str]]:
    """What uvicorn, websockets and asyncio have logged: unhandled exceptions."""
    handler = Complaints()
    logging.getLogger().addHandler(handler)
    yield handler.heard
    logging.getLogger().removeHandler(handler)


bounded = settings(
    max_examples=200,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@given(attempt=pipelined | chunked | st.binary(max_size=200), cut=st.integers(0, 300))
@bounded
def test_malformed_requests_do_no_harm(victim: Service, complaints: list[str], attempt: bytes, cut: int) -> None:
    attack(victim, [attempt[:cut], attempt[cut:]], 0)
    assert complaints == []


@given(sent=st.lists(frames | bits, max_size=6), extra=st.lists(header_lines, max_size=3), wait=st.booleans())
@bounded
def test_malformed_frames_do_no_harm(
    victim: Service, complaints: list[str], sent: list[bytes], extra: list[bytes], wait: bool
) -> None:
    handshake = UPGRADE + b"".join(line + b"\r\n" for line in extra) + b"\r\n"
    attack(victim, [handshake, *sent], 4096 if wait and not extra else 0)
    assert complaints == []


def test_it_is_well_afterwards(victim: Service, complaints: list[str]) -> None:
    is_well(victim)
    eventually(lambda: victim.hub.followers == 0)
    assert complaints == []
