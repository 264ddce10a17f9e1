"""Source, detector, sinks: what the commands do, without the commands. Knows the edges; prints nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

from threadpoolctl import threadpool_limits

from nictate.card import ModelCard
from nictate.closures import Closures
from nictate.detector import Detector
from nictate.edges import recordings
from nictate.edges.onnx import load_model
from nictate.edges.state import read_state, write_state
from nictate.ica import Ica, Mode, PassThrough, open_ica
from nictate.kept import State
from nictate.patterns import PatternRules, Patterns
from nictate.refit import Submit, at_once
from nictate.signals import BlinkEvent, Block, ConfigError, Montage, StreamError
from nictate.simulate import Simulator, TrueBlink


def shipped_card() -> Path:
    """The card of the model that comes with nictate: inside an installed package, or beside the sources."""
    package = Path(__file__).resolve().parent
    places = (package / "models" / "blink.json", package.parents[1] / "models" / "blink.json")
    for place in places:
        if place.is_file():
            return place
    raise ConfigError(f"no model found at {places[0]}: install nictate again, or name a card with --model")


CLEANING = "nictate: ocular components of an online ICA taken out while the eyes move, through a gate"
"""What is said in cleaned EEG of what was done to it."""


def one_core() -> None:
    """Keep this process's matrix library on one thread: for programs of which the detector is the main business.

    For matrices of this size, a second thread spends a core on waiting and makes nothing faster.
    """
    threadpool_limits(1, user_api="blas")


def open_detector(
    montage: Montage,
    channels: Sequence[int] | None = None,
    *,
    model: Path | None = None,
    ica: Mode = "auto",
    on_clean: Callable[[Block], None] | None = None,
) -> Detector:
    """A detector for one montage with the shipped model, or the one of the card ``model``.

    ``channels`` and ``on_clean`` as in `Detector`; ``ica`` is "auto", "on" or "off", see `nictate.ica`. Raises
    `ConfigError` when the model cannot be used.
    """
    card, network = load_model(model or shipped_card())
    return Detector(
        card, network, montage, channels, on_clean, ica_for(card, montage, channels, ica, clean=on_clean is not None)
    )


def ica_for(
    card: ModelCard,
    montage: Montage,
    channels: Sequence[int] | None,
    mode: Mode,
    *,
    clean: bool = False,
    submit: Submit = at_once,
    state: State | None = None,
) -> Ica | PassThrough:
    """The un-mixing for a detector that looks at ``channels``, see `open_ica`."""
    frontal = montage.blink_channels or channels or ()
    frame = card.frame(montage.rate_hz)
    return open_ica(montage, frame, card.ica, mode=mode, frontal=frontal, clean=clean, submit=submit, state=state)


# ------------------------------------------------------------------------------------------------------------- streams


class Source(Protocol):
    """What delivers a live stream."""

    @property
    def montage(self) -> Montage:
        """Another object whenever the stream has become another."""

    def pull(self) -> Block:
        """What has come, perhaps nothing; waits a fraction of a second at most."""


def watch(
    source: Source,
    build: Callable[[Montage], Detector],
    sinks: Sequence[Callable[[BlinkEvent], None]],
    stop: Callable[[], bool],
    each: Callable[[Detector], None] = lambda _: None,
) -> None:
    """From the source through the detector to every sink, until ``stop()``.

    ``each`` sees the detector after each block.
    A stream that comes back as another gets a detector of its own, after the blinks of the old one.
    """
    montage: Montage | None = None
    detector: Detector | None = None

    def tell(events: list[BlinkEvent]) -> None:
        for event in events:
            for sink in sinks:
                sink(event)

    try:
        while not stop():
            block = source.pull()
            if detector is None or source.montage is not montage:
                if detector is not None:
                    tell(detector.flush())
                montage = source.montage
                detector = build(montage)
            tell(detector.push(block))
            each(detector)
    except StreamError:
        if detector is not None:  # The blink that was going on when the source failed.
            tell(detector.flush())
        raise
    if detector is not None:
        tell(detector.flush())


@contextmanager
def beside() -> Iterator[Submit]:
    """Does the ICA's long pieces of work in a thread beside the stream.

    When their results are used is a matter of stream time, so that the events are those of doing the work at once.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ica") as pool:
        yield lambda work: pool.submit(work).result


