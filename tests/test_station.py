"""The service at work, on a real liblsl and a real journal; and where electrodes are on the map."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from nictate.edges.journal import Journal
from nictate.edges.lsl import LslSource, MarkerOutlet, Query
from nictate.edges.onnx import load_model
from nictate.latency import headset
from nictate.refit import at_once
from nictate.service import shipped_card
from nictate.signals import BlinkEvent, StreamError
from nictate.station import Listeners, Sink, Station, Wish, head_map
from nictate.status import Status, TallyReport
from nictate.stream import StreamSummary
from nictate.wire import Entry

PATIENCE_S = 60.0
"""Only a test that fails takes so long."""


@dataclass
class Heard:
    """All that a station has told, in the order in which it was told."""

    order: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    """The journal's newest id as the entries were published."""
    events: list[BlinkEvent] = field(default_factory=list)
    tallies: list[TallyReport] = field(default_factory=list)
    scenes: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    streams: list[StreamSummary] = field(default_factory=list)
    before: Status | None = None
    during: Status | None = None
    after: Status | None = None
    journal: Path = Path()


def listen(source_id: str, folder: Path, stop: Callable[[Heard], bool], wish: Wish | None = None) -> Heard:
    heard = Heard(journal=folder / f"{source_id}.sqlite")
    card, network = load_model(shipped_card())
    with (
        Journal(heard.journal) as journal,
        LslSource(
            Query(source_id=source_id), channels=None, unit=None, restamp=False, say=heard.lines.append
        ) as source,
    ):

        def publish(entries: Sequence[Entry]) -> None:
            heard.order += [f"published {entry.event.kind}" for entry in entries]
            heard.entries += entries
            heard.kept.append(journal.newest_id)

        def sink(event: BlinkEvent, tally: TallyReport) -> None:
            heard.order.append(f"sunk {event.kind}")
            heard.events.append(event)
            heard.tallies.append(tally)

        def sinks(stream: StreamSummary) -> list[Sink]:
            heard.streams.append(stream)
            return [sink]

        told = Listeners(publish, heard.scenes.append, sinks, heard.lines.append)
        station = Station(source, card, network, wish or Wish(), journal, told, at_once)
        heard.before = station.status

        def ended() -> bool:
            heard.during = station.status
            return stop(heard)

        station.run(ended)
        heard.after = station.status
    return heard


def patient(done: Callable[[Heard], bool]) -> Callable[[Heard], bool]:
    over = threading.Event()
    timer = threading.Timer(PATIENCE_S, over.set)
    timer.daemon = True
    timer.start()

    def stop(heard: Heard) -> bool:
        ready = done(heard) or over.is_set()
        if ready:
            timer.cancel()
        return ready

    return stop


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heard]:
    with headset(2, 250.0, "test-station"):
        yield listen(
            "test-station",
            tmp_path_factory.mktemp("station"),
            patient(lambda heard: sum(event.kind == "blink" for event in heard.events) >= 3),
        )


def test_an_event_is_in_the_journal_before_anybody_is_told(heard: Heard) -> None:
    assert len(heard.entries) > 3
    assert [entry.id for entry in heard.entries] == list(range(1, len(heard.entries) + 1))
    published = 0
    for newest, entry in zip(heard.kept, heard.entries, strict=False):
        published = max(published, entry.id)
        assert newest >= published
    with Journal(heard.journal, readonly=True) as journal:
        assert [entry.event for entry in journal.read()] == heard.events
        (run,) = journal.runs()
    assert {entry.run for entry in heard.entries} == {run.id}
    assert (run.stream, run.source_id, run.channels) == ("nictate bench", "test-station", ("Fp1", "Fp2"))


def test_sinks_hear_the_same_events_after_the_subscribers(heard: Heard) -> None:
    assert [entry.event for entry in heard.entries] == heard.events
    said = [line.split()[1] for line in heard.order if line.startswith("published")]
    assert [line.split()[1] for line in heard.order if line.startswith("sunk")] == said
    assert heard.order[0] == "published blink/start"
    assert [stream.source_id for stream in heard.streams] == ["test-station"]


def test_the_tally_counts_each_blink_as_it_is_told(heard: Heard) -> None:
    blinks = 0
    for event, tally in zip(heard.events, heard.tallies, strict=True):
        blinks += event.kind == "blink"
        assert tally.blinks == blinks


