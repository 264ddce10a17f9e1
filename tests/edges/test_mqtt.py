"""Events to a real Mosquitto that is killed, refuses, or is reached over a bad line."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from nictate.edges.journal import Journal, Run
from nictate.edges.mqtt import Broker, MqttPublisher, broker_at, level_of
from nictate.signals import BlinkEvent, ConfigError
from nictate.wire import entry_from_json

PATIENCE_S = 60.0
"""Only a test that fails takes so long."""
MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
RUN = Run("run", 1.7e9, "Muse/1 +#", "id", "lab", 250.0, ("Fp1",), "")
START = BlinkEvent("blink/start", 1.0, None, None, None, 0.5, 1.1)
BLINK = BlinkEvent("blink", 1.0, 1.1, 1.2, 80.0, 0.9, 1.3, 1.1)


@pytest.fixture(scope="module", autouse=True)
def _mosquitto() -> None:
    if MOSQUITTO is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("needs mosquitto (apt install mosquitto)")


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as place:
        return int(place.getsockname()[1])


class Mosquitto:
    """A broker that keeps on disk what it has, and can be killed and started again."""

    def __init__(self, folder: Path, *, users: bool = False) -> None:
        self.port = free_port()
        lines = [f"listener {self.port} 127.0.0.1", "persistence true", f"persistence_location {folder}/"]
        lines += ["autosave_on_changes true", "autosave_interval 1", f"allow_anonymous {str(not users).lower()}"]
        if users:
            (folder / "users").write_text("ann:pass word\n", encoding="utf-8")
            subprocess.run(["mosquitto_passwd", "-U", folder / "users"], check=True, capture_output=True)
            (folder / "acl").write_text("user ann\ntopic write ours/#\n", encoding="utf-8")
            lines += [f"password_file {folder / 'users'}", f"acl_file {folder / 'acl'}"]
        if os.geteuid() == 0:
            lines.append("user root")  # Else it leaves root for a user who may not write here.
        self._conf = folder / "mosquitto.conf"
        self._conf.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}/lab"

    def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen([MOSQUITTO, "-c", self._conf], stdout=-3, stderr=-3)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            assert time.monotonic() < deadline
            assert self._process.poll() is None
            with suppress(ConnectionRefusedError), closing(socket.create_connection(("127.0.0.1", self.port))):
                return
            threading.Event().wait(0.01)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(PATIENCE_S)
            self._process = None


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    (tmp_path / "broker").mkdir()
    one = Mosquitto(tmp_path / "broker")
    yield one
    one.kill()


class Subscriber:
    """Hears everything on a broker, over its restarts."""

    def __init__(self, port: int, name: str = "listener") -> None:
        self.heard: list[tuple[str, str, bool, dict[str, str]]] = []
        self._news = threading.Condition()
        self._subscribed = threading.Event()
        self._client = client = paho.Client(CallbackAPIVersion.VERSION2, name, protocol=paho.MQTTv5)
        client.on_connect = lambda *_: client.subscribe("#", qos=1)
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_message = self._on_message
        client.reconnect_delay_set(0.05, 0.05)  # type: ignore[arg-type]
        stays = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        stays.SessionExpiryInterval = 3600
        client.connect("127.0.0.1", port, clean_start=False, properties=stays)
        client.loop_start()
        assert self._subscribed.wait(PATIENCE_S)

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        with self._news:
            said = dict(getattr(message.properties, "UserProperty", []))
            self.heard.append((message.topic, message.payload.decode(), message.retain, said))
            self._news.notify_all()

    @property
    def events(self) -> list[tuple[str, int]]:
        """Topic and id, in the order of arrival."""
        return [(topic, entry_from_json(text).id) for topic, text, _, _ in self.heard if not topic.endswith("/status")]

    @property
    def ids(self) -> list[int]:
        return [number for _, number in self.events]

    @property
    def states(self) -> list[str]:
        return [text for topic, text, _, _ in self.heard if topic.endswith("/status")]

    def until(self, done: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(done, PATIENCE_S), self.heard[-5:]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def subscriber(broker: Mosquitto) -> Iterator[Subscriber]:
    one = Subscriber(broker.port)
    yield one
    one.close()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.sqlite") as book:
        book.begin(RUN)
        yield book


class Said:
    """What the publisher says, to be awaited."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._news = threading.Condition()

    def __call__(self, line: str) -> None:
        with self._news:
            self.lines.append(line)
            self._news.notify_all()

    def until(self, words: str, times: int = 1) -> None:
        with self._news:
            assert self._news.wait_for(lambda: sum(words in line for line in self.lines) >= times, PATIENCE_S), (
                self.lines
            )


