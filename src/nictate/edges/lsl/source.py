"""One EEG stream, read over LSL wherever it goes and comes back."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as LslTimeoutError

from nictate.edges.lsl.directory import ANSWER_S, RESOLVE_S, described, summary
from nictate.edges.lsl.liblsl import now
from nictate.edges.lsl.outlets import Described
from nictate.reception import Gaps, Reception, Say
from nictate.signals import RATES_HZ, Block, Montage, StreamError
from nictate.stream import Query, StreamSummary, chosen

PULL_SAMPLES = math.ceil(RATES_HZ[1])
"""The most samples in a block: a second or more."""
PULL_S = 0.2
"""The longest wait for samples: what Ctrl-C has to wait for."""
SILENT_S = 2.0
"""Without a sample for so long, a stream counts as lost, even if its connection still stands."""
CLOCK_EVERY_S = 2.0
"""How often the clock offset is asked for; liblsl itself measures it about as often."""


@dataclass(slots=True)
class _Connection:
    """One inlet and what is known of it. Lives until the stream is lost."""

    inlet: pylsl.StreamInlet
    reception: Reception
    capacity: int
    """Samples that the inlet keeps before it throws the oldest away."""
    newest_s: float
    """Local time at which the newest samples came, at first that of connecting."""
    clock_offset_s: float
    """Of the sender's clock, measured by liblsl; to be added to a stamp."""
    clock_asked_s: float
    late: bool = False
    """The inlet was found full and has not been emptied since: what misses now, misses because of us."""