def test_the_signal_is_shown_as_it_comes(heard: Heard) -> None:
    scenes = [json.loads(scene) for scene in heard.scenes]
    assert len(scenes) > 10
    assert {scene["run"] for scene in scenes} == {heard.entries[0].run}
    times = [time for scene in scenes for time in scene["raw"]["times"]]
    assert times == sorted(times)
    said = [p for scene in scenes for _, p in scene["probability"]]
    assert 0.0 <= min(said) < 0.1 < 0.5 < max(said) <= 1.0


def test_it_says_where_it_stands_before_during_and_after(heard: Heard) -> None:
    assert heard.before is not None
    assert (heard.before.connection, heard.before.run, heard.before.stream) == ("waiting", "", None)
    assert heard.during is not None
    assert heard.during.connection == "connected"
    assert heard.during.stream is not None
    assert [(c.name, c.state, c.looked_at) for c in heard.during.stream.channels] == [
        ("Fp1", "good", True),
        ("Fp2", "good", True),
    ]
    assert heard.during.samples > 250
    assert heard.during.newest_s is not None
    assert heard.after is not None
    assert heard.after.connection == "ended"
    assert heard.after.tally.blinks == heard.tallies[-1].blinks
    assert heard.after.model_sha256 == load_model(shipped_card())[0].sha256
    assert [line for line in heard.lines if line.startswith("connected to 'nictate bench'")]
    assert "looking at Fp1, Fp2" in heard.lines


def test_nobody_who_came_means_that_nothing_is_told(tmp_path: Path) -> None:
    heard = listen("test-station-nobody", tmp_path, lambda _: True)
    assert (heard.entries, heard.scenes, heard.streams) == ([], [], [])
    assert heard.after is not None
    assert (heard.after.connection, heard.after.run) == ("ended", "")


def test_a_journal_that_fails_ends_it_and_nothing_is_told_of_what_is_not_kept(tmp_path: Path) -> None:
    heard = Heard()
    card, network = load_model(shipped_card())

    class Full(Journal):
        def append(self, *_: object, **__: object) -> list[Entry]:
            raise OSError(28, "No space left on device")

    with (
        headset(2, 250.0, "test-station-full"),
        Full(tmp_path / "journal.sqlite") as journal,
        LslSource(Query(source_id="test-station-full"), channels=None, unit=None, restamp=False, say=print) as source,
    ):
        told = Listeners(heard.entries.extend, heard.scenes.append)
        station = Station(source, card, network, Wish(), journal, told, at_once)
        with pytest.raises(OSError, match="No space left"):
            station.run(lambda: patient(lambda _: False)(heard))
        assert station.status.connection == "ended"
    assert heard.entries == []


def test_electrodes_are_on_the_map_where_they_are_on_the_head() -> None:
    points = {point.name: point for point in head_map({"Fp1": 2.0, "Fp2": -1.0, "Cz": 0.5, "T8": 0.0, "what": 3.0})}
    assert set(points) == {"Fp1", "Fp2", "Cz", "T8"}
    assert points["Cz"].x == pytest.approx(0.0)
    assert points["Cz"].y == pytest.approx(0.0)
    assert points["T8"].x > 0.6
    assert abs(points["T8"].y) < 0.05
    assert points["Fp1"].x == pytest.approx(-points["Fp2"].x)
    assert points["Fp1"].y > 0.6
    assert all(math.hypot(point.x, point.y) < 1.1 for point in points.values())
    assert [points[name].weight for name in ("Fp1", "Fp2", "Cz", "T8")] == [1.0, -0.5, 0.25, 0.0]


@pytest.mark.parametrize("weights", [{}, {"Fp1": 0.0}, {"what": 1.0}])
def test_without_weights_or_places_there_is_no_map(weights: dict[str, float]) -> None:
    assert head_map(weights) == ()


def test_a_stream_that_cannot_be_used_is_the_streams_fault(tmp_path: Path) -> None:
    card, network = load_model(shipped_card())
    query = Query(source_id="test-station-words", type="Markers")
    with (
        MarkerOutlet("words", "test-station-words"),
        Journal(tmp_path / "journal.sqlite") as journal,
        LslSource(query, channels=None, unit=None, restamp=False, say=lambda _: None) as source,
    ):
        station = Station(source, card, network, Wish(), journal, Listeners(), at_once)
        with pytest.raises(StreamError, match="it is no EEG"):
            station.run(lambda: False)
