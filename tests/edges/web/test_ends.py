"""Server-Sent Events and WebSockets, over real connections."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Callable

import pytest
from small_service import PATIENCE_S, Memory, Service, entry, eventually, ids_of, service, starts_and_blinks
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect

from nictate.edges.web import Access, Limits
from nictate.wire import entry_from_json


def url(running: Service, path: str) -> str:
    return f"ws://127.0.0.1:{running.port}{path}"


def test_a_stream_says_when_to_come_back_and_where_it_stands_and_then_each_event() -> None:
    with service(records=Memory(starts_and_blinks(1, 3))) as running, running.stream() as lines:
        assert [next(lines) for _ in range(3)] == ["retry: 1000", "id: 3", ""]
        running.publish(entry(4))
        assert next(lines) == "id: 4"
        data = next(lines)
        assert data.startswith("data: ")
        assert entry_from_json(data[6:]) == entry(4)
        assert next(lines) == ""


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/api/v1/events?after=2", {}, [3, 4, 5]),
        ("/api/v1/events", {"Last_Event_ID": "3"}, [4, 5]),
        ("/api/v1/events?after=0", {"Last_Event_ID": "4"}, [5]),
        ("/api/v1/events?after=0", {"Last_Event_ID": ""}, [1, 2, 3, 4, 5]),
        ("/api/v1/events?after=0&kinds=blink,blink/long", {}, [1, 4]),
    ],
)
@pytest.mark.parametrize("ring", [1, 100])
def test_a_stream_goes_on_where_it_is_told_to(
    path: str, headers: dict[str, str], expected: list[int], ring: int
) -> None:
    with service(records=Memory(starts_and_blinks(1, 4)), ring=ring, page=2) as running:
        running.publish(*starts_and_blinks(5, 5))
        with running.stream(path, **headers) as lines:
            assert ids_of(lines, len(expected)) == expected
            running.publish(entry(6))  # Nothing else came in between.
            assert ids_of(lines, 1) == [6]


def test_a_silent_stream_says_that_it_is_there_and_how_far_it_has_come() -> None:
    access = Access(limits=Limits(comment_s=0.05))
    with service(access) as running, running.stream("/api/v1/events?kinds=blink/long") as lines:
        assert [next(lines) for _ in range(5)] == ["retry: 1000", "id: 0", "", ":", ""]
        running.publish(entry(1, "blink"))
        while (line := next(lines)) in (":", ""):
            pass
        assert line == "id: 1"


def test_a_subscriber_that_is_gone_is_one_no_longer() -> None:
    with service() as running:
        with running.stream() as lines:
            next(lines)
            assert running.hub.followers == 1
        eventually(lambda: running.hub.followers == 0)
        with connect(url(running, "/api/v1/ws")), connect(url(running, "/api/v1/signals")):
            eventually(lambda: (running.hub.followers, running.hub.viewers) == (1, 1))
        eventually(lambda: (running.hub.followers, running.hub.viewers) == (0, 0))


def test_only_so_many_subscribers_are_taken(caplog: pytest.LogCaptureFixture) -> None:
    with service(Access(limits=Limits(subscribers=2))) as running:
        with running.stream(), connect(url(running, "/api/v1/signals")):
            eventually(lambda: running.hub.followers + running.hub.viewers == 2)
            refused = running.get("/api/v1/events")
            assert refused.status == 429
            assert refused.headers["retry-after"] == "5"
            assert "2 subscribers" in refused.json["error"]
            for path in ("/api/v1/ws", "/api/v1/signals"):
                with pytest.raises(InvalidStatus) as found, connect(url(running, path)):
                    pass
                assert found.value.response.status_code == 429
            assert caplog.records == []  # What strangers do is no error of ours.
        eventually(lambda: running.hub.followers + running.hub.viewers == 0)
        with running.stream():
            pass


def test_a_websocket_tells_the_same_one_entry_a_message() -> None:
    with (
        service(records=Memory(starts_and_blinks(1, 9)), ring=2, page=4) as running,
        connect(url(running, "/api/v1/ws?after=3&kinds=blink,blink/start")) as socket,
    ):
        expected = [e for e in running.records.entries if e.id > 3 and e.event.kind in ("blink", "blink/start")]
        assert [entry_from_json(socket.recv(PATIENCE_S)) for _ in expected] == expected
        running.publish(entry(10, "blink"))
        assert entry_from_json(socket.recv(PATIENCE_S)).id == 10


def test_scenes_are_shown_as_they_are() -> None:
    with service() as running, connect(url(running, "/api/v1/signals")) as socket:
        eventually(lambda: running.hub.viewers == 1)
        running.hub.show('{"run": "a"}')
        assert socket.recv(PATIENCE_S) == '{"run": "a"}'


@pytest.mark.parametrize(
    ("path", "headers", "about"),
    [
        ("?after=-1", {}, "after"),
        ("?after=1e3", {}, "after"),
        ("?after=", {}, "after"),
        ("?after=%C2%B2", {}, "after"),
        ("?after=99999999999999999999", {}, "after"),
        ("?after=9223372036854775808", {}, "after"),
        ("?after=1&after=1", {}, "after"),
        ("?kinds=", {}, "kinds"),
        ("?kinds=blinks", {}, "kinds=blinks"),
        ("?limit=3", {}, "limit"),
        ("?%ED%A0%80=3", {}, "no such parameter"),
        ("", {"Last_Event_ID": "abc"}, "Last-Event-ID"),
        ("", {"Last_Event_ID": "NaN"}, "Last-Event-ID"),
        ("", {"Last_Event_ID": "1" * 5000}, "Last-Event-ID"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(path: str, headers: dict[str, str], about: str) -> None:
    with service() as running:
        refused = running.get(f"/api/v1/events{path}", **headers)
        assert refused.status == 400
        assert about in refused.json["error"]
        if not headers:
            with pytest.raises(InvalidStatus) as found, connect(url(running, f"/api/v1/ws{path}")):
                pass
            assert found.value.response.status_code == 400
            assert about in json.loads(found.value.response.body or b"")["error"]


def test_only_what_it_is_for_is_found_there() -> None:
    with service() as running:
        assert running.ask("HEAD", "/api/v1/events").status == 200
        assert running.hub.followers == 0
        assert running.ask("POST", "/api/v1/events").status == 405
        for path in ("/api/v1/ws", "/api/v1/signals"):
            assert running.get(path).status == 426
        with pytest.raises(InvalidStatus), connect(url(running, "/api/v1/events")):
            pass
        with pytest.raises(InvalidStatus) as found, connect(url(running, "/api/v1/signals?after=3")):
            pass
        assert found.value.response.status_code == 400


@pytest.mark.parametrize(
    ("say", "code"),
    [("hello", 1003), (b"\xff\xfe", 1003), ("", 1003), ("x" * 70_000, 1009), (["a", "b"], 1003), ([b""] * 40, 1009)],
)
@pytest.mark.parametrize("path", ["/api/v1/ws", "/api/v1/signals"])
def test_a_websocket_listens_to_nobody(path: str, say: str | bytes | list[str] | list[bytes], code: int) -> None:
    with service() as running, connect(url(running, path)) as socket:
        with pytest.raises(ConnectionClosed) as found:
            _say(socket, say)
        assert found.value.rcvd is not None
        assert found.value.rcvd.code == code
        eventually(lambda: running.hub.followers + running.hub.viewers == 0)


def _say(socket: ClientConnection, say: str | bytes | list[str] | list[bytes]) -> None:
    socket.send(say)
    socket.recv(PATIENCE_S)


@pytest.mark.parametrize("path", ["/api/v1/ws", "/api/v1/signals"])
@pytest.mark.parametrize(
    "said",
    [
        Frame(Opcode.TEXT, b"x" * 70_000).serialize(mask=True),
        b"".join(
            Frame(opcode, b"x" * 3, fin=False).serialize(mask=True) for opcode in [Opcode.TEXT, *[Opcode.CONT] * 40]
        )
        + Frame(Opcode.PING, b"there?").serialize(mask=True),
    ],
    ids=["too long", "too many pieces"],
)
def test_who_still_speaks_when_too_much_was_said_is_told_so(path: str, said: bytes) -> None:
    with service() as running, running.connect() as stream:
        ws_request(stream, path)
        eventually(lambda: running.hub.followers + running.hub.viewers == 1)
        stream.sendall(said[:1000])
        eventually(lambda: running.hub.followers + running.hub.viewers == 0)
        for start in range(1000, len(said), 10_000):
            stream.sendall(said[start : start + 10_000])
        stream.sendall(b"and so on")
        received = b""
        while piece := stream.recv(65536):  # Ended, not reset.
            received += piece
        assert (1009).to_bytes(2) in received


def test_who_does_not_stop_speaking_is_cut_off() -> None:
    said = Frame(Opcode.TEXT, b"x" * 70_000).serialize(mask=True)
    with service(Access(limits=Limits(stall_s=0.2))) as running, running.connect() as stream:
        ws_request(stream, "/api/v1/ws")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            _say_for(stream, said, PATIENCE_S)


def _say_for(stream: socket.socket, said: bytes, duration_s: float) -> None:
    until = time.monotonic() + duration_s
    while time.monotonic() < until:
        stream.sendall(said)


def test_text_that_is_none_is_no_error_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    with service() as running, connect(url(running, "/api/v1/ws")) as socket:
        socket.send(b"\xff\xfe", text=True)
        with pytest.raises(ConnectionClosed) as found:
            socket.recv(PATIENCE_S)
        assert found.value.rcvd is not None
        assert found.value.rcvd.code == 1003
    assert caplog.records == []


def test_a_websocket_answers_pings() -> None:
    with service() as running, connect(url(running, "/api/v1/ws")) as socket:
        assert socket.ping(b"there?").wait(PATIENCE_S)


def test_everybody_is_told_when_the_service_ends() -> None:
    with service() as running, running.connect() as stream, connect(url(running, "/api/v1/ws")) as socket:
        sse_request(stream, "/api/v1/events")
        eventually(lambda: running.hub.followers == 2)
        running.ended()
        received = b""
        while piece := stream.recv(65536):
            received += piece
        assert received.endswith(b"\r\n0\r\n\r\n")  # Ended, not broken off.
        with pytest.raises(ConnectionClosed) as found:
            socket.recv(PATIENCE_S)
        assert found.value.rcvd is not None
        assert found.value.rcvd.code in (1001, 1012)


def sse_request(connection: socket.socket, path: str) -> None:
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())


def ws_request(connection: socket.socket, path: str) -> None:
    connection.sendall(
        (
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        ).encode()
    )


@pytest.mark.parametrize(
    ("request_it", "path"),
    [
        (sse_request, "/api/v1/events?after=0"),
        (ws_request, "/api/v1/ws?after=0"),
        (sse_request, "/api/v1/blinks?limit=1000"),
    ],
)
def test_who_reads_nothing_is_cut_off_and_holds_nobody_up(
    request_it: Callable[[socket.socket, str], None], path: str
) -> None:
    wide = "x" * 2000
    records = Memory([entry(k, stream=wide) for k in range(1, 1001)])
    with service(Access(limits=Limits(stall_s=0.3)), records, ring=4) as running, running.connect(4096) as silent:
        request_it(silent, path)
        with running.stream() as lines:
            running.publish(entry(1001))
            assert ids_of(lines, 1) == [1001]
            received = b""
            try:
                # Only now, after it has been cut off, is what had been sent until then read.
                eventually(lambda: _is_cut(silent))
                while piece := silent.recv(65536):
                    received += piece
            except ConnectionResetError:
                pass
            assert len(received) < 2_000_000
            assert b'"id": 1001' not in received
            running.publish(entry(1002))
            assert ids_of(lines, 1) == [1002]
        # It comes back for the rest.
        with running.stream("/api/v1/events?after=900") as lines:
            assert ids_of(lines, 102) == list(range(901, 1003))


def _is_cut(silent: socket.socket) -> bool:
    """Whether the server has reset the connection."""
    poll = select.poll()
    poll.register(silent, 0)  # A reset is always told.
    return bool(poll.poll(0))


def test_who_reads_slowly_but_reads_is_given_everything() -> None:
    records = Memory([entry(k, stream="x" * 2000) for k in range(1, 301)])
    with service(Access(limits=Limits(stall_s=PATIENCE_S)), records, ring=4) as running, running.connect(4096) as slow:
        sse_request(slow, "/api/v1/events?after=0")
        received = b""
        while b"id: 300\n" not in received:
            received += slow.recv(8192)
        assert received.count(b"\ndata: ") == 300
