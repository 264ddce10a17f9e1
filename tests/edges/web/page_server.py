"""The service as a test drives it: the real web ends and the real page, with a journal in memory and a worker that does
as it is told, or, with `play`, the simulated headset and the real detector."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from nictate import __version__
from nictate.edges.web import Access, Hub, WebServer, create_app
from nictate.electrodes import electrode_position
from nictate.scene import Scenes
from nictate.service import open_detector
from nictate.signals import BlinkEvent, Block, ConfigError, Kind, Montage
from nictate.simulate import Simulator, TrueBlink
from nictate.status import ChannelStatus, IcaReport, MapPoint, Status, StreamReport, TallyReport
from nictate.windows import Window
from nictate.wire import Entry, time_of


@dataclass(frozen=True, slots=True)
class Recording:
    id: int
    name: str
    first: int
    last: int | None
    began_utc: float
    ended_utc: float | None


class Memory:
    """A journal that is gone when the process is."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._recordings: list[Recording] = []

    @property
    def oldest_id(self) -> int:
        return min(1, len(self.entries))

    @property
    def newest_id(self) -> int:
        return len(self.entries)

    def read(
        self,
        after: int = 0,
        limit: int = 1000,
        *,
        until: int | None = None,
        kinds: Collection[Kind] = (),
        run: str = "",
        since_utc: float | None = None,
        before_utc: float | None = None,
        newest_first: bool = False,
    ) -> list[Entry]:
        assert since_utc is None
        assert before_utc is None
        found = [e for e in self.entries[after:until] if e.event.kind in (kinds or (e.event.kind,))]
        found = [e for e in found if e.run == (run or e.run)]
        return (found[::-1] if newest_first else found)[:limit]

    def start_recording(self, name: str, utc: float) -> Recording:
        self._recordings.append(Recording(len(self._recordings) + 1, name, self.newest_id + 1, None, utc, None))
        return self._recordings[-1]

    def stop_recording(self, id: int, utc: float) -> Recording:  # noqa: A002
        if not 0 < id <= len(self._recordings):
            raise ConfigError(f"recording {id}: there is none")
        self._recordings[id - 1] = replace(self._recordings[id - 1], last=self.newest_id, ended_utc=utc)
        return self._recordings[id - 1]

    def recordings(self) -> Sequence[Recording]:
        return list(self._recordings)


class PageServer:
    """A service on a free port; `stop` and `start` keep the port and the journal."""

    def __init__(self, names: Sequence[str] = ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "O1", "O2")) -> None:
        self.memory = Memory()
        self.run = "run-1"
        self.names = tuple(names)
        self.status = Status("waiting")
        self.scenes: Scenes | None = None
        self.truth: list[TrueBlink] = []
        self.now_s = 1000.0
        """Time of the newest sample."""
        self.utc_ahead_s = time.time() - self.now_s
        self.hub: Hub
        self._thread: threading.Thread | None = None
        self._port = 0
        self.start()

    def start(self) -> None:
        self.hub = Hub(self.memory)
        app = create_app(
            self.hub,
            self.memory,
            lambda: self.status,
            Access(),
            version=__version__,
            clock=lambda: self.now_s + 0.02,
        )
        server = WebServer(app, self.hub, port=self._port)
        self._port = server.port
        self.url = server.url
        self._over = threading.Event()
        self._thread = threading.Thread(target=server.run, args=(self._over.is_set,))
        self._thread.start()

    def stop(self) -> None:
        if self._thread is not None:
            self._over.set()
            self._thread.join()
            self._thread = None

    def report(self, states: Sequence[str] = (), **more: object) -> None:
        """Connected, with these states of the channels."""
        given = [*states, *["good"] * (len(self.names) - len(states))]
        channels = tuple(
            ChannelStatus(name, state, looked_at=k < 2)  # type: ignore[arg-type]
            for k, (name, state) in enumerate(zip(self.names, given, strict=True))
        )
        stream = StreamReport("a headset", "test-1", "here", "uid", 250.0, channels)
        self.status = replace(
            Status("connected", self.run, stream, self.now_s, ica=IcaReport("ICA: learning, 3 s of 20 s")),
            **more,  # type: ignore[arg-type]
        )

    def draw(self, seconds: float, samples: Callable[[int], np.ndarray] | None = None) -> None:  # type: ignore[type-arg]
        """So much more of the signal, as scenes of 40 ms; silence where nothing else is given."""
        if self.scenes is None:
            self.scenes = Scenes(Montage(self.names, 250.0), range(min(2, len(self.names))), self.run)
        for _ in range(round(seconds / 0.04)):
            block = np.zeros((10, len(self.names))) if samples is None else samples(10)
            times = self.now_s + np.arange(1, 11) / 250.0
            self.now_s = float(times[-1])
            self.scenes.push(Block(block, times))
            self.scenes.clean(Block(0.5 * block, times))
            self.scenes.said(self.now_s, 0.1)
            if self.status.connection == "connected":
                self.status = replace(self.status, newest_s=self.now_s)
            if (scene := self.scenes.take()) is not None:
                self.hub.show(scene)

    def tell(self, *events: BlinkEvent) -> list[Entry]:
        """Journal and publish."""
        entries = [
            Entry(self.memory.newest_id + k, self.run, "a headset", time_of(event) + self.utc_ahead_s, event)
            for k, event in enumerate(events, 1)
        ]
        self.memory.entries.extend(entries)
        self.hub.publish(entries)
        return entries

    def blink(self, onset: float | None = None, kind: Kind = "blink") -> Entry:
        """A blink that has just ended, without a start before it."""
        onset = self.now_s - 0.4 if onset is None else onset
        return self.tell(BlinkEvent(kind, onset, onset + 0.08, onset + 0.25, 120.0, 0.97, onset + 0.3))[0]