class Learned:
    """What the ICA has learned, kept in a file from one run to the next."""

    EVERY_S = 60.0

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises `ConfigError` when the file is no state of nictate's."""
        self._path = path
        self._clock = clock
        self._due = clock() + self.EVERY_S
        self.state = read_state(path)
        """What was learned in an earlier run, later what `write` wrote; None the first time."""

    def each(self, detector: Detector) -> None:
        """Write the file every minute. For `watch`."""
        if self._clock() >= self._due:
            self.write(detector)

    def write(self, detector: Detector) -> None:
        """Write the file now, if there is anything to be kept. Raises `OSError`."""
        self._due = self._clock() + self.EVERY_S
        if state := detector.ica.get_state():
            write_state(self._path, state)
            self.state = state

    def after(self, last: Detector, montage: Montage) -> State | None:
        """What a stream that has come back with another ``montage`` is to go on from.

        What the ``last`` detector has learned is written before. A stream of other channels is given that, which
        `ica_for` refuses as it does at the start, so that the file is never overwritten with another stream's; where
        the rate alone has turned out to be another, all that was learned is of the wrong one, and it starts afresh.
        """
        self.write(last)
        return None if montage.names == last.montage.names else self.state


# --------------------------------------------------------------------------------------------------------------- files


@dataclass(frozen=True, slots=True)
class Annotation:
    """What became of one file."""

    path: Path
    events: Path | None
    """Where the events were written; None when nothing could be read."""
    blinks: int
    seconds: float
    """Length of what was read."""
    error: str
    """Why the file could not be read, or not to its end; empty when all went well."""
    warnings: tuple[str, ...]
    """What was assumed."""
    mistake: bool = False
    """The error is the operator's."""


def find_blinks(
    detector: Detector, blocks: Iterable[Block], heard: Callable[[Block], None] = lambda _: None
) -> list[BlinkEvent]:
    """All events of a recording, the same as live. ``heard`` is told of each block for its progress."""
    events: list[BlinkEvent] = []
    for block in blocks:
        events += detector.push(block)
        heard(block)
    return events + detector.flush()


def with_patterns(events: Iterable[BlinkEvent]) -> list[BlinkEvent]:
    """Events of a recording in the order in which they were decided, with the doubles and triples among them."""
    patterns = Patterns(PatternRules())
    return [told for event in events for told in (event, *patterns.push(event))]


