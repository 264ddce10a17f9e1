"""Publishing EEG and markers over LSL, and playing a recording."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import pylsl

from nictate.edges.lsl.liblsl import now
from nictate.signals import Block, ConfigError, Montage


def sendable(text: str) -> str:
    """Text as it can be sent: lone surrogates (from undecodable file names) replaced, no NUL."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "�")


class MarkerOutlet:
    """A stream of short texts at irregular times (type ``Markers``), as every LSL recorder knows them."""

    def __init__(self, name: str, source_id: str) -> None:
        info = pylsl.StreamInfo(
            sendable(name), "Markers", 1, pylsl.IRREGULAR_RATE, pylsl.cf_string, sendable(source_id)
        )
        desc = info.desc()
        desc.append_child_value("manufacturer", "nictate")
        channel = desc.append_child("channels").append_child("channel")
        channel.append_child_value("label", "marker")
        channel.append_child_value("type", "Marker")
        self._outlet: pylsl.StreamOutlet | None = pylsl.StreamOutlet(info)

    def push(self, text: str, time_s: float) -> None:
        """Send one marker with the time of what it marks, in s on the LSL clock."""
        assert self._outlet is not None, "the outlet is closed"
        self._outlet.push_sample([sendable(text)], time_s)

    def close(self) -> None:
        """Take the stream off the network. Close whoever reads it in the same process first."""
        self._outlet = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Described:
    """What a stream that is being read says of itself, whole, and which of its channels are read."""

    info: pylsl.StreamInfo
    picks: tuple[int, ...]


def _describe(desc: pylsl.XMLElement, montage: Montage, model: str) -> None:
    desc.append_child_value("manufacturer", "nictate")
    acquisition = desc.append_child("acquisition")
    acquisition.append_child_value("manufacturer", "nictate")
    if model:
        acquisition.append_child_value("model", sendable(model))
    if montage.reference:
        desc.append_child("reference").append_child_value("label", sendable(montage.reference))
    channels = desc.append_child("channels")
    for label, kind in zip(montage.names, montage.kinds or ("eeg",) * len(montage.names), strict=True):
        channel = channels.append_child("channel")
        channel.append_child_value("label", sendable(label))
        channel.append_child_value("unit", "microvolts")
        channel.append_child_value("type", sendable(kind).upper())


def _describe_again(desc: pylsl.XMLElement, like: Described) -> None:
    """All that the other stream says, but for the unit, which is µV here, and the channels that are not read."""
    child = like.info.desc().first_child()
    told = []
    while not child.empty():
        if child.name() == "channels":
            channel = child.child("channel")
            while not channel.empty():
                told.append(channel)
                channel = channel.next_sibling("channel")
        else:
            desc.append_copy(child)
        child = child.next_sibling()
    channels = desc.append_child("channels")
    for k in like.picks:
        channel = channels.append_copy(told[k]) if k < len(told) else channels.append_child("channel")
        while not (unit := channel.child("unit")).empty():
            channel.remove_child(unit)
        channel.append_child_value("unit", "microvolts")


class EegOutlet:
    """A stream of EEG in µV, with everything that its montage says written into the description.

    The values travel as double64: what is replayed is what was recorded, to the bit.
    """

    def __init__(
        self,
        montage: Montage,
        name: str,
        source_id: str,
        *,
        model: str = "",
        like: Described | None = None,
        note: str = "",
    ) -> None:
        """``model`` names the device or the recording under ``desc/acquisition``; empty leaves it out.

        ``like`` is the stream from which this one was made: all that it says of itself is said here again. ``note``
        says under ``desc/processing`` what was done to it.
        """
        info = pylsl.StreamInfo(
            sendable(name), "EEG", len(montage.names), montage.rate_hz, pylsl.cf_double64, sendable(source_id)
        )
        desc = info.desc()
        if like is None:
            _describe(desc, montage, model)
        else:
            _describe_again(desc, like)
        if note:
            processing = desc.append_child("processing")
            processing.append_child_value("software", "nictate")
            processing.append_child_value("operation", sendable(note))
        self.montage = montage
        self._outlet: pylsl.StreamOutlet | None = pylsl.StreamOutlet(info)

    def push(self, block: Block) -> None:
        """Send samples with their own times, which are on the LSL clock."""
        assert self._outlet is not None, "the outlet is closed"
        self._outlet.push_chunk(block.samples, block.times.tolist())

    def wait_for_reader(self, timeout_s: float) -> bool:
        """Whether anybody reads the stream, after waiting for that up to ``timeout_s`` s."""
        assert self._outlet is not None, "the outlet is closed"
        return bool(self._outlet.wait_for_consumers(timeout_s))

    def close(self) -> None:
        """Take the stream off the network. Close whoever reads it in the same process first."""
        self._outlet = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


WAIT_S = 0.2
"""The longest wait at a time: what Ctrl-C has to wait for."""
PIECE_S = 0.02
"""A recording is played in pieces of so much real time."""
FASTEST = 20.0
"""Speed of ``max``. LSL has no flow control: a reader that is too slow loses samples, and nobody is told."""
LINGER_S = 0.5
"""How long the end of a recording waits for its readers: what they have not read when it closes is lost."""


def play(
    blocks: Iterable[Block],
    outlet: EegOutlet,
    *,
    speed: float = 1.0,
    stop: Callable[[], bool] = lambda: False,
    labels: Iterable[tuple[float, str]] = (),
    markers: MarkerOutlet | None = None,
    clock: Callable[[], float] = now,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Send a recording as if it were happening, until ``stop()``; the number of samples sent.

    The recording's times (s, any zero) are laid on the LSL clock from now on, at every speed with their own
    spacing, so that rate and blinks stay what they are. Each sample is sent when it is due and never before;
    at ``speed`` 4 it is due four times as early. ``math.inf`` waits for a reader and then goes at `FASTEST`.
    ``labels`` are pairs of time and text in order of time, sent to ``markers`` after the samples that they
    belong to.
    """
    if not speed > 0.0:
        raise ConfigError(f"a speed of {speed:g}: it must be above 0")
    while speed == math.inf and not outlet.wait_for_reader(WAIT_S):
        if stop():
            return 0
    pace = FASTEST if speed == math.inf else speed
    most = max(1, round(PIECE_S * pace * outlet.montage.rate_hz))
    coming = iter(labels)
    label = next(coming, None)
    assert label is None or markers is not None, "labels without an outlet for them"
    zero = start = math.nan
    sent = 0

    def mark(until: float) -> None:
        nonlocal label
        while markers is not None and label is not None and label[0] <= until:
            markers.push(label[1], start + (label[0] - zero))
            label = next(coming, None)

    for block in blocks:
        for k in range(0, len(block), most):
            times = block.times[k : k + most]
            if math.isnan(start):
                zero, start = float(times[0]), clock()
            due = start + (float(times[-1]) - zero) / pace
            while (early := due - clock()) > 0.0:
                if stop():
                    return sent
                sleep(min(early, WAIT_S))
            if stop():
                return sent
            outlet.push(Block(block.samples[k : k + most], start + (times - zero)))
            sent += len(times)
            mark(float(times[-1]))
    if sent:
        mark(math.inf)
    end = clock() + LINGER_S
    while outlet.wait_for_reader(0.0) and (rest := end - clock()) > 0.0 and not stop():
        sleep(min(rest, WAIT_S))
    return sent
