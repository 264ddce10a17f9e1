"""The service at work: one headset is listened to, and every event is journalled before anybody is told of it.

One thread runs all of it, see `Station.run`; `Station.status` may be asked from any other.
"""

from __future__ import annotations

import dataclasses
import math
import re
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import numpy as np

from nictate.card import ModelCard
from nictate.closures import Closures
from nictate.detector import Detector, Network
from nictate.edges.journal import Journal, Run
from nictate.edges.lsl import CLEANED, EegOutlet, LslSource, now
from nictate.electrodes import electrode_position
from nictate.ica import Mode
from nictate.patterns import PatternRules, Patterns
from nictate.refit import Submit
from nictate.scene import Scenes
from nictate.service import CLEANING, Learned, channels_for, ica_for, watch
from nictate.signals import BlinkEvent, Block, ConfigError, Montage
from nictate.status import (
    ChannelState,
    ChannelStatus,
    Connection,
    IcaReport,
    MapPoint,
    Status,
    StreamReport,
    TallyReport,
)
from nictate.stream import StreamSummary
from nictate.tally import Tally
from nictate.wire import Entry

STATUS_EVERY_S = 0.25
PRUNE_EVERY_S = 600.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What the operator wants to be done with the stream."""

    channels: tuple[str, ...] | None = None
    """Named by the operator; None for those that are known as frontal."""
    ica: Mode = "auto"
    clean: bool = False
    """Publish the cleaned EEG."""
    state: Path | None = None
    """Keeps what the ICA learns."""
    patterns: PatternRules = field(default_factory=PatternRules)
    keep_days: float | None = None
    keep_bytes: int | None = None


Sink: TypeAlias = Callable[[BlinkEvent, TallyReport], None]
"""Takes each event with what the stream's blinks amount to."""


def nothing_to_do(_: object) -> None:
    """Where nobody listens."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is told. All of it is called by the station's thread, and must not wait."""

    publish: Callable[[Sequence[Entry]], None] = nothing_to_do
    """Events with their place in the journal, which has them already."""
    show: Callable[[str], None] | None = None
    """Pictures of the signal, see `nictate.scene`; None where nobody would see them."""
    sinks: Callable[[StreamSummary], Sequence[Sink]] = lambda _: ()
    """Asked once, when the stream is known."""
    say: Callable[[str], None] = nothing_to_do
    """Lines for the operator."""


