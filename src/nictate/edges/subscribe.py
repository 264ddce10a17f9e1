"""Events from a running nictate, over WebSocket: each once, in order, also over breaks."""

from __future__ import annotations

import http.client
import json
import logging
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Generator, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus
from websockets.sync.client import connect

from nictate.signals import KINDS, ConfigError, Kind, StreamError
from nictate.stream import plain
from nictate.wire import Entry, entry_from_json

ANSWER_S = 10.0
"""How long a service may take to answer a request."""
KEEPALIVE_S = 10.0
"""A connection over which nothing comes, not even an answer to a ping, is given up after twice this."""
LOOK_S = 0.25
"""How often `stop` is asked while nothing comes."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 5.0
LASTS_S = 10.0
"""A connection that held for so long makes the next wait short again."""
ANSWER_BYTES = 2**20
"""The largest answer or message that is read."""
OURS_TO_BLAME = frozenset({1002, 1003, 1007, 1009})
"""Close codes (RFC 6455, 7.4.1) with which our side says that what it received is no WebSocket, or none of ours."""

# What websockets would log is told by nictate; without this, it would land on the console of whoever subscribes.
_SILENT = logging.Logger("nictate.subscribe")
_SILENT.disabled = True


@dataclass(frozen=True, slots=True)
class Service:
    """Where a nictate is, and how to be let in."""

    origin: str
    """``127.0.0.1:8765/prefix``"""
    secure: bool
    token: str

    def http(self, query: dict[str, str]) -> str:
        return f"http{'s' * self.secure}://{self.origin}/api/v1/blinks?{urlencode(query)}"

    def websocket(self, query: dict[str, str]) -> str:
        return f"ws{'s' * self.secure}://{self.origin}/api/v1/ws?{urlencode(query)}"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def __str__(self) -> str:
        return plain(f"http{'s' * self.secure}://{self.origin}")


def service_at(url: str, token: str = "") -> Service:
    """Understand the address of a service: ``http://`` or ``ws://``, with or without a path, as it is shown to people.

    Raises `ConfigError` when it is none.
    """
    whole = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(whole)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"{plain(url)!r} is no address: {error}") from None
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    token = token or query.pop("token", "")
    if parts.scheme not in ("http", "https", "ws", "wss") or not host or not whole.isascii() or not whole.isprintable():
        raise ConfigError(f"{plain(url)!r} is no address of a nictate; one is http://127.0.0.1:8765")
    if parts.username is not None or query or parts.fragment or " " in whole:
        raise ConfigError(f"{plain(url)!r}: beside host, port and path, the address may only have ?token=")
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise ConfigError("the token has characters that no token has")
    path = parts.path.partition("/api/v1")[0].rstrip("/")
    name = f"[{host}]" if ":" in host else host
    return Service(f"{name}{'' if port is None else f':{port}'}{path}", parts.scheme in ("https", "wss"), token)


class _TryAgainError(Exception):
    """The service cannot be reached now, which says nothing about later."""


def subscribe(
    url: str,
    after: int | None = None,
    kinds: Collection[Kind] = (),
    token: str = "",
    *,
    stop: Callable[[], bool] = lambda: False,
    say: Callable[[str], None] = lambda _: None,
    keepalive_s: float = KEEPALIVE_S,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Generator[Entry, None, None]:
    """Events of the service at ``url`` as they are decided, until ``stop()``; of ``kinds`` alone, when there are any.

    Those with an id above ``after`` come first, from the journal; without it, only what is new. When the connection
    breaks, or the service is not there yet, it is tried again for ever, every 5 s at last, and what came meanwhile is
    not missed. ``say`` is told of breaks. A journal that was begun anew meanwhile has smaller ids than the last that
    was seen: what is in it by then is left out.

    Raises `ConfigError` when the service wants another token, or is no nictate, and `StreamError` when it sends
    something that is no event.
    """
    service = service_at(url, token)
    odd = sorted(set(kinds) - set(KINDS))
    if odd:
        raise ConfigError(f"{plain(odd[0])!r} is no kind of event; there are {', '.join(KINDS)}")
    if after is not None and after < 0:
        raise ConfigError(f"ids begin at 1: none is after {after}")
    return _follow(service, after, tuple(kinds), stop, say, keepalive_s, clock, sleep)


def _follow(
    service: Service,
    last: int | None,
    kinds: tuple[Kind, ...],
    stop: Callable[[], bool],
    say: Callable[[str], None],
    keepalive_s: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Generator[Entry, None, None]:
    failures = 0
    while not stop():
        began = clock()
        try:
            newest = _newest(service)
            if last is None:
                last = newest
            elif newest < last:
                if newest:
                    say(f"{service}: its journal was begun anew; going on with what is new")
                last = newest
            if failures:
                say(f"{service}: connected")
            for entry in _listen(service, last, kinds, stop, keepalive_s):
                if entry.id > last:
                    last, failures = entry.id, 0
                    yield entry
        except _TryAgainError as error:
            failures = 0 if clock() - began > LASTS_S else failures
            if not failures:
                say(f"{service}: {error}; trying again until it is there")
            # Not all at once, when many subscribers have lost the same service.
            _rest(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(failures, 20)) * random.uniform(0.5, 1.0), stop, sleep)
            failures += 1


def _rest(seconds: float, stop: Callable[[], bool], sleep: Callable[[float], None]) -> None:
    while seconds > 0.0 and not stop():
        sleep(min(seconds, LOOK_S))
        seconds -= LOOK_S


def _newest(service: Service) -> int:
    """The largest id of its journal. With it, "only what is new" means the same over a break."""
    request = urllib.request.Request(service.http({"limit": "1"}), headers=service.headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    try:
        with opener.open(request, timeout=ANSWER_S) as answer:
            said = json.loads(answer.read(ANSWER_BYTES))
        newest = said["newest"]
        if isinstance(newest, bool) or not isinstance(newest, int) or newest < 0:
            raise ValueError("newest")
    except urllib.error.HTTPError as error:
        with error:
            raise _refused(service, error.code) from None
    # A connection that ends in the middle of an answer is one that broke.
    except (OSError, http.client.IncompleteRead) as error:
        raise _TryAgainError(f"does not answer ({_reason(error)})") from None
    except (http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        raise StreamError(f"{service} is no nictate: its answer cannot be read ({_reason(error)})") from None
    return newest


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """nictate sends nobody elsewhere; a token would travel along."""

    def redirect_request(self, *_: object) -> None:
        return None


def _listen(
    service: Service, after: int, kinds: tuple[Kind, ...], stop: Callable[[], bool], keepalive_s: float
) -> Iterator[Entry]:
    """Over one connection. Ends with an error, or ``stop()``."""
    query = {"after": str(after), **({"kinds": ",".join(kinds)} if kinds else {})}
    try:
        with connect(
            service.websocket(query),
            additional_headers=service.headers,
            proxy=None,
            open_timeout=ANSWER_S,
            close_timeout=1.0,
            ping_interval=keepalive_s,
            ping_timeout=keepalive_s,
            max_size=ANSWER_BYTES,
            logger=_SILENT,
        ) as connection:
            while not stop():
                try:
                    message = connection.recv(LOOK_S)
                except TimeoutError:
                    continue
                yield entry_from_json(message)
    except InvalidStatus as error:
        raise _refused(service, error.response.status_code) from None
    except ConnectionClosed as error:
        if error.sent is not None and error.sent.code in OURS_TO_BLAME and not error.rcvd_then_sent:
            raise StreamError(f"{service} is no nictate: {plain(error.sent.reason)}") from None
        raise _TryAgainError(f"the connection broke off ({_reason(error)})") from None
    except InvalidMessage as error:
        if isinstance(error.__cause__, (EOFError, OSError)):
            raise _TryAgainError("the connection broke off") from None
        raise StreamError(f"{service} is no nictate: {_reason(error)}") from None
    except InvalidHandshake as error:
        raise StreamError(f"{service} is no nictate: {_reason(error)}") from None
    except OSError as error:
        raise _TryAgainError(f"does not answer ({_reason(error)})") from None


def _refused(service: Service, status: int) -> Exception:
    if status in (401, 403):
        return ConfigError(
            f"{service} wants its token (status {status}): it was told when the service was started; give it with"
            " --token or in NICTATE_TOKEN"
        )
    if status == 429 or status >= 500:
        return _TryAgainError(f"is busy (status {status})")
    return ConfigError(f"{service} has no events of nictate's (status {status}): is this the right address?")


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, OSError):
        error = error.reason
    return plain(str(error) or type(error).__name__)
