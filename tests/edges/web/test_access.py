"""Nobody from another site, nobody without the token, nobody too often or too much."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_service import Service, service
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from nictate.edges.web import Access, Limits
from nictate.edges.web.access import Buckets, is_loopback
from nictate.signals import ConfigError

TOKEN = "a-token.of_some~length"
PATHS = ("/", "/static/main.js", "/api/v1/status", "/api/v1/events", "/api/v1/openapi.json", "/metrics", "/healthz")
LISTENING = Access.at("0.0.0.0", TOKEN, names=["EEG.lab.example"])


def socket_status(running: Service, path: str = "/api/v1/ws", **headers: str) -> int:
    """What a WebSocket is answered."""
    extra = {name.replace("_", "-"): value for name, value in headers.items()}
    host = extra.pop("Host", f"127.0.0.1:{running.port}")
    try:
        with running.connect() as link, connect(f"ws://{host}{path}", sock=link, additional_headers=extra):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


@pytest.mark.parametrize(
    ("access", "host", "expected"),
    [
        (Access(), "127.0.0.1:8765", 200),
        (Access(), "LOCALHOST", 200),
        (Access(), "localhost.:1", 200),
        (Access(), "[::1]:8765", 200),
        (Access(), "evil.example", 421),
        (Access(), "127.0.0.1.evil.example", 421),
        (Access(), "localhost@evil.example", 421),
        (Access(), "localhost:80:80", 421),
        (Access(), "192.168.1.7", 421),
        (Access(), "0.0.0.0", 421),
        (Access(), "", 421),
        (Access(), "::1", 421),
        (LISTENING, "192.168.1.7:8765", 200),
        (LISTENING, "[fe80::1]", 200),
        (LISTENING, "eeg.lab.example", 200),
        (LISTENING, "evil.example", 421),
    ],
)
def test_only_the_services_own_names_are_answered(access: Access, host: str, expected: int) -> None:
    with service(access) as running:
        answer = running.get("/healthz", Host=host)
        assert answer.status == expected
        if expected != 200:
            assert "\n" not in answer.json["error"]


def test_a_websocket_under_another_name_is_refused() -> None:
    with service() as running:
        assert socket_status(running) == 101
        assert socket_status(running, Host="evil.example") == 421


FOREIGN = ("https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example", "file://", "x")


@pytest.mark.parametrize("origin", FOREIGN)
def test_pages_of_other_sites_are_refused_everywhere(origin: str) -> None:
    with service() as running:
        for path in PATHS:
            assert running.get(path, Origin=origin).status == 403, path
        assert running.ask("POST", "/api/v1/recordings", '{"name": "x"}', Origin=origin).status == 403
        assert running.ask("OPTIONS", "/api/v1/recordings", Origin=origin).status == 403
        assert running.records.found == []
        for path in ("/api/v1/ws", "/api/v1/signals"):
            assert socket_status(running, path, Origin=origin) == 403


def test_the_services_own_pages_are_not() -> None:
    with service() as running:
        for name in ("127.0.0.1", "localhost"):
            host = f"{name}:{running.port}"
            for scheme in ("http", "https"):
                answer = running.get("/api/v1/status", Host=host, Origin=f"{scheme}://{host}")
                assert answer.status == 200
                assert "access-control-allow-origin" not in answer.headers
            assert socket_status(running, Host=host, Origin=f"http://{host}") == 101
        # One name of this machine is no page under another.
        assert running.get("/api/v1/status", Host="localhost", Origin="http://127.0.0.1").status == 403


@pytest.mark.parametrize(
    ("site", "mode", "dest", "expected"),
    [
        ("none", "navigate", "document", 200),
        ("same-origin", "cors", "empty", 200),
        ("cross-site", "no-cors", "image", 403),
        ("same-site", "no-cors", "script", 403),
        ("cross-site", "navigate", "iframe", 403),
        ("cross-site", "navigate", "document", 200),
    ],
)
def test_what_a_foreign_page_embeds_is_refused_and_what_it_links_to_is_not(
    site: str, mode: str, dest: str, expected: int
) -> None:
    with service() as running:
        sent = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": mode, "Sec_Fetch_Dest": dest}
        assert running.get("/api/v1/status", **sent).status == expected
        posted = running.ask("POST", "/api/v1/recordings", '{"name": "x"}', Content_Type="application/json", **sent)
        assert posted.status == (201 if site in ("none", "same-origin") else 403)


def test_a_page_that_is_named_may_read_and_write() -> None:
    access = Access(origins=frozenset({"https://lab.example"}))
    with service(access) as running:
        sent = {"Origin": "https://lab.example", "Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "cors"}
        assert running.get("/api/v1/status", **sent).headers["access-control-allow-origin"] == "https://lab.example"
        asked = running.ask("OPTIONS", "/api/v1/recordings", Access_Control_Request_Method="POST", **sent)
        assert asked.status == 204
        assert "POST" in asked.headers["access-control-allow-methods"]
        posted = running.ask("POST", "/api/v1/recordings", '{"name": "x"}', Content_Type="application/json", **sent)
        assert posted.status == 201
        assert socket_status(running, Origin="https://lab.example") == 101
        assert running.get("/api/v1/status", Origin="https://lab.example.evil").status == 403


def test_without_the_token_nothing_is_told_but_whether_it_is_alive() -> None:
    with service(Access(token=TOKEN)) as running:
        for path in PATHS:
            for sent in (
                {},
                {"Authorization": "Bearer wrong"},
                {"Authorization": TOKEN},
                {"Authorization": f"Basic {TOKEN}"},
                {"Authorization": "Bearer \xfc"},
                {"Cookie": f"nictate-{running.port}=wrong"},
                {"Cookie": f"nictate-1={TOKEN}"},
                {"Cookie": "\xff;=;;" + "a" * 3000},
            ):
                answer = running.get(path, **sent)
                assert answer.status == (200 if path == "/healthz" else 401), (path, sent)
                if path != "/healthz":
                    assert answer.headers["www-authenticate"].startswith("Bearer")
            assert running.get(f"{path}?token=wrong-but-long-enough").status == (400 if path == "/healthz" else 401), (
                path
            )
        for path in ("/healthzz", "/healthz/", "/healthz%00", "//healthz", "/nothing"):
            assert running.get(path).status == (404 if "%" in path else 401), path
        for path in ("/api/v1/ws", "/api/v1/signals"):
            assert socket_status(running, path) == 401
        assert socket_status(running, f"/api/v1/ws?token={TOKEN}") == 401
        assert running.ask("POST", "/api/v1/recordings", '{"name": "x"}').status == 401
        assert running.ask("POST", f"/?token={TOKEN}").status == 401


def test_with_the_token_everything_is() -> None:
    with service(Access(token=TOKEN)) as running:
        for sent in (
            {"Authorization": f"Bearer {TOKEN}"},
            {"Authorization": f"bearer  {TOKEN}"},
            {"Cookie": f"other=1; nictate-{running.port}={TOKEN}"},
        ):
            assert running.get("/api/v1/status", **sent).status == 200
            assert running.get("/", **sent).status == 200
            assert socket_status(running, **sent) == 101
            with running.stream(**sent) as lines:
                assert next(lines) == "retry: 1000"


def test_the_address_with_the_token_becomes_a_cookie_and_disappears() -> None:
    with service(Access(token=TOKEN)) as running:
        answer = running.get(f"/?token={TOKEN}")
        assert answer.status == 303
        assert answer.headers["location"] == "/"
        cookie, *attributes = answer.headers["set-cookie"].split("; ")
        assert cookie == f"nictate-{running.port}={TOKEN}"
        assert {attribute.lower() for attribute in attributes} == {"httponly", "samesite=strict", "path=/"}
        assert TOKEN.encode() not in answer.body
        assert running.get("/", Cookie=cookie).status == 200
    with service() as running:  # Where none is needed, none is kept.
        answer = running.get("/?token=anything")
        assert answer.status == 303
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", [*PATHS, "/nothing", "/api/v1/blinks?x=1"])
def test_every_answer_carries_what_browsers_are_to_heed(path: str) -> None:
    with service() as running:
        answers = [running.ask(method, path) for method in ("HEAD", "POST")]
        answers.append(running.get(path, Origin="https://evil.example"))
        for answer in answers:
            policy = answer.headers["content-security-policy"].split("; ")
            assert "default-src 'self'" in policy
            assert not any("unsafe" in rule or "*" in rule for rule in policy)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-frame-options"] == "DENY"
            assert answer.headers["cross-origin-opener-policy"] == "same-origin"
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["cache-control"] == ("no-cache" if path.startswith("/static/") else "no-store")
            assert "server" not in answer.headers


def test_too_much_is_refused_before_it_is_read() -> None:
    with service() as running:
        for length in ("16385", "999999999999999999999", "-1", "1e3"):
            answer = running.ask("POST", "/api/v1/recordings", b"", Content_Length=length)
            assert answer.status in (400, 413)


@given(
    address=st.ip_addresses().map(str),
    waits=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=60),
    rate=st.floats(0.5, 20.0),
    size=st.integers(1, 10),
)
def test_in_any_stretch_of_time_no_more_is_let_through_than_was_said(
    address: str, waits: list[float], rate: float, size: int
) -> None:
    now = [0.0]
    buckets = Buckets(rate, size, lambda: now[0])
    let_through: list[float] = []
    for wait in waits:
        now[0] += wait
        if (wait_s := buckets.take(address)) == 0.0:
            let_through.append(now[0])
        else:
            assert 0.0 < wait_s <= 1.0 / rate
    for k, begin in enumerate(let_through):
        for count, end in enumerate(let_through[k:], 1):
            assert count <= size + rate * (end - begin) + 1e-6


def test_everybody_has_a_bucket_of_their_own_and_there_are_only_so_many() -> None:
    buckets = Buckets(1.0, 1, lambda: 0.0)
    for k in range(3 * Buckets.MOST):
        assert buckets.take(str(ipaddress.ip_address(k))) == 0.0
    assert len(buckets._left) == Buckets.MOST
    assert buckets.take(str(ipaddress.ip_address(3 * Buckets.MOST - 1))) > 0.0


def test_a_network_of_ipv6_is_one() -> None:
    buckets = Buckets(1.0, 1, lambda: 0.0)
    assert buckets.take("2001:db8::1") == 0.0
    assert buckets.take("2001:db8::ffff") > 0.0
    assert buckets.take("2001:db8:0:1::1") == 0.0
    assert buckets.take("fe80::1%eth0") == 0.0


def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    with service(Access(limits=Limits(requests_per_s=0.1, requests_at_once=2))) as running:
        assert [running.get("/healthz").status for _ in range(3)] == [200, 200, 429]
        assert 1 <= int(running.get("/").headers["retry-after"]) <= 11
        assert socket_status(running) == 429


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_this_machine_needs_no_token(host: str) -> None:
    access = Access.at(host)
    assert access.token == ""
    assert host in access.hosts
    assert not access.any_address


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_other_machines_do(host: str) -> None:
    with pytest.raises(ConfigError, match="give a token"):
        Access.at(host)
    assert Access.at(host, TOKEN).any_address


@pytest.mark.parametrize(
    "token", ["short", "with blanks in between", "a" * 201, "ümläute-und-so-weiter", "a;b;c;d;e;f;g;h;i"]
)
def test_a_token_must_be_one_that_travels(token: str) -> None:
    with pytest.raises(ConfigError, match="token"):
        Access(token=token)


@pytest.mark.parametrize("origin", ["*", "null", "https://a.example/", "HTTPS://A.example", "a.example"])
def test_an_origin_must_be_one(origin: str) -> None:
    with pytest.raises(ConfigError, match="origin"):
        Access(origins=frozenset({origin}))


def test_an_address_that_nobody_knows_is_the_operators_matter() -> None:
    with pytest.raises(ConfigError, match="--host"):
        is_loopback("no such host")
