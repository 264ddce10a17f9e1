"""A station and its web server, each in a thread of its own, until one of them ends."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass

from nictate import __version__
from nictate.edges.journal import Journal
from nictate.edges.lsl import now
from nictate.edges.web import Access, Hub, WebServer, create_app
from nictate.edges.web.access import is_loopback
from nictate.station import Station


@dataclass(frozen=True, slots=True)
class Address:
    """Where the service is to be found, and by whom."""

    host: str = "127.0.0.1"
    port: int = 8765
    """0 takes a free one."""
    token: str = ""
    """What whoever asks must know; empty: where others than this machine can reach the service, one is made."""
    names: tuple[str, ...] = ()
    """Names by which the service is called, beside its address and its machine's."""
    origins: tuple[str, ...] = ()
    """Other pages that may ask."""

    def access(self) -> Access:
        """Raises `ConfigError` when the host, the token or an origin cannot be."""
        token = self.token or ("" if is_loopback(self.host) else secrets.token_urlsafe(24))
        return Access.at(self.host, token, names=self.names, origins=self.origins)


class Service:
    """A port, bound from the beginning, so that who is told of it finds it; `run` serves it."""

    def __init__(self, address: Address, journal: Journal, hub: Hub, station: Station) -> None:
        """Raises `ConfigError` when the address cannot be had."""
        access = address.access()
        app = create_app(hub, journal, lambda: station.status, access, version=__version__, clock=now)
        self._station = station
        self._server = WebServer(app, hub, address.host, address.port, access.limits)
        self.url = self._server.url
        self.token = access.token
        """Empty where none is needed."""

    @property
    def page(self) -> str:
        """The dashboard's address, with the token, for a browser."""
        return f"{self.url}/?token={self.token}" if self.token else f"{self.url}/"

    def run(self, stop: Callable[[], bool]) -> None:
        """Until ``stop()``, or until the station ends. Raises what the station raises, once all has been closed."""
        failed: list[BaseException] = []
        ended = threading.Event()

        def work() -> None:
            try:
                self._station.run(lambda: stop() or ended.is_set())
            except BaseException as error:  # noqa: BLE001  (it is raised again, in the thread that waits for it)
                failed.append(error)
            finally:
                ended.set()

        worker = threading.Thread(target=work, name="station")
        worker.start()
        try:
            self._server.run(lambda: stop() or ended.is_set())
        finally:
            ended.set()
            worker.join()
        if failed:
            raise failed[0]
