"""Where the service stands, for whoever asks: what a status page shows and what is measured of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Connection = Literal["waiting", "connected", "lost", "ended"]

ChannelState = Literal["good", "flat", "jumps", "missing", "noisy"]


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """One channel and what is wrong with it."""

    name: str
    """As the stream says it. Not trusted: may be any text."""
    state: ChannelState
    looked_at: bool
    """Whether blinks are sought on it."""


@dataclass(frozen=True, slots=True)
class MapPoint:
    """What the blink source puts into one electrode."""

    name: str
    x: float
    """To the right, seen from above, nose up; the head is the unit circle."""
    y: float
    """To the front."""
    weight: float
    """-1 to 1; the largest is 1."""


@dataclass(frozen=True, slots=True)
class IcaReport:
    """Where the un-mixing stands."""

    line: str
    """In one line, see `nictate.ica.IcaStatus`."""
    trusted: bool = False
    map: tuple[MapPoint, ...] = ()
    """Of the blink source; empty where there is none, or the places of its electrodes are not known."""


@dataclass(frozen=True, slots=True)
class TallyReport:
    """What the blinks of the stream amount to so far."""

    blinks: int = 0
    blinks_per_min: float | None = None
    """Over the last minute that was seen, or what there is of it; None in the first seconds."""
    duration_s: float | None = None
    """Median over the last blinks, as the others; None without any."""
    amplitude_uv: float | None = None
    inter_blink_s: float | None = None
    latency_s: float | None = None
    """From a blink's peak to its decision, in stream time."""


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What the stream says of itself, and what it is like. Its texts are not trusted."""

    name: str
    source_id: str
    hostname: str
    uid: str
    rate_hz: float
    channels: tuple[ChannelStatus, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """A moment of the service."""

    connection: Connection
    run: str = ""
    """As in `nictate.wire.Entry`; empty while waiting for the first stream."""
    stream: StreamReport | None = None
    newest_s: float | None = None
    """Time of the newest sample, on the LSL clock."""
    samples: int = 0
    gaps: int = 0
    dropped: int = 0
    """Samples that were lost because they were fetched too late."""
    ica: IcaReport = IcaReport("ICA: off")
    model: str = ""
    model_sha256: str = ""
    tally: TallyReport = TallyReport()
