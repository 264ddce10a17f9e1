"""A station and its web server together, without a stream: what ends one of them ends the other."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nictate.edges.journal import Journal
from nictate.edges.lsl import LslSource, Query
from nictate.edges.onnx import load_model
from nictate.edges.web import Hub
from nictate.refit import at_once
from nictate.service import shipped_card
from nictate.serving import Address, Service
from nictate.signals import ConfigError, StreamError
from nictate.station import Listeners, Station, Wish

PATIENCE_S = 30.0


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[[Address], Service]]:
    """Makes a service that waits for a stream which never comes."""
    card, network = load_model(shipped_card())
    with (
        Journal(tmp_path / "journal.sqlite") as journal,
        LslSource(
            Query(source_id="test-serving-nobody"), channels=None, unit=None, restamp=False, say=lambda _: None
        ) as source,
    ):
        station = Station(source, card, network, Wish(), journal, Listeners(), at_once)
        yield lambda address: Service(address, journal, Hub(journal), station)


def get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def test_it_answers_while_it_runs_and_not_afterwards(made: Callable[[Address], Service]) -> None:
    before = set(threading.enumerate())
    service, over = made(Address(port=0)), threading.Event()
    assert service.token == ""
    assert service.page == f"{service.url}/"
    runner = threading.Thread(target=service.run, args=(over.is_set,))
    runner.start()
    assert get(f"{service.url}/api/v1/status")["connection"] == "waiting"
    over.set()
    runner.join(PATIENCE_S)
    assert not runner.is_alive()
    assert set(threading.enumerate()) <= before
    with pytest.raises(urllib.error.URLError):
        get(f"{service.url}/api/v1/status")


def test_a_station_that_fails_ends_the_server_and_is_heard(
    made: Callable[[Address], Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: Station, _stop: Callable[[], bool]) -> None:
        raise StreamError("the headset is on fire")

    monkeypatch.setattr(Station, "run", fail)
    with pytest.raises(StreamError, match="on fire"):
        made(Address(port=0)).run(lambda: False)


def test_a_port_that_is_taken_is_refused_with_the_option_to_use(made: Callable[[Address], Service]) -> None:
    first = made(Address(port=0))
    port = int(first.url.rpartition(":")[2])
    with pytest.raises(ConfigError, match=f"port {port} is in use: choose another with --port"):
        made(Address(port=port))
    first.run(lambda: True)
    made(Address(port=port)).run(lambda: True)


def test_whoever_can_be_reached_from_elsewhere_has_a_token() -> None:
    assert Address().access().token == ""
    one, other = Address("0.0.0.0").access(), Address("0.0.0.0").access()
    assert len(one.token) >= 24
    assert one.token != other.token
    assert Address("0.0.0.0", token="a" * 16).access().token == "a" * 16
    with pytest.raises(ConfigError, match="16 to 200"):
        Address(token="short").access()


def test_the_page_of_a_service_with_a_token_is_its_address_with_it(made: Callable[[Address], Service]) -> None:
    service = made(Address(port=0, token="0123456789abcdef"))
    assert service.page == f"{service.url}/?token=0123456789abcdef"
    service.run(lambda: True)