class Station:
    """Source, detector, patterns, journal, listeners."""

    def __init__(
        self,
        source: LslSource,
        card: ModelCard,
        network: Network,
        wish: Wish,
        journal: Journal,
        listeners: Listeners,
        submit: Submit,
    ) -> None:
        """Raises `ConfigError` when the file of what was learned is none."""
        self._source = source
        self._card, self._network, self._wish = card, network, wish
        self._journal, self._to, self._submit = journal, listeners, submit
        self._learned = Learned(wish.state) if wish.state is not None else None
        self._cleaned = ExitStack()
        self._run: Run
        self._block: Block
        self._scenes: Scenes
        self._patterns: Patterns
        self._tally: Tally
        self._sinks: tuple[Sink, ...] = ()
        self._detector: Detector | None = None
        self._newest_s: float | None = None
        self._samples = 0
        self._ica_told = ""
        self._reported_s = self._pruned_s = -math.inf
        self._status = Status("waiting", model=card.name, model_sha256=card.sha256)

    @property
    def status(self) -> Status:
        """Where it stands; not older than a fraction of a second while samples come."""
        return self._status

    def run(self, stop: Callable[[], bool]) -> None:
        """Wait for the stream and listen to it until ``stop()``. Once.

        Raises what the source and the journal raise; what was found before has been told by then.
        """
        try:
            if self._source.open(stop) is None:
                return
            stream = self._source.stream
            montage = self._source.montage
            self._sinks = tuple(self._to.sinks(stream))
            self._to.say(f"connected to {stream}: {len(montage.names)} channels at {montage.rate_hz:g} Hz")
            watch(_Overheard(self._source, self._hear), self._build, [self._tell], stop, self._each)
        finally:
            self._report("ended")
            self._cleaned.close()
            if self._learned is not None and self._detector is not None:
                self._learned.write(self._detector)

    # ------------------------------------------------------------------------------------------------- a new stream

    def _build(self, montage: Montage) -> Detector:
        """A detector for a stream that is new, or has come back as another. It begins a run of its own."""
        wish, stream, learned = self._wish, self._source.stream, self._learned
        looked_at, remarks = channels_for(montage, wish.channels)
        known = None
        if learned is not None:
            known = learned.after(self._detector, montage) if self._detector is not None else learned.state
        unmixing = ica_for(
            self._card,
            montage,
            looked_at,
            wish.ica,
            clean=wish.clean or learned is not None,
            submit=self._submit,
            state=known,
        )
        self._run = Run(
            id=_new_run(),
            began_utc=time.time(),
            stream=stream.name,
            source_id=stream.source_id,
            hostname=stream.hostname,
            rate_hz=montage.rate_hz,
            channels=montage.names,
            model_sha256=self._card.sha256,
        )
        self._journal.begin(self._run)
        self._patterns, self._tally = Patterns(wish.patterns), Tally()
        self._detector = Detector(
            self._card,
            self._network,
            montage,
            looked_at,
            self._cleaner(montage),
            unmixing,
            self._said if self._to.show is not None else None,
            Closures(wish.patterns),
        )
        self._scenes = Scenes(montage, self._detector.channels, self._run.id)
        for line in remarks:
            self._to.say(line)
        self._to.say(f"looking at {', '.join(montage.names[k] for k in self._detector.channels[:12])}")
        return self._detector

    def _cleaner(self, montage: Montage) -> Callable[[Block], None] | None:
        """What takes the cleaned EEG; the outlet of an earlier stream is closed."""
        self._cleaned.close()
        takers: list[Callable[[Block], None]] = []
        if self._wish.clean:
            stream = self._source.stream
            outlet = EegOutlet(
                montage,
                f"{stream.name} cleaned",
                f"{stream.source_id or stream.name}{CLEANED}",
                like=self._source.described,
                note=CLEANING,
            )
            takers.append(self._cleaned.enter_context(outlet).push)
        if self._to.show is not None:
            takers.append(lambda block: self._scenes.clean(block))

        def clean(block: Block) -> None:
            for take in takers:
                take(block)

        return clean if takers else None

    # --------------------------------------------------------------------------------------------------- as it comes

    def _hear(self, block: Block) -> None:
        """Each block, before the detector."""
        if len(block):
            self._newest_s = float(block.times[-1])
            self._samples += len(block)
        self._block = block

    def _said(self, time_s: float, p: float) -> None:
        self._scenes.said(time_s, p)

    def _tell(self, event: BlinkEvent) -> None:
        self._tell_all([event, *self._patterns.push(event)])

    def _tell_all(self, events: Sequence[BlinkEvent]) -> None:
        """Journal first: what has been told is never lost."""
        if not events:
            return
        self._to.publish(self._journal.append(self._run, events, time.time() - now()))
        for event in events:
            self._tally.push(event)
            for sink in self._sinks:
                sink(event, self._tally.report())

    def _each(self, detector: Detector) -> None:
        """After each block, also an empty one."""
        block = self._block
        self._tally.seen(len(block) / detector.montage.rate_hz)
        if self._newest_s is not None:
            self._tell_all(self._patterns.advance(self._newest_s))
        if self._to.show is not None:
            self._scenes.push(block)
            if (scene := self._scenes.take()) is not None:
                self._to.show(scene)
        line = detector.ica.status.line
        if (gist := re.sub(r"[\d.]+", "", line)) != self._ica_told:  # Numbers alone are no news.
            self._ica_told = gist
            self._to.say(line)
        if self._learned is not None:
            self._learned.each(detector)
        now_s = time.monotonic()
        if now_s - self._reported_s >= STATUS_EVERY_S:
            self._reported_s = now_s
            self._report("lost" if self._source.lost else "connected")
        if now_s - self._pruned_s >= PRUNE_EVERY_S:
            self._pruned_s = now_s
            wish = self._wish
            if wish.keep_days is not None or wish.keep_bytes is not None:
                self._journal.prune(keep_days=wish.keep_days, keep_bytes=wish.keep_bytes, utc=time.time())

    # ---------------------------------------------------------------------------------------------- where it stands

    def _report(self, connection: Connection) -> None:
        detector, source = self._detector, self._source
        if detector is None:
            self._status = dataclasses.replace(self._status, connection=connection)
            return
        montage, stream = detector.montage, source.stream
        status = detector.ica.status
        self._status = Status(
            connection=connection,
            run=self._run.id,
            stream=StreamReport(
                stream.name, stream.source_id, stream.hostname, stream.uid, montage.rate_hz, _channels(detector)
            ),
            newest_s=self._newest_s,
            samples=self._samples,
            gaps=source.gaps,
            dropped=source.dropped,
            ica=IcaReport(status.line, status.trusted, head_map(detector.ica.blink_map)),
            model=self._card.name,
            model_sha256=self._card.sha256,
            tally=self._tally.report(),
        )


class _Overheard:
    """A source whose blocks are also heard by somebody else."""

    def __init__(self, source: LslSource, heard: Callable[[Block], None]) -> None:
        self._source, self._heard = source, heard

    @property
    def montage(self) -> Montage:
        return self._source.montage

    def pull(self) -> Block:
        block = self._source.pull()
        self._heard(block)
        return block


def _new_run() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"


def _channels(detector: Detector) -> tuple[ChannelStatus, ...]:
    unused = detector.unused
    looked_at = frozenset(detector.channels)

    def state(k: int, fault: ChannelState) -> ChannelState:
        return "noisy" if fault == "good" and k in unused else fault

    return tuple(
        ChannelStatus(name, state(k, fault), k in looked_at)
        for k, (name, fault) in enumerate(zip(detector.montage.names, detector.faults, strict=True))
    )


def head_map(weights: dict[str, float]) -> tuple[MapPoint, ...]:
    """Electrodes as seen from above, by their angle from the vertex; those whose place is not known are left out."""
    points = []
    for name, weight in weights.items():
        try:
            place = electrode_position(name)
        except ConfigError:
            continue
        radius = math.acos(float(np.clip(place[2], -1.0, 1.0))) / (math.pi / 2)
        level = math.hypot(place[0], place[1])
        x, y = (radius * place[:2] / level).tolist() if level > 0.0 else (0.0, 0.0)
        points.append((name, x, y, weight))
    largest = max((weight for *_, weight in points), key=abs, default=0.0)
    if largest == 0.0:
        return ()
    return tuple(MapPoint(name, x, y, weight / largest) for name, x, y, weight in points)