@dataclass(frozen=True, slots=True)
class Annotate:
    """How files are to be annotated."""

    out: Path | None = None
    starts: bool = False
    overwrite: bool = False
    channels: tuple[str, ...] | None = None
    model: Path | None = None
    ica: Mode = "auto"
    clean: bool = False
    """Also write the cleaned EEG."""
    patterns: bool = False
    """Also write double, triple and long blinks."""
    features: bool = False
    """Also write the shape of each blink."""

    def one(self, path: Path, heard: Callable[[Block], None] = lambda _: None) -> Annotation:
        """Find the blinks of one file and write its events.

        Whatever could be read of a file that breaks off still gives its events. Raises `ConfigError` when the model
        cannot be used; everything else that is wrong with one file is told in `Annotation.error`.
        """
        card, network = load_model(self.model or shipped_card())
        events: list[BlinkEvent] = []
        seconds = 0.0
        warnings: list[str] = []
        error = ""
        try:
            if self.out is not None:
                self.out.mkdir(parents=True, exist_ok=True)
            target = recordings.events_path(path, self.out)
            if target.exists() and not self.overwrite:
                raise ConfigError(f"{target} exists already: choose another folder with --out, or --overwrite")
            recording = recordings.read(path, channels=self.channels)
            warnings += recording.warnings
            cleaned = None
            if self.clean:
                cleaned = recordings.CleanedFile(
                    recordings.cleaned_path(path, self.out), recording, overwrite=self.overwrite
                )
            on_clean = None if cleaned is None else cleaned.push
            channels, said = channels_for(recording.montage, self.channels)
            warnings += said
            ica = ica_for(card, recording.montage, channels, self.ica, clean=self.clean)
            closures = Closures(PatternRules()) if self.patterns else None
            detector = Detector(card, network, recording.montage, channels, on_clean, ica, closures=closures)
            period_s = 1.0 / recording.montage.rate_hz
            try:
                for block in recording.blocks():
                    events += detector.push(block)
                    seconds += len(block) * period_s
                    heard(block)
            except StreamError as broken:
                error = str(broken)
            events += detector.flush()
            if self.patterns:
                events = with_patterns(events)
            recordings.write_events(
                target,
                events,
                starts=self.starts,
                patterns=self.patterns,
                features=self.features,
                overwrite=self.overwrite,
            )
            if cleaned is not None:
                cleaned.write(CLEANING)
                warnings.append(ica.status.line)
        except (ConfigError, StreamError, OSError) as failed:
            return Annotation(path, None, 0, seconds, str(failed), tuple(warnings), isinstance(failed, ConfigError))
        blinks = sum(event.kind == "blink" for event in events)
        return Annotation(path, target, blinks, seconds, error, tuple(warnings))

    def many(
        self, paths: Sequence[Path], jobs: int, heard: Callable[[Block], None], done: Callable[[Annotation], None]
    ) -> None:
        """`one` for each path, over ``jobs`` processes; ``done`` hears of each as it ends, ``heard`` only with one job.

        Raises `ConfigError` before anything is read when the model cannot be used or two files would have one name.
        """
        load_model(self.model or shipped_card())
        targets: dict[Path, Path] = {}
        for path in paths:
            target = recordings.events_path(path, self.out)
            if target in targets:
                raise ConfigError(f"{targets[target]} and {path} would both be written to {target}")
            targets[target] = path
        if jobs == 1 or len(paths) == 1:
            for path in paths:
                done(self.one(path, heard))
            return
        # Processes, and new ones: onnxruntime's threads do not survive a fork, and MNE's state is not for threads.
        with ProcessPoolExecutor(min(jobs, len(paths)), get_context("spawn"), one_core) as pool:
            for future in as_completed([pool.submit(self.one, path) for path in paths]):
                done(future.result())


def channels_for(montage: Montage, named: Sequence[str] | None) -> tuple[range | None, list[str]]:
    """Which channels the detector looks at, see `Detector`, and what the operator should know about that.

    ``named`` says that the channels were chosen by name, all of them, whatever their kind.
    """
    if named is not None:
        return range(len(montage.names)), []
    if montage.blink_channels:
        return None, []
    return None, [
        "no channel is known as frontal, so blinks are sought on all of them; name those nearest to the eyes with "
        "--channels"
    ]


# ----------------------------------------------------------------------------------------------------------- simulator


def transmit(
    simulator: Simulator,
    send: Callable[[Block], None],
    mark: Callable[[str, float], None],
    stop: Callable[[], bool],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    """Send what the simulated headset records, as it happens, and mark what happened once it is over.

    The simulator's time is taken for the clock's: start it at ``clock()``. Marks have the name of the event's kind (a
    blink's is ``blink``, ``half``, ``double`` or ``long``) and the time of its peak or onset.
    """
    told = -math.inf
    piece = max(1, round(0.02 * simulator.montage.rate_hz))
    while not stop():
        block = simulator.pull(piece)
        reached = float(block.times[-1])
        while (early := reached - clock()) > 0.0 and not stop():
            sleep(min(early, 0.2))
        send(block)
        for event in simulator.truth(told, reached):
            mark(event.kind, event.peak if isinstance(event, TrueBlink) else event.onset)
        told = reached