@contextmanager
def page_server(names: Sequence[str] = ()) -> Iterator[PageServer]:
    server = PageServer(names) if names else PageServer()
    try:
        yield server
    finally:
        server.stop()


def play(
    server: PageServer, stop: Callable[[], bool], *, channels: int = 8, rate_hz: float = 250.0, seed: int = 5
) -> None:
    """The simulated headset and the real detector, in real time, until ``stop()``."""
    simulator = Simulator(channels, rate_hz, seed=seed, start_s=server.now_s)
    server.names, tally = simulator.montage.names, Tally()
    scenes = Scenes(simulator.montage, simulator.montage.frontal, server.run)
    detector = open_detector(simulator.montage, on_clean=scenes.clean)
    delay_s = detector.card.band.delay_s(rate_hz)
    ask = detector.probabilities

    def overheard(window: Window) -> np.ndarray:  # type: ignore[type-arg]
        said = ask(window)
        steps, look = said.shape[1], round(detector.card.looks_s[2] * detector.card.rate_hz)
        for k in range(steps):
            at = len(window.times) - 1 - detector.card.step * (steps - 1 - k) - look
            scenes.said(float(window.times[at]) - delay_s, float(said[2, k]))
        return said

    detector.probabilities = overheard  # type: ignore[method-assign]
    n = round(rate_hz / 25)
    began = time.monotonic()
    for count in itertools.count(1):
        if stop():
            server.truth = simulator.blinks()
            return
        time.sleep(max(0.0, began + count * n / rate_hz - time.monotonic()))
        block = simulator.pull(n)
        scenes.push(block)
        events = detector.push(block)
        server.now_s = float(block.times[-1])
        server.utc_ahead_s = time.time() - server.now_s
        if events:
            server.tell(*events)
            tally.add(events)
        if scene := scenes.take():
            server.hub.show(scene)
        if count % 12 == 1:
            ica = detector.ica.status
            states = ["good"] * channels
            server.report(
                states,
                samples=count * n,
                tally=tally.report(server.now_s, count * n / rate_hz),
                ica=IcaReport(ica.line, ica.trusted, blink_map(simulator) if ica.correlations else ()),
                model="blink",
            )


class Tally:
    """What blinks amount to, roughly."""

    def __init__(self) -> None:
        self.blinks: list[BlinkEvent] = []

    def add(self, events: Sequence[BlinkEvent]) -> None:
        self.blinks += [event for event in events if event.kind == "blink"]

    def report(self, now_s: float, seen_s: float) -> TallyReport:
        if not self.blinks or seen_s < 5:
            return TallyReport(len(self.blinks))
        late = [b for b in self.blinks if b.onset > now_s - 60]
        return TallyReport(
            len(self.blinks),
            len(late) * 60 / min(60, seen_s),
            float(np.median([b.duration or 0 for b in self.blinks])),
            float(np.median([b.amplitude or 0 for b in self.blinks])),
            None,
            float(np.median([b.decided - (b.peak or 0) for b in self.blinks])),
        )


def blink_map(simulator: Simulator) -> tuple[MapPoint, ...]:
    """How blinks mix into the simulated channels."""
    weights = simulator.mixing[:, 0] / np.abs(simulator.mixing[:, 0]).max()
    points = []
    for name, weight in zip(simulator.montage.names, weights, strict=True):
        x, y, z = electrode_position(name)
        away, angle = math.acos(max(-1.0, min(1.0, z))) / (math.pi / 2), math.atan2(y, x)
        points.append(MapPoint(name, away * math.cos(angle), away * math.sin(angle), float(weight)))
    return tuple(points)
