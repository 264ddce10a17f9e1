"""Streams as makers send them, over a real liblsl on loopback, and a reader of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
import pylsl

from nictate.edges.lsl import LslSource, Query
from nictate.signals import Block, FloatArray, Montage

RATE_HZ = 250.0
PATIENCE_S = 20.0
"""Only a test that fails takes so long."""
ALL_ANSWER_S = 0.3
"""On one machine without multicast, the newest stream answers at once, the others after half a second."""


def outlet(
    source_id: str,
    channels: Sequence[dict[str, str]] = ({"label": "Fp1", "unit": "microvolts", "type": "EEG"},),
    *,
    name: str = "headset",
    kind: str = "EEG",
    count: int | None = None,
    rate_hz: float = RATE_HZ,
    value_format: int = pylsl.cf_double64,
) -> pylsl.StreamOutlet:
    """A maker's stream, with any description or none."""
    n = len(channels) if count is None else count
    info = pylsl.StreamInfo(name, kind, n, rate_hz, value_format, source_id)
    if channels:
        described = info.desc().append_child("channels")
        for channel in channels:
            node = described.append_child("channel")
            for key, value in channel.items():
                node.append_child_value(key, value)
    return pylsl.StreamOutlet(info)


def send(to: pylsl.StreamOutlet, values: FloatArray, *, start_s: float | None = None, skip: int = 0) -> FloatArray:
    """Send (n, channels) or (n,) values that end now, or begin at ``start_s``; their stamps."""
    n = len(values)
    at = pylsl.local_clock() - n / RATE_HZ if start_s is None else start_s
    stamps = at + (np.arange(n) + skip) / RATE_HZ
    to.push_chunk(values.reshape(n, -1), stamps.tolist())
    return stamps


def feed(to: pylsl.StreamOutlet, until: threading.Event) -> threading.Thread:
    """Zeros at RATE_HZ in real time, from another thread."""

    def run() -> None:
        sent = 0
        start = pylsl.local_clock()
        while not until.wait(0.02):
            due = int((pylsl.local_clock() - start) * RATE_HZ)
            if due > sent:
                send(to, np.zeros(due - sent), start_s=start, skip=sent)
                sent = due

    thread = threading.Thread(target=run)
    thread.start()
    return thread


class Reader:
    """An `LslSource` with what it said."""

    def __init__(
        self,
        source_id: str,
        *,
        unit: str | None = None,
        restamp: bool = False,
        name: str = "",
        buffer_s: float = 30.0,
        channels: Sequence[str] | None = None,
    ) -> None:
        self.said: list[str] = []
        self.source = LslSource(
            Query(source_id=source_id, name=name),
            channels=channels,
            unit=unit,
            restamp=restamp,
            say=self.said.append,
            buffer_s=buffer_s,
        )

    def open(self) -> Montage:
        deadline = time.monotonic() + PATIENCE_S
        montage = self.source.open(lambda: time.monotonic() > deadline)
        assert montage is not None, self.said
        return montage

    def until(self, done: Callable[[int], bool]) -> Block:
        """All that comes until it is ``done``, which is asked with the number of samples so far."""
        deadline = time.monotonic() + PATIENCE_S
        blocks = [Block(np.empty((0, 0)), np.empty(0))]
        got = 0
        while not done(got):
            assert time.monotonic() < deadline, (got, self.said)
            blocks.append(self.source.pull())
            got += len(blocks[-1])
        blocks = [block for block in blocks if len(block)] or blocks[:1]
        return Block(
            np.concatenate([block.samples for block in blocks]), np.concatenate([block.times for block in blocks])
        )

    def read(self, n: int) -> Block:
        """The next n samples, in whole blocks."""
        return self.until(lambda got: got >= n)

    def line(self, words: str) -> str:
        """The only line that holds the words."""
        (line,) = [line for line in self.said if words in line]
        return line
