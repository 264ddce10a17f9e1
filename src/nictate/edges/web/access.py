"""Who may ask at all: nobody from another site, nobody without the token, and nobody too often or too much.

The service shows a person's EEG on a port of the operator's own machine, where every page that the operator's browser
opens could reach it. Against a foreign name that is made to mean this machine (DNS rebinding), the Host is looked at;
against foreign pages, the Origin and what browsers say of a request themselves (``Sec-Fetch-*``).
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import socket
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Self
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nictate.edges.web.answers import refusal
from nictate.signals import ConfigError

OPEN_TO_ALL = "/healthz"
"""What needs no token: whether the service is alive."""
SECURITY = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "object-src 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""With every answer."""
HOST = re.compile(r"\[([0-9A-Fa-f:.]+)\](:[0-9]{1,5})?|([^:\[\]]+)(:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is enough."""

    subscribers: int = 256
    """To events and to signals, together."""
    requests_per_s: float = 50.0
    """From one address, in the long run."""
    requests_at_once: int = 400
    """From one address, before `requests_per_s` counts."""
    body_bytes: int = 16 * 1024
    connections: int = 512
    """Of all kinds; beyond, they are closed again at once."""
    stall_s: float = 10.0
    """A connection whose other end reads nothing for so long is cut."""
    request_s: float = 10.0
    """A request that is not complete after so long is given up."""
    comment_s: float = 15.0
    """A silent stream of events says so often that it is there."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who is let in."""

    hosts: frozenset[str] = frozenset({"127.0.0.1", "localhost", "::1"})
    """Names and addresses of this service in lower case, without ports."""
    any_address: bool = False
    """Any host that is an IP address: no name, so that there is none to be made to mean something else."""
    origins: frozenset[str] = frozenset()
    """Other pages that may read and write: ``https://lab.example``, as browsers write it."""
    token: str = ""
    """Empty: none is needed."""
    limits: Limits = Limits()

    def __post_init__(self) -> None:
        if self.token and not re.fullmatch(r"[A-Za-z0-9._~-]{16,200}", self.token):
            raise ConfigError("the token must be 16 to 200 letters, digits or any of . _ ~ -")
        for origin in self.origins:
            if not re.fullmatch(r"https?://[a-z0-9.:\[\]-]+", origin):
                raise ConfigError(f"{origin[:100]!r} is no origin: as https://lab.example, without a slash at its end")

    @classmethod
    def at(
        cls,
        host: str,
        token: str = "",
        *,
        names: Collection[str] = (),
        origins: Collection[str] = (),
        limits: Limits | None = None,
    ) -> Self:
        """For a service that is bound to ``host``, known by ``names`` too.

        Raises `ConfigError` when others than this machine could reach it and there is no token.
        """
        local = is_loopback(host)
        if not local and not token:
            raise ConfigError(f"{host} can be reached from other machines: give a token, or listen on 127.0.0.1")
        machine = () if local else (socket.gethostname(), f"{socket.gethostname()}.local")
        known = {name.lower() for name in (host, *names, *machine, "localhost", "127.0.0.1", "::1")}
        return cls(frozenset(known), not local, frozenset(origins), token, limits or Limits())


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``. Raises `ConfigError` when it is not known."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"--host {host[:100]}: no such address ({error})") from None
    return all(ipaddress.ip_address(str(address[4][0]).partition("%")[0]).is_loopback for address in found)


class Guard:
    """The outermost layer of the application (ASGI)."""

    def __init__(self, app: ASGIApp, access: Access, clock: Callable[[], float]) -> None:
        """``clock`` in s, from anywhere."""
        self._app = app
        self._access = access
        self._token = access.token.encode()
        self._buckets = Buckets(access.limits.requests_per_s, access.limits.requests_at_once, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        allowed_origin = headers.get("origin", "") if headers.get("origin") in self._access.origins else ""

        async def secured(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                _secure(message, scope["path"], allowed_origin)
            await send(message)

        answer = self._judge(scope, headers, allowed_origin)
        await (self._app if answer is None else answer)(scope, receive, secured)

    def _judge(self, scope: Scope, headers: Headers, allowed_origin: str) -> Response | None:
        """What is to be answered instead, if anything."""
        client = scope["client"][0] if scope.get("client") else ""
        if (wait_s := self._buckets.take(client)) > 0.0:
            return refusal(429, "too many requests from this address", {"Retry-After": str(int(wait_s) + 1)})
        if not scope["path"].isprintable():  # Some that match paths take a line break at the end for nothing.
            return refusal(404, "Not Found")
        if not self._is_ours(headers.getlist("host")):
            return refusal(421, "this service is not known by that name; its settings can tell it more names")
        if self._is_foreign(scope, headers, allowed_origin):
            return refusal(403, "not for pages of other sites")
        if allowed_origin and scope["type"] == "http" and scope["method"] == "OPTIONS":
            return Response(status_code=204)
        if (length := headers.get("content-length")) and (
            len(length) > 9 or not length.isdecimal() or int(length) > self._access.limits.body_bytes
        ):
            why = f"at most {self._access.limits.body_bytes} bytes"
            return refusal(413, why, {"Connection": "close"})
        return self._let_in(scope, headers)

    def _is_ours(self, hosts: list[str]) -> bool:
        parts = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if parts is None:
            return False
        name = (parts[1] or parts[3]).lower().removesuffix(".")
        if name in self._access.hosts:
            return True
        if not self._access.any_address:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _is_foreign(self, scope: Scope, headers: Headers, allowed_origin: str) -> bool:
        if allowed_origin:
            return False
        origins = headers.getlist("origin")
        host = headers["host"].lower()
        if origins and (len(origins) > 1 or origins[0].lower() not in (f"http://{host}", f"https://{host}")):
            return True
        # A picture or a script of a foreign page comes without an Origin. A link to us is followed.
        if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
            return False
        followed = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        return not (followed and scope["type"] == "http" and scope["method"] in ("GET", "HEAD"))

    def _let_in(self, scope: Scope, headers: Headers) -> Response | None:
        """What is to be answered to somebody without the token, or who comes with it for the first time."""
        if scope["path"] == "/" and scope["type"] == "http" and scope["method"] == "GET":
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token")
            if given is not None:
                # Also where none is needed: away with it, out of the address bar.
                welcome = Response(status_code=303, headers={"Location": "/"})
                if self._token:
                    if not self._is_token(given[0]):
                        return _unknown()
                    welcome.set_cookie(_cookie(scope), given[0], path="/", httponly=True, samesite="strict")
                return welcome
        if not self._token or scope["path"] == OPEN_TO_ALL:
            return None
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(bearer.strip()):
            return None
        for line in headers.getlist("cookie"):
            if self._is_token(_cookies(line).get(_cookie(scope), "")):
                return None
        return _unknown()

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self._token)


def _unknown() -> Response:
    return refusal(401, "a token is needed: Authorization: Bearer ...", {"WWW-Authenticate": 'Bearer realm="nictate"'})


def _cookie(scope: Scope) -> str:
    """Cookies are of a host, whatever the port: two services on one machine must not take each other's away."""
    server = scope.get("server")
    return f"nictate-{server[1]}" if server else "nictate"


def _cookies(line: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(line).items()}
    except CookieError:
        return {}


def _secure(message: Message, path: str, allowed_origin: str) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in SECURITY.items():
        headers[name] = value
    # Files of the page are asked for anew each time, and sent only if they have become others (ETag).
    headers["cache-control"] = "no-cache" if path.startswith("/static/") else "no-store"
    if allowed_origin:
        headers["access-control-allow-origin"] = allowed_origin
        headers["access-control-allow-headers"] = "authorization, content-type, last-event-id"
        headers["access-control-allow-methods"] = "GET, POST"
        headers["vary"] = "Origin"


class Buckets:
    """Who has asked how often, of late (token buckets), for a bounded number of addresses."""

    MOST = 1024
    """Addresses; beyond, the one that has asked least recently is forgotten."""

    def __init__(self, rate: float, size: float, clock: Callable[[], float]) -> None:
        """Each address may ask ``size`` times at once and ``rate`` times a second in the long run."""
        self._rate = rate
        self._size = size
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> float:
        """0 when this one may ask now; otherwise in how many s."""
        key, now = _network(address), self._clock()
        left, at = self._left.pop(key, (self._size, now))
        left = min(self._size, left + (now - at) * self._rate)
        allowed = left >= 1.0
        self._left[key] = (left - 1.0 if allowed else left, now)
        if len(self._left) > self.MOST:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1.0 - left) / self._rate


def _network(address: str) -> str:
    """Of IPv6 the network: one machine has 2**64 addresses there."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address.partition("%")[0], 64), strict=False))
