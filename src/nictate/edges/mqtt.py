"""Events to an MQTT 5 broker (extra ``mqtt``): each at least once, in order, over restarts of either side.

Topics, under the prefix that the operator chooses::

    <prefix>/<client>/status              "online" or "offline", retained; "offline" is also the last will
    <prefix>/<client>/<stream>/<kind>     an event as `nictate.wire.SCHEMA` describes it; kind is blink, blink/start ...

so that ``lab/+/+/blink/#`` is every blink of every headset. A stream may call itself anything: what a topic may not
hold becomes ``_`` there, and the event itself has the name as it is.

Nothing is queued here. The publisher reads the journal from the last event that the broker has confirmed, so a broker
that is away takes no memory and delays nobody. After a break, some events may come twice: they have the same id.
"""

from __future__ import annotations

import math
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from nictate.signals import ConfigError
from nictate.stream import plain
from nictate.wire import Entry, entry_to_json

PREFIX = "nictate"
WINDOW = 100
"""So many events are on their way at most: sent, and not confirmed yet."""
ANSWER_S = 10.0
"""How long a broker may take to let us in."""
KEEPALIVE_S = 10
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 30.0
REMEMBER_S = 1.0
"""How often it is written down how far the broker has confirmed: what may come twice after a kill."""
LOOK_S = 1.0
"""Also without `MqttPublisher.wake`, the journal is looked into so often."""
FAREWELL_S = 2.0
"""How long `MqttPublisher.close` waits for confirmations."""
IN_VAIN = 2
"""After so many connections that broke off although the broker had let us in, it is asked why."""
LEVEL_LENGTH = 100
"""Characters of a stream's name in a topic."""


class Pages(Protocol):
    """What is needed of the journal."""

    @property
    def newest_id(self) -> int: ...

    def read(self, after: int, limit: int) -> Sequence[Entry]: ...

    def cursor(self, name: str) -> int | None: ...

    def set_cursor(self, name: str, id: int) -> None: ...  # noqa: A002


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the events go."""

    host: str
    port: int
    prefix: str
    secure: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return plain(f"mqtt{'s' * self.secure}://{self.host}:{self.port}/{self.prefix}")


def broker_at(url: str) -> Broker:
    """Understand ``mqtt[s]://[user:password@]host[:port][/prefix]``. Raises `ConfigError`, without the password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"the address of the MQTT broker: {plain(str(error))}") from None
    if parts.scheme not in ("mqtt", "mqtts") or not host or not url.isprintable() or set(url) & set("?#"):
        raise ConfigError("the address of an MQTT broker is mqtt://[user:password@]host[:port]/prefix, or mqtts://")
    prefix = unquote(parts.path).strip("/") or PREFIX
    if prefix.startswith("$") or any(level_of(part) != part for part in prefix.split("/")):
        raise ConfigError(f"the MQTT prefix {plain(prefix)!r} is no topic: none of #, + and $, no empty level")
    secure = parts.scheme == "mqtts"
    user, password = (None if said is None else unquote(said) for said in (parts.username, parts.password))
    return Broker(host, port or (8883 if secure else 1883), prefix, secure, user, password)


def level_of(name: str) -> str:
    """A stranger's text as one level of a topic: no separator, no wildcard, nothing that is not printable."""
    level = "".join("_" if c in "/+#" or not c.isprintable() else c for c in name[:LEVEL_LENGTH])
    return level.strip() or "_"


class _BrokenError(Exception):
    """The connection is of no more use; the message says why."""