def first_seen(ids: list[int]) -> list[int]:
    return list(dict.fromkeys(ids))


def test_every_event_arrives_with_its_topic_and_its_number(
    broker: Mosquitto, subscriber: Subscriber, journal: Journal
) -> None:
    with MqttPublisher(broker.url, journal, client_id="desk/1", from_id=0) as publisher:
        told = journal.append(RUN, [START, BLINK], 0.0)
        publisher.wake()
        subscriber.until(lambda: len(subscriber.ids) == 2)
        told += journal.append(RUN, [START] * 300, 0.0)
        publisher.wake()
        subscriber.until(lambda: len(subscriber.ids) == 302)
    assert [entry_from_json(text) for topic, text, _, _ in subscriber.heard if "/blink" in topic] == told
    assert subscriber.events[:2] == [("lab/desk_1/Muse_1 __/blink/start", 1), ("lab/desk_1/Muse_1 __/blink", 2)]
    assert [said["id"] for topic, _, _, said in subscriber.heard if "/blink" in topic] == [str(e.id) for e in told]
    subscriber.until(lambda: subscriber.states == ["online", "offline"])
    assert publisher.confirmed == 302
    assert not publisher.alive


def test_what_was_confirmed_is_not_sent_again_by_the_next_publisher(
    broker: Mosquitto, subscriber: Subscriber, journal: Journal
) -> None:
    journal.append(RUN, [START] * 5, 0.0)
    for _ in range(3):
        # The first time, only what is new.
        with MqttPublisher(broker.url, journal, client_id="desk"):
            journal.append(RUN, [BLINK] * 3, 0.0)  # Without a wake: closing sends it, too.
        journal.append(RUN, [START] * 2, 0.0)  # While there is no publisher.
    with MqttPublisher(broker.url, journal, client_id="desk"):
        pass
    subscriber.until(lambda: len(subscriber.ids) >= 15)
    assert subscriber.ids == list(range(6, 21))
    # Another broker, or another name, is another story.
    assert journal.cursor(f"mqtt {broker.url} desk") == 20
    assert journal.cursor(f"mqtt {broker.url} other") is None


def test_a_broker_that_was_killed_gets_what_it_missed(
    broker: Mosquitto, subscriber: Subscriber, journal: Journal
) -> None:
    said = Said()
    with MqttPublisher(broker.url, journal, client_id="desk", say=said) as publisher:
        said.until("connected")
        for death in range(1, 4):
            told = journal.append(RUN, [START, BLINK], 0.0)
            publisher.wake()
            subscriber.until(lambda n=told[-1].id: n in subscriber.ids)
            broker.kill()
            said.until("trying again", death)
            journal.append(RUN, [START] * 50, 0.0)
            publisher.wake()
            broker.start()
            said.until("connected", death + 1)
            subscriber.until(lambda: journal.newest_id in subscriber.ids)
    assert first_seen(subscriber.ids) == list(range(1, journal.newest_id + 1))