class LslSource:
    """The samples of one stream, wherever it goes and comes back.

    ``pull`` gives everything that has come, as µV in float64, with times on the local LSL clock from which jitter is
    removed and in which a hole stays a hole (see `Dejitter`). Whatever its stamp, no sample is thrown away here.

    ``montage`` is another object when the stream has come back with other channels, or when its nominal rate has
    turned out wrong. Compare by ``is`` after each ``pull`` and before using the block, which is the new montage's.

    What the operator should know is passed to ``say``, a line each. Not for several threads at a time.
    """

    def __init__(
        self,
        query: Query,
        *,
        channels: Sequence[str] | None,
        unit: str | None,
        restamp: bool,
        say: Say,
        buffer_s: float = 30.0,
    ) -> None:
        """Connects to nothing yet.

        ``channels`` are labels, or numbers from 1 where no label reads so; None takes all. ``unit`` (uV, mV, V, nV)
        overrides what the stream says. ``restamp`` moves stamps that cannot be on the LSL clock to where they would be
        if the first samples had taken no time. ``buffer_s`` bounds what is kept while nobody pulls.
        """
        self._query = query
        self._wanted = channels
        self._unit = unit
        self._restamp = restamp
        self._say = say
        self._buffer_s = max(1, math.ceil(buffer_s))
        self._connection: _Connection | None = None
        self._reception: Reception | None = None
        """That of the connection, or of the last one."""
        self._described: Described | None = None
        self._montage: Montage | None = None
        self._first: Block | None = None
        """What came while ``open`` was waiting for the rate."""
        self._search: pylsl.ContinuousResolver | None = None
        self._lost_since_s = math.nan
        self._told_ambiguous = False
        self._newest_time_s = math.nan
        self._gaps = Gaps()

    @property
    def montage(self) -> Montage:
        """What the samples are; only after ``open``."""
        assert self._montage is not None, "open() comes first"
        return self._montage

    @property
    def stream(self) -> StreamSummary:
        """What the stream says of itself; only after ``open``."""
        assert self._reception is not None, "open() comes first"
        return self._reception.stream

    @property
    def described(self) -> Described:
        """All that the stream says of itself, for a stream that is made from it; only after ``open``."""
        assert self._described is not None, "open() comes first"
        return self._described

    @property
    def lost(self) -> bool:
        """Whether the stream is away at the moment."""
        return self._search is not None

    @property
    def gaps(self) -> int:
        """Leaps of the stream's time, forward or backward, so far."""
        return self._gaps.count

    @property
    def dropped(self) -> int:
        """Samples that the full inlet threw away because ``pull`` came too late. In `gaps` as well."""
        return self._gaps.dropped

    @property
    def newest_age_s(self) -> float:
        """How long ago the newest sample handed over was taken, by its time, in s; NaN before the first."""
        return now() - self._newest_time_s

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the stream. Harmless when repeated."""
        self._connection = None
        self._search = None

    def open(self, stop: Callable[[], bool]) -> Montage | None:
        """Wait for the stream and connect to it; None when ``stop()`` became true before.

        A stream that declares no rate, or none that is served, is listened to for a few seconds until it is known.

        Raises `ConfigError` when several streams match, or none of the channels asked for is there, and `StreamError`
        when the stream is no EEG, says a unit that is not known, or does not answer.
        """
        told = False
        while self._connection is None and not stop():
            found = [info for info in pylsl.resolve_streams(RESOLVE_S) if self._query.matches(summary(info))]
            if len(found) > 1:
                raise self._query.ambiguous([summary(info) for info in found])
            if found:
                try:
                    self._connect(found[0])
                except RuntimeError as error:  # pylsl's own timeout and loss
                    raise StreamError(f"{summary(found[0])} is there, but does not answer ({error})") from error
            elif not told:
                told = True
                self._say(f"waiting for {self._query}: not there yet")
        while self._connection is not None and self._montage is None and not stop():
            try:
                self._first = self._take(self._connection)
            except LostError as error:
                raise StreamError(f"{self.stream} went away before its rate was known") from error
        return self._montage

    def pull(self) -> Block:
        """Everything that has come, at most 2100 samples at a time; waits up to 0.2 s for the first.

        May be empty: nothing came, the stream is lost, or the first second, on which the rate is judged, is not over.
        Only connecting again to a stream that was lost can take longer, up to a few seconds.

        Raises `ConfigError` or `StreamError` as ``open`` does, when the stream has come back as another, or when its
        real rate is not one that is served.
        """
        assert self._reception is not None, "open() comes first"
        if self._first is not None:
            first, self._first = self._first, None
            return first
        self._tell_gaps()
        if self._search is not None:
            self._reconnect(self._search)
        connection = self._connection
        if connection is None:
            time.sleep(PULL_S / 2)
            return self._reception.nothing()
        try:
            block = self._take(connection)
        except LostError:
            if self._search is None:
                self._lose("its connection broke off")
            self._connection = None
            return self._noted(connection, connection.reception.flush())
        now_s = now()
        if self._search is not None and connection.newest_s > self._lost_since_s:
            self._say(f"{self.stream}: found again after {now_s - self._lost_since_s:.1f} s")
            self._search = None
        elif self._search is None and now_s - connection.newest_s > SILENT_S:
            self._lose(f"no sample for {SILENT_S:g} s")
            return self._noted(connection, connection.reception.flush())
        return block

    def _connect(self, info: pylsl.StreamInfo) -> None:
        """Make an inlet and judge what comes with it. Raises pylsl's errors when nobody answers."""
        nominal_hz = info.nominal_srate()
        # Without a nominal rate, liblsl counts the buffer in hundreds of samples.
        buffer = self._buffer_s if nominal_hz > 0 else math.ceil(self._buffer_s * RATES_HZ[1] / 100)
        # Recovery is ours: liblsl's would neither say so nor show that the stream has become another.
        inlet = pylsl.StreamInlet(info, max_buflen=buffer, recover=False)
        whole = inlet.info(ANSWER_S)
        stream = described(whole)
        channels = chosen(stream, self._wanted, self._unit)
        self._described = Described(whole, channels.picks)
        old = self._reception
        same = old is not None and replace(stream, uid=old.stream.uid, hostname=old.stream.hostname) == old.stream
        if not same:
            for remark in channels.remarks:
                self._say(f"{stream}: {remark}")
        inlet.open_stream(ANSWER_S)
        offset_s = 0.0
        try:
            offset_s = inlet.time_correction(ANSWER_S)
        except LslTimeoutError:
            self._say(f"{stream}: its clock does not answer; its time stamps are taken as they are")
        self._reception = Reception(
            stream, channels, restamp=self._restamp, say=self._say, montage=self._montage if same else None
        )
        self._montage = self._reception.montage or self._montage
        now_s = now()
        self._connection = _Connection(
            inlet=inlet,
            reception=self._reception,
            capacity=round(buffer * (nominal_hz if nominal_hz > 0 else 100)),
            newest_s=now_s,
            clock_offset_s=offset_s,
            clock_asked_s=now_s,
        )

    def _lose(self, why: str) -> None:
        self._say(f"{self.stream}: lost, {why}; looking for it")
        self._lost_since_s = now()
        self._told_ambiguous = False
        self._search = pylsl.ContinuousResolver(forget_after=1.0)

    def _reconnect(self, search: pylsl.ContinuousResolver) -> None:
        """Make a new inlet if the stream is on the network again."""
        old = self.stream
        found = [info for info in search.results() if summary(info).succeeds(old)]
        # Makers who give all their streams one source_id tell them apart by name.
        found = [info for info in found if info.name() == old.name] or found
        # An outlet that has been closed may be listed for a moment longer. One that merely fell silent is still
        # connected, and is not to be left before it is replaced.
        others = [info for info in found if info.uid() != old.uid]
        found = others or (found if self._connection is None else [])
        if len(found) > 1 and not self._told_ambiguous:
            self._told_ambiguous = True
            self._say(f"{old}: {len(found)} streams could be this one; waiting until it is only one")
        if len(found) == 1:
            # If it does not answer, or goes away again, the search goes on.
            with suppress(LostError, LslTimeoutError):
                self._connect(found[0])

    def _take(self, connection: _Connection) -> Block:
        """Pull once from the inlet; raises pylsl's `LostError`."""
        inlet = connection.inlet
        now_s = now()
        if now_s - connection.clock_asked_s > CLOCK_EVERY_S:
            connection.clock_asked_s = now_s
            # Without an answer, the last offset is still the best that is known.
            with suppress(LslTimeoutError):
                connection.clock_offset_s = inlet.time_correction(0.0)
        connection.late = connection.late or inlet.samples_available() >= connection.capacity
        values, stamps = inlet.pull_chunk(PULL_S, PULL_SAMPLES, min_samples=1, as_numpy=True)
        if not len(stamps):
            return connection.reception.nothing()
        connection.newest_s = now()
        block = connection.reception.push(values, stamps + connection.clock_offset_s, connection.newest_s)
        block = self._noted(connection, block)
        connection.late = connection.late and len(stamps) == PULL_SAMPLES
        return block

    def _noted(self, connection: _Connection, block: Block) -> Block:
        """The block, after what it says about the stream has been noted."""
        self._montage = connection.reception.montage or self._montage
        for leap_s in connection.reception.leaps_s():
            ours = connection.late and leap_s > 0.0
            self._gaps.note(leap_s, round(leap_s * self.montage.rate_hz) if ours else 0)
        self._tell_gaps()
        if len(block):
            self._newest_time_s = float(block.times[-1])
        return block

    def _tell_gaps(self) -> None:
        if words := self._gaps.words(now()):
            self._say(f"{self.stream}: {words}")
