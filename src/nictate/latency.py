"""How long it takes from a sample to an event in a subscriber's hands, measured on the whole service.

A simulated headset streams over LSL, `nictate run` listens to it in a process of its own, and subscribers in another
one read its Server-Sent Events. All three read the same clock, that of LSL.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from nictate.edges.lsl import EegOutlet, now
from nictate.profile import USUAL
from nictate.service import transmit
from nictate.signals import Block, FloatArray, StreamError
from nictate.simulate import Simulator

PATIENCE_S = 60.0
STARTING_S = 3.0
"""What is found before the service has seen so much signal is not counted."""
BLINKS_PER_MIN = 40.0
"""More than people do: more events in a minute."""


@dataclass(frozen=True, slots=True)
class Receipts:
    """Of one subscriber: when each event came, on the LSL clock."""

    decided: FloatArray
    """(events,) stream time of the newest sample that the event is made of."""
    received: FloatArray
    """(events,) in s."""


@dataclass(frozen=True, slots=True)
class Delays:
    """Of all events at all subscribers that read."""

    events: int
    subscribers: int
    stalled: int
    median_ms: float
    """From handing the newest sample to LSL to reading the event."""
    p95_ms: float
    largest_ms: float
    missing: int
    """Events that a subscriber that reads has not got, over all of them; 0 in a service that keeps its word."""


@contextmanager
def headset(channels: int, rate_hz: float, source_id: str) -> Iterator[Callable[[], FloatArray]]:
    """A simulated headset on LSL. What it gives tells (pieces, 2) the newest stamp of each and when it was sent."""
    simulator = Simulator(
        channels, rate_hz, seed=1, profile=replace(USUAL, blinks_per_min=BLINKS_PER_MIN), start_s=now()
    )
    sent: list[tuple[float, float]] = []
    over = threading.Event()
    with EegOutlet(simulator.montage, "nictate bench", source_id, model="simulator") as outlet:

        def send(block: Block) -> None:
            sent.append((float(block.times[-1]), now()))
            outlet.push(block)

        thread = threading.Thread(
            target=transmit, args=(simulator, send, lambda _text, _time: None, over.is_set, now, time.sleep)
        )
        thread.start()
        try:
            yield lambda: np.array(sent)
        finally:
            over.set()
            thread.join()


@contextmanager
def service(source_id: str, folder: Path) -> Iterator[int]:
    """`nictate run` for that stream, in a process of its own; the port that it serves."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "nictate", "run", "--source-id", source_id, "--port", str(port), "--markers", ""]
    command += ["--journal", str(folder / "journal.sqlite")]
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
    try:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1.0).close()
                break
            except OSError:
                time.sleep(0.05)
        else:
            raise StreamError(f"the service did not start: {(folder / 'said').read_text(encoding='utf-8')[-500:]!r}")
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


async def _read(port: int, receipts: list[tuple[float, bytes]]) -> None:
    """One subscriber that reads, until it is cancelled."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_REQUEST)
    while line := await reader.readline():
        if line.startswith(b"data:"):
            receipts.append((now(), line))


_REQUEST = b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"


async def _subscribe(port: int, reading: int, stalled: int, pipe: Connection) -> list[list[tuple[float, bytes]]]:
    """All of them, until something comes through the pipe."""
    idle = []
    for _ in range(stalled):
        idle.append(socket.create_connection(("127.0.0.1", port), PATIENCE_S))
        idle[-1].sendall(_REQUEST)  # And nothing is read ever after.
    receipts: list[list[tuple[float, bytes]]] = [[] for _ in range(reading)]
    tasks = [asyncio.create_task(_read(port, one)) for one in receipts]
    await asyncio.to_thread(pipe.recv)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for one in idle:
        one.close()
    return receipts


def subscribers(port: int, reading: int, stalled: int, pipe: Connection) -> None:
    """The body of the subscribers' process: sends back the `Receipts` of each that reads."""
    everything = asyncio.run(_subscribe(port, reading, stalled, pipe))
    pipe.send(
        [
            Receipts(
                np.array([json.loads(line.removeprefix(b"data:"))["decided"] for _, line in one]),
                np.array([time_s for time_s, _ in one]),
            )
            for one in everything
        ]
    )


def delays(sent: FloatArray, receipts: list[Receipts], since_s: float, stalled: int) -> Delays:
    """From what was sent, (pieces, 2) newest stamp and time of sending, and what was received of it.

    Raises `StreamError` when nothing was.
    """
    late: list[FloatArray] = []
    everything = np.unique(np.concatenate([one.decided for one in receipts]))
    counted = everything[everything >= since_s]
    if not len(counted):
        raise StreamError("no event came in that time: measure for longer")
    for one in receipts:
        these = one.decided >= since_s
        # The stamps are the same but for the dejitterer's correction, which is far below half a sample.
        piece = np.minimum(sent[:, 0].searchsorted(one.decided[these] - 1e-3), len(sent) - 1)
        late.append(one.received[these] - sent[piece, 1])
    ms = 1e3 * np.concatenate(late)
    told = sum(len(np.unique(one.decided[one.decided >= since_s])) for one in receipts)
    return Delays(
        events=len(counted),
        subscribers=len(receipts),
        stalled=stalled,
        median_ms=float(np.median(ms)),
        p95_ms=float(np.percentile(ms, 95)),
        largest_ms=float(ms.max()),
        missing=len(counted) * len(receipts) - told,
    )


def measure(channels: int, rate_hz: float, seconds: float, reading: int, stalled: int) -> Delays:
    """Run all of it for so many seconds of signal."""
    source_id = f"nictate-bench-{os.getpid()}"
    context = get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as folder,
        headset(channels, rate_hz, source_id) as sent,
        service(source_id, Path(folder)) as port,
    ):
        ours, theirs = context.Pipe()
        process = context.Process(target=subscribers, args=(port, reading, stalled, theirs), daemon=True)
        process.start()
        since_s = now() + STARTING_S
        time.sleep(STARTING_S + seconds)
        ours.send(None)
        if not ours.poll(PATIENCE_S):
            raise StreamError("the subscribers did not end")
        receipts = ours.recv()
        process.join()
        return delays(sent(), receipts, since_s, stalled)