def test_two_of_one_name_are_told_and_two_prefixes_are_no_such_case(
    broker: Mosquitto, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nictate.edges.mqtt.FIRST_WAIT_S", 0.01)
    first, second, third = Said(), Said(), Said()
    with MqttPublisher(broker.url, journal, say=first):
        first.until("connected")
        with MqttPublisher(f"{broker.url}/other", journal, say=third):
            third.until("connected")
            assert first.lines == [f"{broker.url}: connected"]
        with MqttPublisher(broker.url, journal, say=second):
            first.until("does another nictate use this prefix and name?")


class BadLine:
    """Passes bytes on to the broker, and breaks off when the dice say so."""

    def __init__(self, port: int, seed: int) -> None:
        self._dice = random.Random(seed)
        self._to = port
        self.breaks = 0
        self.good = False
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                inner, _ = self._server.accept()
                outer = socket.create_connection(("127.0.0.1", self._to))
                left = 10**9 if self.good else self._dice.randrange(20, 20_000)
                back = 10**9 if self.good else self._dice.randrange(1, 500)
                threads = [
                    threading.Thread(target=self._pass_on, args=pair)
                    for pair in ((inner, outer, left), (outer, inner, back))
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join(PATIENCE_S)
                self.breaks += 1
                inner.close()
                outer.close()

    def _pass_on(self, source: socket.socket, to: socket.socket, left: int) -> None:
        with suppress(OSError):
            while left > 0 and (data := source.recv(min(4096, left))):
                to.sendall(data)
                left -= len(data)
        for one in (source, to):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(PATIENCE_S)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_or_changes_places_wherever_the_connection_breaks(
    broker: Mosquitto, subscriber: Subscriber, journal: Journal, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nictate.edges.mqtt.FIRST_WAIT_S", 0.01)
    monkeypatch.setattr("nictate.edges.mqtt.LONGEST_WAIT_S", 0.02)
    journal.append(RUN, [START, BLINK] * 200, 0.0)
    line = BadLine(broker.port, seed)
    said = Said()
    try:
        publisher = MqttPublisher(f"mqtt://127.0.0.1:{line.port}/lab", journal, client_id="desk", from_id=0, say=said)
        with publisher:
            subscriber.until(lambda: line.breaks >= 8)
            line.good = True
            subscriber.until(lambda: 400 in subscriber.ids)
    finally:
        line.close()
    # Some come twice; each is there, and before those after it.
    assert first_seen(subscriber.ids) == list(range(1, 401))
    assert publisher.confirmed == 400


PUBLISHER = """
import sys, threading
from pathlib import Path
from nictate.edges.journal import Journal, Run
from nictate.edges.mqtt import MqttPublisher
from nictate.signals import BlinkEvent
run = Run(sys.argv[3], 0.0, "s", "", "", 250.0, ("Fp1",), "")
with Journal(Path(sys.argv[1])) as journal:
    journal.begin(run)
    publisher = MqttPublisher(sys.argv[2], journal, client_id="mortal")
    while True:
        journal.append(run, [BlinkEvent("blink/start", 1.0, None, None, None, 0.5, 1.0)], 0.0)
        publisher.wake()
        threading.Event().wait(0.001)
"""


def test_a_publisher_that_was_killed_leaves_its_will_and_the_next_goes_on(
    broker: Mosquitto, subscriber: Subscriber, tmp_path: Path
) -> None:
    path = tmp_path / "theirs.sqlite"
    for death in range(1, 4):
        before = len(subscriber.ids)
        process = subprocess.Popen([sys.executable, "-c", PUBLISHER, str(path), broker.url, f"r{death}"])
        try:
            subscriber.until(lambda n=before: len(subscriber.ids) >= n + 40)
        finally:
            process.kill()
            process.wait(PATIENCE_S)
        subscriber.until(lambda n=death: subscriber.states.count("offline") == n)
    with Journal(path) as journal, MqttPublisher(broker.url, journal, client_id="mortal") as publisher:
        # The newest event may have come from one that was killed before it knew.
        subscriber.until(lambda: journal.newest_id in subscriber.ids and len(subscriber.states) >= 7)
        assert subscriber.states == ["online", "offline"] * 3 + ["online"]
        early = Subscriber(broker.port, "early")
        early.until(lambda: early.states == ["online"])
        early.close()
    assert first_seen(subscriber.ids) == list(range(1, publisher.confirmed + 1))
    # Who comes later is told, too, where it stands.
    late = Subscriber(broker.port, "late")
    late.until(lambda: late.states == ["offline"])
    assert [retained for topic, _, retained, _ in late.heard if topic.endswith("status")] == [True]
    late.close()


def test_a_wrong_password_and_a_forbidden_topic_are_told_in_one_line(tmp_path: Path, journal: Journal) -> None:
    (tmp_path / "broker").mkdir()
    broker = Mosquitto(tmp_path / "broker", users=True)
    journal.append(RUN, [START] * 3, 0.0)
    try:
        for user, prefix, words in (
            ("ann:wrong", "ours", "look at user and password"),
            ("ann:pass%20word", "theirs", "does not take events on theirs/desk"),
            ("ann:pass%20word", "ours", "connected"),
        ):
            said = Said()
            url = f"mqtt://{user}@127.0.0.1:{broker.port}/{prefix}"
            with MqttPublisher(url, journal, client_id="desk", from_id=0, say=said) as publisher:
                said.until(words)
            assert publisher.confirmed == (3 if words == "connected" else 0)
            line = next(line for line in said.lines if words in line)
            assert "pass" not in line.replace("password", "")
            assert line.isprintable()
            assert sum(words in line for line in said.lines) == 1
    finally:
        broker.kill()


def test_a_broker_that_is_not_there_delays_nobody_and_takes_no_memory(journal: Journal) -> None:
    said = Said()
    with MqttPublisher(f"mqtt://127.0.0.1:{free_port()}", journal, client_id="desk", say=said) as publisher:
        said.until("trying again")
        read: list[int] = []
        journal.append(RUN, [START] * 1000, 0.0)
        reading = journal.read
        journal.read = lambda *a, **k: read.append(1) or reading(*a, **k)  # type: ignore[method-assign,assignment,func-returns-value]
        for _ in range(1000):
            publisher.wake()
        assert publisher.alive
    assert read == []
    assert publisher.confirmed == 0


def test_a_port_that_speaks_no_mqtt_is_told(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nictate.edges.mqtt.ANSWER_S", 0.3)
    said = Said()
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        url = f"mqtt://127.0.0.1:{mute.getsockname()[1]}"
        with MqttPublisher(url, journal, client_id="desk", say=said):
            said.until("does not answer")


# ------------------------------------------------------------------------------------------------------------- its door


@given(st.text())
def test_a_stream_may_be_called_anything(name: str) -> None:
    level = level_of(name)
    assert level
    assert level.isprintable()
    assert not set(level) & set("/+#\0")
    assert len(level) <= 100
    assert level_of(level) == level
    level.encode()


def test_usual_names_stay_as_they_are() -> None:
    for name in ("Muse-0A1B", "obci_eeg1", "EEG 2 (Ünal)"):
        assert level_of(name) == name


def test_an_address_has_its_parts() -> None:
    assert broker_at("mqtt://lab") == Broker("lab", 1883, "nictate")
    assert broker_at("mqtts://lab/a/b/") == Broker("lab", 8883, "a/b", True)
    broker = broker_at("mqtt://ann:p%40ss%2F@[::1]:1/x")
    assert (broker.host, broker.port, broker.user, broker.password) == ("::1", 1, "ann", "p@ss/")
    assert "p@ss" not in f"{broker} {broker!r}"


@pytest.mark.parametrize(
    "url",
    [
        "", "lab", "http://lab", "mqtt://", "mqtt://lab:99999", "mqtt://lab/a/#", "mqtt://lab/a%23", "mqtt://lab/+/a",
        "mqtt://lab/$SYS", "mqtt://lab/a//b", "mqtt://lab/a?b=1", "mqtt://lab/a%00", "mqtt://lab/\x1b",
        "mqtt://u:s3cret@lab:x/", "mqtt://u:s3cret@/x",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_broker_is_refused_without_telling_the_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        broker_at(url)
    assert "s3cret" not in str(caught.value)
    assert str(caught.value).isprintable()
