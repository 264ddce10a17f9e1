"""What the README tells subscribers to do is done here, line by line, with a running service."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.programs import PATIENCE_S, running
from nictate.latency import headset

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.partition("  #")[0].strip()
    for line in re.findall(
        r"^ {4}((?:nictate listen|nictate log|curl|mosquitto_sub) .*|nictate listen .*)$", README, re.M
    )
]
PYTHON, SSE, WEBSOCKET = (
    next(code for code in re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S) if word in code)
    for language, word in (("python", "subscribe"), ("js", "EventSource"), ("js", "WebSocket"))
)


def needed(program: str, package: str) -> str:
    """The path of a program. Without it the test is skipped, but not where everything was to be installed."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"there is no {program}: scripts/test installs {package}")
        pytest.skip(f"there is no {program}: install Debian's package {package}")
    return path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextlib.contextmanager
def broker(folder: Path) -> Iterator[int | None]:
    """Mosquitto on a port of its own; None where there is none."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        yield None
        return
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n", encoding="utf-8")
    process = subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
                break
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


class Service:
    """What a reader of the README has running, and how its addresses and names are called here."""

    def __init__(self, port: int, mqtt: int | None, journal: Path) -> None:
        self.port, self.mqtt, self.journal = port, mqtt, journal

    def here(self, text: str) -> str:
        """A text of the README with the addresses of this service."""
        return text.replace("8765", str(self.port))

    def words(self, line: str) -> list[str]:
        """A command of the README, with what it takes by default said."""
        words = shlex.split(self.here(line))
        if words[:2] == ["nictate", "log"]:
            words += ["--journal", str(self.journal)]
        elif words[:2] == ["nictate", "listen"]:
            words += ["--name", "readme"] if "--lsl" in words else [f"http://127.0.0.1:{self.port}"]
        elif words[0] == "mosquitto_sub":
            words += ["-p", str(self.mqtt)]
        return words


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("readme")
    journal, port = folder / "journal.sqlite", free_port()
    with headset(2, 250.0, "test-readme"), broker(folder) as mqtt:
        options: list[object] = ["--source-id", "test-readme", "--port", port, "--journal", journal]
        options += ["--markers", "readme"]
        if mqtt is not None:
            options += ["--mqtt", f"mqtt://127.0.0.1:{mqtt}/lab"]
        with running("run", *options) as program:
            program.until(lambda: any("blink " in line for line in program.out))
            yield Service(port, mqtt, journal)


def lines_of(command: list[str], wanted: str) -> list[str]:
    """What a command prints until a line has ``wanted`` in it, or until it ends; it is ended then."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    timer = threading.Timer(PATIENCE_S, process.kill)
    timer.start()
    lines = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if wanted in line:
                break
    finally:
        timer.cancel()
        process.kill()
        process.communicate()
    return lines


def test_the_readme_shows_each_way_of_subscribing() -> None:
    started = {tuple(shlex.split(line)[:2]) for line in COMMANDS}
    assert {("nictate", "listen"), ("nictate", "log"), ("curl", "-N"), ("mosquitto_sub", "-V")} <= started
    assert any("--lsl" in line for line in COMMANDS)


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_shows_blinks(line: str, service: Service) -> None:
    words = service.words(line)
    if words[0] == "nictate":
        words = [sys.executable, "-m", *words]
    elif words[0] == "mosquitto_sub":
        needed("mosquitto", "mosquitto")
        needed("mosquitto_sub", "mosquitto-clients")
    else:
        needed(words[0], words[0])
    lines = lines_of(words, "blink")
    assert lines, line
    assert "blink" in lines[-1], lines


def test_the_code_in_python_prints_blinks(service: Service) -> None:
    lines = lines_of([sys.executable, "-c", service.here(PYTHON)], "blink")
    assert re.match(r"\d+ blink", lines[-1]), lines


@pytest.mark.parametrize("code", [SSE, WEBSOCKET], ids=["sse", "websocket"])
def test_the_code_in_a_browser_logs_blinks(code: str, service: Service) -> None:
    chromium = needed("chromium", "chromium")
    from playwright.sync_api import sync_playwright

    quiet = ["--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
    as_root = ["--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=quiet + as_root)
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{service.port}/api/v1/schema.json")  # A page of the service's own.
        with page.expect_console_message(lambda said: "blink" in said.text, timeout=1e3 * PATIENCE_S):
            page.evaluate(f"() => {{ {service.here(code)} }}")
        browser.close()
