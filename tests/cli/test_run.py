"""The service as its user starts it."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import PATIENCE_S, call, running
from programs import nictate as command

import nictate
from nictate.cli import run as module
from nictate.edges.journal import Journal
from nictate.latency import headset
from nictate.wire import entry_to_json


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_what_is_printed_journalled_and_subscribed_to_is_the_same(tmp_path: Path) -> None:
    port, path = free_port(), tmp_path / "journal.sqlite"
    options = ("--source-id", "test-run", "--port", port, "--journal", path, "--json", "--markers", "")
    with headset(2, 250.0, "test-run"), running("run", *options) as program:
        program.says(f"dashboard and events at http://127.0.0.1:{port}")
        entries = nictate.subscribe(f"http://127.0.0.1:{port}", after=0)
        heard = [next(entries) for _ in range(4)]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE_S) as page:
            assert "nictate" in page.read().decode()
        assert program.interrupt() == 0
    with Journal(path, readonly=True) as journal:
        kept = journal.read()
    assert [entry_to_json(entry) for entry in heard] == [entry_to_json(entry) for entry in kept[:4]]
    printed = [json.loads(line) for line in program.out]
    assert [event["decided"] for event in printed] == [entry.event.decided for entry in kept]
    assert [event["kind"] for event in printed] == [entry.event.kind for entry in kept]
    logged = command("log", "--journal", path, "--format", "json")
    assert logged.stdout.splitlines() == [entry_to_json(entry) for entry in kept]


def test_the_sites_settings_count_and_options_come_before_them(tmp_path: Path) -> None:
    port, site = free_port(), tmp_path / "site.toml"
    site.write_text(
        f"[service]\nport = 1\ntoken = 'a-token-of-the-site'\n[journal]\npath = '{tmp_path / 'site.sqlite'}'\n",
        encoding="utf-8",
    )
    with running("run", "--config", site, "--port", port, "--source-id", "test-run-nobody") as program:
        program.says(f"http://127.0.0.1:{port}")
        request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/status")
        request.add_header("Authorization", "Bearer a-token-of-the-site")
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            assert json.load(answer)["connection"] == "waiting"
        assert program.interrupt() == 0
    assert (tmp_path / "site.sqlite").is_file()


def refusals(folder: Path) -> Iterator[tuple[list[object], str]]:
    (folder / "wrong.toml").write_text("[service]\nprot = 1\n", encoding="utf-8")
    (folder / "notes.txt").write_text("no journal\n" * 100, encoding="utf-8")
    yield ["--config", folder / "gone.toml"], "gone.toml cannot be read"
    yield ["--config", folder / "wrong.toml"], "service.prot is not known; there are: host, port"
    yield ["--journal", folder / "notes.txt"], "notes.txt"
    yield ["--journal", folder / "held.sqlite"], "held.sqlite"
    yield ["--token", "short"], "token must be 16"
    yield ["--mqtt", "http://broker"], "mqtt://"
    yield ["--host", "no such host"], "--host no such host"


@pytest.mark.parametrize("k", range(7))
def test_what_cannot_be_is_refused_in_one_line(
    k: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    options, words = list(refusals(tmp_path))[k]
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with Journal(tmp_path / "held.sqlite"):
        assert call(["run", "--source-id", "test-run-nobody", "--port", 0, *options], monkeypatch) == 2
    out, err = capfd.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("nictate: ")
    assert words in line


def test_a_port_that_is_taken_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = ["--source-id", "test-run-nobody", "--port", port, "--journal", tmp_path / "j.sqlite"]
        assert call(["run", *options], monkeypatch) == 2
    assert f"port {port} is in use" in capfd.readouterr().err


def test_the_demonstration_serves_its_dashboard(tmp_path: Path) -> None:
    with running("demo", "--port", "0", "--no-browser", "--channels", "2") as demo:
        demo.says("dashboard and events at")
        (url,) = [line.rpartition(" ")[2] for line in demo.err if "dashboard" in line]
        demo.until(lambda: any("blink/start" in line for line in demo.out))
        with urllib.request.urlopen(f"{url}/api/v1/blinks", timeout=PATIENCE_S) as answer:
            assert json.load(answer)["entries"][0]["stream"] == "nictate demo"
        assert demo.interrupt() == 0
    assert not list(tmp_path.iterdir())


def test_a_page_is_only_opened_where_it_can_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(module.webbrowser, "open", opened.append)
    monkeypatch.setattr(module.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    module.open_page("http://127.0.0.1:1/")
    assert opened == []
    monkeypatch.setenv("DISPLAY", ":0")
    module.open_page("http://127.0.0.1:1/")
    assert opened == ["http://127.0.0.1:1/"]