class MqttPublisher:
    """Sends what is in the journal to a broker, from a thread of its own."""

    def __init__(
        self,
        url: str,
        pages: Pages,
        *,
        client_id: str = "",
        from_id: int | None = None,
        say: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begins at once, and goes on until `close`.

        ``client_id`` names this nictate among those that use the broker under one prefix, and stands in its topics;
        without it, ``nictate-`` and the machine's name. Events after ``from_id`` are sent; without it, those after the
        last that this broker has confirmed, and the first time only what is new. ``say``, which is called from the
        thread, is told when the broker is there and when it is not.

        Raises `ConfigError` when the address is none.
        """
        self.broker = broker_at(url)
        self._pages = pages
        name = client_id or f"nictate-{socket.gethostname()}"
        # The same after a restart, so that the broker takes the place of what is left of the connection before.
        self._client_id = f"{name} {self.broker.prefix}"
        self._say = say
        self._clock = clock
        self._top = f"{self.broker.prefix}/{level_of(name)}"
        self._cursor = f"mqtt {self.broker} {name}"
        known = pages.cursor(self._cursor) if from_id is None else from_id
        self._confirmed = pages.newest_id if known is None else known
        self._remembered = known
        self._remembered_at = -math.inf
        self._wake, self._closing = threading.Event(), threading.Event()
        self._end = math.inf
        self._failure = ""
        self._thread = threading.Thread(target=self._run, name="nictate-mqtt", daemon=True)
        self._thread.start()

    @property
    def confirmed(self) -> int:
        """The id up to which the broker has confirmed every event."""
        return self._confirmed

    @property
    def alive(self) -> bool:
        """False once it was closed, or has failed by a mistake in it."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """There is something new in the journal. Never waits; from any thread."""
        self._wake.set()

    def close(self) -> None:
        """Send what is left, if the broker is there and takes it soon, say goodbye and end. Before the journal does."""
        self._end = self._clock() + FAREWELL_S
        self._closing.set()
        self._wake.set()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        wait_s, in_vain = FIRST_WAIT_S, 0
        try:
            while True:  # Also when it is closed as soon as it was opened: what is left may be sent yet.
                before = self._confirmed
                session = _Session(self)
                try:
                    session.run()
                except (_BrokenError, OSError) as error:
                    in_vain = in_vain + 1 if session.welcome and self._confirmed == before else 0
                    # What a broker does to the older of two clients with one id; not every broker says so.
                    guess = "; does another nictate use this prefix and name?" if in_vain > IN_VAIN else ""
                    self._complain((str(error) or type(error).__name__) + guess)
                # A broker that takes something and breaks off again is tried sooner than one that takes nothing.
                wait_s = FIRST_WAIT_S if self._confirmed > before else min(2.0 * wait_s, LONGEST_WAIT_S)
                if self._closing.wait(wait_s):
                    break
        finally:
            self._remember(force=True)

    def _complain(self, failure: str) -> None:
        """Once, not at each try."""
        if failure != self._failure:
            self._failure = failure
            self._say(f"{self.broker}: {failure}; trying again until it takes events")

    def _connected(self) -> None:
        self._failure = ""
        self._say(f"{self.broker}: connected")

    def _remember(self, *, force: bool = False) -> None:
        if self._confirmed == self._remembered or not (force or self._clock() - self._remembered_at >= REMEMBER_S):
            return
        try:
            self._pages.set_cursor(self._cursor, self._confirmed)
            self._remembered = self._confirmed
        except OSError as error:  # Whoever writes the events tells of that, too; here it costs only repetitions.
            self._complain(str(error))
        self._remembered_at = self._clock()


class _Session:
    """One connection, from the first event that is not confirmed on."""

    def __init__(self, publisher: MqttPublisher) -> None:
        self._of = publisher
        self._sent = publisher._confirmed
        self._on_way: dict[int, int | None] = {}
        """By message id, in the order of sending: the event's id; None for the status."""
        self._done: set[int] = set()
        """Of these, what is confirmed while something before it is not."""
        self._acks: deque[tuple[int, ReasonCode]] = deque()
        self._let_in: tuple[ReasonCode, Properties | None] | None = None
        self._broken = ""
        self.welcome = False
        broker = publisher.broker
        # One for each connection: what has not been confirmed is read from the journal again, by nobody but us.
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2, publisher._client_id, protocol=paho.MQTTv5, reconnect_on_failure=False
        )
        client.max_inflight_messages_set(WINDOW + 2)
        if broker.user is not None:
            client.username_pw_set(broker.user, broker.password)
        if broker.secure:
            client.tls_set_context(ssl.create_default_context())
        client.will_set(f"{publisher._top}/status", "offline", qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish

    # These three come from paho's thread, and leave but a note.

    def _on_connect(
        self, _client: paho.Client, _data: object, _flags: object, reason: ReasonCode, properties: Properties | None
    ) -> None:
        self._let_in = (reason, properties)
        self._of._wake.set()

    def _on_disconnect(
        self, _client: paho.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        self._broken = self._broken or f"the connection broke off ({reason})"
        self._of._wake.set()

    def _on_publish(
        self, _client: paho.Client, _data: object, mid: int, reason: ReasonCode, _properties: object
    ) -> None:
        self._acks.append((mid, reason))
        self._of._wake.set()

    def run(self) -> None:
        """Until the publisher is closed. Raises `_BrokenError` or `OSError`."""
        broker = self._of.broker
        self._client.connect(broker.host, broker.port, keepalive=KEEPALIVE_S)
        self._client.loop_start()
        try:
            window = self._entered()
            self.welcome = True
            self._of._connected()
            self._publish(f"{self._of._top}/status", "online", None)
            while not self._of._closing.is_set():
                self._step(window)
            self._farewell(window)
            self._client.disconnect()
        except BaseException:
            # What goes wrong with us rather than with the connection makes the last will come true, too.
            self._client.disconnect(ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message"))
            raise
        finally:
            self._client.loop_stop()

    def _entered(self) -> int:
        """Wait until the broker has let us in; how many messages it takes at a time."""
        end = self._of._clock() + ANSWER_S
        while self._let_in is None and not self._broken:
            left_s = min(end, self._of._end) - self._of._clock()
            if left_s <= 0.0:
                raise _BrokenError("does not answer")
            self._of._wake.wait(min(left_s, 0.1))
            self._of._wake.clear()
        if self._let_in is None:
            raise _BrokenError(self._broken)
        reason, properties = self._let_in
        if reason.is_failure:
            raise _BrokenError(f"does not let us in ({reason}): look at user and password in its address")
        return min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))

    def _step(self, window: int, most_s: float = LOOK_S) -> bool:
        """Send what may be sent; else wait for news. Whether there was something to send."""
        self._take_acks()
        room = window - len(self._on_way)
        entries = self._of._pages.read(self._sent, room) if room > 0 else ()
        for entry in entries:
            topic = f"{self._of._top}/{level_of(entry.stream)}/{entry.event.kind}"
            self._publish(topic, entry_to_json(entry), entry.id)
            self._sent = entry.id
        self._of._remember()
        if not entries:
            self._of._wake.wait(most_s)
            self._of._wake.clear()
        return bool(entries)

    def _farewell(self, window: int) -> None:
        """What is left goes first, as far as it is taken soon."""
        said = False
        while (left_s := self._of._end - self._of._clock()) > 0.0 and not (said and not self._on_way):
            room = len(self._on_way) < window
            if not self._step(window, min(left_s, 0.05)) and room and not said:
                said = True
                self._publish(f"{self._of._top}/status", "offline", None)

    def _publish(self, topic: str, text: str, id: int | None) -> None:  # noqa: A002
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.PayloadFormatIndicator = 1  # UTF-8
        if id is not None:
            properties.ContentType = "application/json"
            properties.UserProperty = ("id", str(id))
        done = self._client.publish(topic, text, qos=1, retain=id is None, properties=properties)
        self._on_way[done.mid] = id
        if done.rc != paho.MQTT_ERR_SUCCESS:
            raise _BrokenError(self._broken or f"the connection broke off ({paho.error_string(done.rc)})")

    def _take_acks(self) -> None:
        if self._broken:
            raise _BrokenError(self._broken)
        while self._acks:
            mid, reason = self._acks.popleft()
            if reason.is_failure:
                raise _BrokenError(f"does not take events on {plain(self._of._top)} ({reason})")
            self._done.add(mid)
        # Brokers confirm in the order of sending (MQTT 5, 4.6); what they do not is waited for.
        for mid in list(self._on_way):
            if mid not in self._done:
                break
            self._done.discard(mid)
            if (id_ := self._on_way.pop(mid)) is not None:
                self._of._confirmed = id_
