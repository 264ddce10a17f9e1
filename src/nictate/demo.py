"""The demonstration: a simulated headset on LSL, the detector at the other end, and a count when it is over."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from nictate.edges.journal import Journal
from nictate.edges.lsl import EegOutlet, LslSource, Query, now
from nictate.edges.onnx import load_model
from nictate.edges.web import Hub
from nictate.service import beside, shipped_card, transmit
from nictate.serving import Address, Service
from nictate.signals import BlinkEvent
from nictate.simulate import Simulator, TrueBlink
from nictate.station import Listeners, Sink, Station, Wish
from nictate.status import TallyReport
from nictate.stream import StreamSummary
from nictate.training.evaluate import Truth, score


def run_demo(
    channels: int,
    rate_hz: float,
    seed: int,
    model: Path | None,
    stop: Callable[[], bool],
    show: Callable[[BlinkEvent], None],
    say: Callable[[str], None],
    serve: Callable[[Callable[[int], Service]], Service] | None,
) -> Iterator[str]:
    """Runs until ``stop()``, showing each event as it is found, and yields the lines of a summary.

    Both ends are real: an LSL outlet fed by a second thread, and the whole service, which knows it by its source_id
    only. ``serve`` is given what makes a web server on a port, and returns the one that is to run; None is for none.
    The journal is gone at the end.
    """
    card, network = load_model(model or shipped_card())
    simulator = Simulator(channels, rate_hz, seed=seed, start_s=now())
    source_id = f"nictate-demo-{os.getpid()}"
    events: list[BlinkEvent] = []
    began_s: list[float] = []
    over = threading.Event()

    def hear(event: BlinkEvent, _: TallyReport) -> None:
        events.append(event)
        show(event)

    def connected(_: StreamSummary) -> list[Sink]:
        began_s.append(now())
        say(f"a simulated headset streams {channels} channels at {rate_hz:g} Hz; Ctrl-C ends it")
        return [hear]

    with (
        tempfile.TemporaryDirectory() as folder,
        Journal(Path(folder) / "journal.sqlite") as journal,
        EegOutlet(simulator.montage, "nictate demo", source_id, model="simulator") as outlet,
        beside() as submit,
    ):
        headset = threading.Thread(
            target=transmit, args=(simulator, outlet.push, lambda _text, _time: None, over.is_set, now, time.sleep)
        )
        headset.start()
        try:
            with LslSource(Query(source_id=source_id), channels=None, unit=None, restamp=False, say=say) as source:
                hub = Hub(journal)
                told = Listeners(hub.publish, hub.show if serve is not None else None, connected, say)
                station = Station(source, card, network, Wish(), journal, told, submit)
                if serve is None:
                    station.run(stop)
                else:
                    serve(lambda port: Service(Address(port=port), journal, hub, station)).run(stop)
                ended_s = now()
        finally:
            over.set()
            headset.join()
    if began_s:
        yield from _summary(events, simulator.blinks(), began_s[0], ended_s)


def _summary(events: list[BlinkEvent], blinks: list[TrueBlink], began_s: float, ended_s: float) -> Iterator[str]:
    """What was found against what the simulator knows, between connecting and the last second."""
    long = [b for b in blinks if b.kind == "long"]
    short = [b for b in blinks if b.kind != "long"]
    truth = Truth(
        np.array([(b.onset, b.peak, b.end) for b in short]).reshape(-1, 3) - began_s,
        np.array([(b.onset, b.end) for b in long]).reshape(-1, 2) - began_s,
        ended_s - began_s,
    )
    moved = [event.shifted(-began_s) for event in events]
    found = score(moved, truth, (1.0, 1.0))
    row = found.to_dict()
    yield ""
    yield (
        f"In {ended_s - began_s:.0f} s the simulated person blinked {found.hits + found.misses} times: "
        f"{found.hits} found, {found.misses} missed, {found.false_alarms} false alarms"
        + (f" (and {len(long)} long closures, which do not count)." if long else ".")
    )
    if found.hits:
        yield (
            f"blink/start was decided {row['start_latency_median_ms']:.0f} ms after the peak (median), "
            f"blink {row['blink_latency_median_ms']:.0f} ms; the peak was off by {row['peak_error_median_ms']:.0f} ms."
        )
