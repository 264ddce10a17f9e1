"""Source, detector and sinks put together."""

from __future__ import annotations

import copy
import csv
import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import mne
import numpy as np
import pytest

from nictate.detector import Detector
from nictate.edges.onnx import load_model
from nictate.service import (
    Annotate,
    Annotation,
    Learned,
    beside,
    channels_for,
    find_blinks,
    ica_for,
    open_detector,
    shipped_card,
    transmit,
    watch,
)
from nictate.signals import BlinkEvent, Block, ConfigError, Montage, StreamError
from nictate.simulate import Simulator, TrueBlink
from stand_in import STAND_IN


def recorded(seconds: float, names: Sequence[str] = ("Fp1", "Fp2"), seed: int = 1, start_s: float = 0.0) -> list[Block]:
    """A simulated recording in blocks of 0.1 s."""
    simulator = Simulator(names, 250.0, seed=seed, start_s=start_s)
    return [simulator.pull(25) for _ in range(round(10 * seconds))]


PATIENT = STAND_IN._replace(
    card=dataclasses.replace(STAND_IN.card, decision=dataclasses.replace(STAND_IN.card.decision, patience_s=0.6))
)
"""Keeps a blink to itself for a while, so that there is time to break off in."""


def open_blink(build: Callable[[Montage], Detector], blocks: Sequence[Block]) -> list[Block]:
    """The first of these blocks, so many that they end in a blink which only ``flush`` tells of."""
    detector = build(TWO)
    for k, block in enumerate(blocks):
        detector.push(block)
        if copy.deepcopy(detector).flush():
            return list(blocks[: k + 1])
    raise AssertionError("no blink is ever open")


TWO = Montage(("Fp1", "Fp2"), 250.0)
ONE = Montage(("Fp1",), 250.0)


class Played:
    """A source that delivers these blocks, and then says so."""

    def __init__(self, *parts: tuple[Montage, Sequence[Block]]) -> None:
        self._left = [(montage, block) for montage, blocks in parts for block in blocks]
        self.montage = self._left[0][0]

    def pull(self) -> Block:
        self.montage, block = self._left.pop(0)
        return block

    def over(self) -> bool:
        return not self._left


# ------------------------------------------------------------------------------------------------------------- streams


def test_every_sink_hears_what_the_detector_says_and_how_it_ends() -> None:
    blocks = open_blink(PATIENT.detector, recorded(20.0))
    source = Played((TWO, blocks))
    first: list[BlinkEvent] = []
    both: list[tuple[int, BlinkEvent]] = []
    sinks = [first.append, lambda e: both.append((1, e)), lambda e: both.append((2, e))]
    watch(source, PATIENT.detector, sinks, source.over)
    assert first == PATIENT.events(TWO, *blocks)
    assert {event.kind for event in first} == {"blink/start", "blink"}
    # All sinks hear an event before any of them hears the next.
    assert both == [(k, event) for event in first for k in (1, 2)]


def test_blinks_are_told_as_they_come_and_not_at_the_end() -> None:
    blocks = recorded(20.0)
    source = Played((TWO, blocks))
    pending: list[bool] = []
    watch(source, STAND_IN.detector, [lambda _: pending.append(not source.over())], source.over)
    assert pending.count(True) >= len(pending) - 1


def test_another_stream_gets_a_detector_of_its_own_after_the_blinks_of_the_old_one() -> None:
    # There is something to flush.
    before = open_blink(PATIENT.detector, recorded(20.0))
    after = recorded(20.0, ("Fp1",), seed=2, start_s=1000.0)
    source = Played((TWO, before), (ONE, after))
    built: list[Montage] = []
    heard: list[BlinkEvent] = []

    def build(montage: Montage) -> Detector:
        built.append(montage)
        return PATIENT.detector(montage)

    watch(source, build, [heard.append], source.over)
    assert built == [TWO, ONE]
    assert heard == PATIENT.events(TWO, *before) + PATIENT.events(ONE, *after)


def test_an_equal_montage_that_is_another_object_is_another_stream() -> None:
    half = recorded(10.0)
    again = Montage(TWO.names, TWO.rate_hz)
    built: list[Montage] = []

    def build(montage: Montage) -> Detector:
        built.append(montage)
        return STAND_IN.detector(montage)

    source = Played((TWO, half[:50]), (again, half[50:]))
    watch(source, build, [], source.over)
    assert [montage is TWO for montage in built] == [True, False]


def test_told_to_stop_before_anything_came_it_builds_nothing() -> None:
    def build(_montage: Montage) -> Detector:
        raise AssertionError

    watch(Played((TWO, recorded(0.1))), build, [], lambda: True)


class Broken(Played):
    """A source that fails in the end."""

    def pull(self) -> Block:
        if self.over():
            raise StreamError("it carries no numbers")
        return Played.pull(self)


def test_what_is_wrong_with_a_source_is_not_swallowed() -> None:
    with pytest.raises(StreamError, match="no numbers"):
        watch(Broken((TWO, recorded(0.1))), STAND_IN.detector, [], lambda: False)


def test_the_blink_that_was_going_on_when_a_source_failed_is_told() -> None:
    blocks = open_blink(PATIENT.detector, recorded(20.0))
    heard: list[BlinkEvent] = []
    with pytest.raises(StreamError, match="no numbers"):
        watch(Broken((TWO, blocks)), PATIENT.detector, [heard.append], lambda: False)
    assert heard == PATIENT.events(TWO, *blocks)


# --------------------------------------------------------------------------------------------------------------- files


def test_a_recording_gives_the_events_of_the_stream_and_tells_its_progress() -> None:
    blocks = recorded(10.0)
    heard: list[Block] = []
    assert find_blinks(STAND_IN.detector(TWO), blocks, heard.append) == STAND_IN.events(TWO, *blocks)
    assert heard == blocks


def save(path: Path, names: Sequence[str] = ("Fp1", "Fp2"), seconds: float = 12.0) -> Path:
    samples = np.concatenate([block.samples for block in recorded(seconds, ("Fp1", "Fp2"))])
    info = mne.create_info(list(names), 250.0, "eeg")
    mne.io.RawArray(1e-6 * samples.T, info, verbose="error").save(path, verbose="error")
    return path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table, delimiter="\t"))


def test_a_file_becomes_its_events(tmp_path: Path) -> None:
    path = save(tmp_path / "x_eeg.fif")
    heard: list[Block] = []
    found = Annotate(out=tmp_path / "made/anew").one(path, heard.append)
    assert found.events == tmp_path / "made/anew/x_events.tsv"
    assert (found.path, found.error, found.warnings) == (path, "", ())
    assert found.seconds == pytest.approx(12.0)
    assert sum(map(len, heard)) == 3000
    assert found.blinks == len(rows(found.events)) > 0


def test_a_blink_that_is_still_open_at_the_end_of_a_file_is_told(tmp_path: Path) -> None:
    card, network = load_model(shipped_card())
    # A session of onnxruntime cannot be copied; a function that calls it stays the same when it is.
    blocks = open_blink(lambda montage: Detector(card, lambda *window: network(*window), montage), recorded(30.0))
    detector = open_detector(TWO)
    told = [event for block in blocks for event in detector.push(block)]
    path = save(tmp_path / "x_eeg.fif", seconds=0.1 * len(blocks))
    assert Annotate().one(path).blinks == sum(event.kind == "blink" for event in told) + 1


def test_what_was_read_of_a_file_that_breaks_off_gives_its_events(tmp_path: Path) -> None:
    path = save(tmp_path / "x_eeg.fif", seconds=30.0)
    whole = Annotate(out=tmp_path / "whole").one(path)
    path.write_bytes(path.read_bytes()[: round(0.7 * path.stat().st_size)])
    found = Annotate(out=tmp_path / "part").one(path)
    assert found.events is not None
    assert whole.events is not None
    assert 10.0 < found.seconds < 25.0
    assert found.error or found.warnings  # Either way somebody is told.
    # Its last blink may have lost its end; those before are what they were.
    early = [[r for r in rows(f) if float(r["decided"]) < found.seconds - 1.0] for f in (found.events, whole.events)]
    assert early[0] == early[1] != []


@pytest.mark.parametrize("content", [b"", b"not a recording at all\n" * 40])
def test_a_file_that_cannot_be_read_is_told_with_the_reason(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign_eeg.fif"
    path.write_bytes(content)
    found = Annotate(out=tmp_path).one(path)
    assert (found.events, found.blinks) == (None, 0)
    assert "foreign_eeg.fif" in found.error
    assert len(found.error) > len("foreign_eeg.fif: ")
    assert "\n" not in found.error
    assert [file.name for file in tmp_path.iterdir()] == ["foreign_eeg.fif"]


def test_labels_that_somebody_made_are_safe(tmp_path: Path) -> None:
    path = save(tmp_path / "x_eeg.fif")
    labels = tmp_path / "x_events.tsv"
    labels.write_text("onset\tduration\ttrial_type\n1\t0.2\tblink\n", encoding="utf-8")
    before = labels.read_bytes()
    found = Annotate().one(path)
    assert (found.events, labels.read_bytes()) == (None, before)
    assert "--overwrite" in found.error
    assert Annotate(overwrite=True).one(path).events == labels
    assert labels.read_bytes() != before


def test_channels_that_nobody_knows_are_served_with_a_warning(tmp_path: Path) -> None:
    path = save(tmp_path / "x_eeg.fif", ("left", "right"))
    found = Annotate(out=tmp_path / "all").one(path)
    assert found.events is not None
    (warning,) = found.warnings
    assert "--channels" in warning
    named = Annotate(out=tmp_path / "named", channels=("left", "right")).one(path)
    assert named.warnings == ()
    assert named.events is not None
    assert rows(named.events) == rows(found.events)


def gather(task: Annotate, paths: Sequence[Path], jobs: int = 1) -> dict[Path, Annotation]:
    done: list[Annotation] = []
    task.many(paths, jobs, lambda _: None, done.append)
    assert len(done) == len(paths)
    return {found.path: found for found in done}


def test_one_bad_file_among_many_changes_nothing_for_the_others(tmp_path: Path) -> None:
    good = [save(tmp_path / f"{name}_eeg.fif") for name in "ab"]
    bad = tmp_path / "bad.edf"
    bad.write_text("0       not an EDF after all", encoding="utf-8")
    found = gather(Annotate(out=tmp_path / "out"), [good[0], bad, good[1]])
    assert [bool(found[path].error) for path in (good[0], bad, good[1])] == [False, True, False]
    alone = gather(Annotate(out=tmp_path / "alone"), good)
    for path in good:
        assert found[path].blinks == alone[path].blinks > 0


def test_two_files_are_never_written_over_each_other(tmp_path: Path) -> None:
    paths = [tmp_path / "1/x.edf", tmp_path / "2/x.edf"]
    done: list[Annotation] = []
    with pytest.raises(ConfigError, match="both be written"):
        Annotate(out=tmp_path / "out").many(paths, 1, lambda _: None, done.append)
    assert done == []


def test_a_model_that_cannot_be_used_is_told_before_any_file_is_touched(tmp_path: Path) -> None:
    done: list[Annotation] = []
    with pytest.raises(ConfigError, match=r"none\.json"):
        Annotate(model=tmp_path / "none.json").many([tmp_path / "x.edf"], 1, lambda _: None, done.append)
    assert done == []


# --------------------------------------------------------------------------------------------------------------- model


def test_the_shipped_model_finds_the_blinks_of_a_simulated_stream() -> None:
    card = json.loads(shipped_card().read_text(encoding="utf-8"))
    simulator = Simulator(["Fp1", "Fp2"], 250.0, seed=4)
    detector = open_detector(simulator.montage)
    assert detector.card.sha256 == card["sha256"]
    peaks = np.array([e.peak for e in find_blinks(detector, [simulator.pull(25) for _ in range(600)]) if e.peak])
    true = [b.peak for b in simulator.blinks() if b.kind == "blink" and b.onset > 1.0]
    near = sum(np.abs(peaks - peak).min() < 0.1 for peak in true)
    # How many it finds is measured on people; here it only has to be the right file in the right place.
    assert near > len(true) / 2


def test_a_detector_listens_to_the_channels_it_is_given_and_hands_on_the_cleaned_signal() -> None:
    cleaned: list[Block] = []
    detector = open_detector(TWO, [1], on_clean=cleaned.append)
    assert detector.channels == (1,)
    blocks = recorded(2.0)
    for block in blocks:
        detector.push(block)
    whole = np.concatenate([block.samples for block in blocks])
    assert np.array_equal(np.concatenate([block.samples for block in cleaned]), whole)


def test_another_model_is_found_by_its_card_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    for suffix in (".json", ".onnx"):
        (tmp_path / f"copy{suffix}").write_bytes(shipped_card().with_suffix(suffix).read_bytes())
    blocks = recorded(6.0)
    copied = find_blinks(open_detector(TWO, model=tmp_path / "copy.json"), blocks)
    assert copied == find_blinks(open_detector(TWO), blocks)
    weights = bytearray((tmp_path / "copy.onnx").read_bytes())
    weights[len(weights) // 2] ^= 1
    (tmp_path / "copy.onnx").write_bytes(weights)
    with pytest.raises(ConfigError, match="not the one of its card"):
        open_detector(TWO, model=tmp_path / "copy.json")


def test_channels_chosen_by_name_are_used_whatever_they_are() -> None:
    card, network, _ = STAND_IN

    def looked_at(montage: Montage, named: Sequence[str] | None) -> tuple[int, ...]:
        return Detector(card, network, montage, channels_for(montage, named)[0]).channels

    montage = Montage(("Fp1", "VEOG", "Oz"), 250.0, ("eeg", "eog", "eeg"))
    assert looked_at(montage, None) == (0,)
    assert looked_at(montage, ("Fp1", "VEOG", "Oz")) == (0, 1, 2)
    unknown = Montage(("Cz", "Oz", "VEOG"), 250.0, ("eeg", "eeg", "eog"))
    assert looked_at(unknown, None) == (0, 1)
    assert [len(channels_for(m, None)[1]) for m in (montage, unknown)] == [0, 1]


# ------------------------------------------------------------------------------------------------------------ learning


def many(seconds: float, seed: int = 1) -> tuple[Montage, list[Block]]:
    simulator = Simulator(8, 125.0, seed=seed)
    return simulator.montage, [simulator.pull(25) for _ in range(round(5 * seconds))]


def test_work_beside_the_stream_changes_nothing() -> None:
    montage, blocks = many(26.0)
    card, network, _ = STAND_IN
    here = find_blinks(Detector(card, network, montage, ica=ica_for(card, montage, None, "auto")), blocks)
    with beside() as submit:
        aside = Detector(card, network, montage, ica=ica_for(card, montage, None, "auto", submit=submit))
        assert find_blinks(aside, blocks) == here
    assert aside.ica.status.trusted


def test_what_was_learned_is_gone_on_from(tmp_path: Path) -> None:
    montage, blocks = many(26.0)
    card, network, _ = STAND_IN
    first = Detector(card, network, montage, ica=ica_for(card, montage, None, "auto"))
    kept = Learned(tmp_path / "state.npz")
    assert kept.state is None
    for block in blocks:
        first.push(block)
    kept.write(first)
    again = ica_for(card, montage, None, "auto", state=Learned(tmp_path / "state.npz").state)
    assert again.status.line == first.ica.status.line
    second = Detector(card, network, montage, ica=again)
    usable = [window.usable[-1] for block in many(4.0, seed=1)[1] for window, _ in second.windows(block)]
    assert np.mean(usable[-50:]) == 1.0


def test_the_state_is_written_every_minute_and_only_where_something_is_learned(tmp_path: Path) -> None:
    now_s = 0.0
    montage, blocks = many(2.0)
    detector = STAND_IN.detector(montage)
    detector.push(blocks[0])
    kept = Learned(tmp_path / "state.npz", clock=lambda: now_s)
    written = []
    for now_s in (1.0, 59.0, 60.0, 61.0, 119.0, 120.0):  # noqa: B007  (read by the clock)
        kept.each(detector)
        written.append((tmp_path / "state.npz").exists())
        (tmp_path / "state.npz").unlink(missing_ok=True)
    assert written == [False, False, True, False, False, True]
    one = STAND_IN.detector(ONE)
    Learned(tmp_path / "none.npz").write(one)
    assert not (tmp_path / "none.npz").exists()


def test_a_state_that_does_not_fit_is_refused_with_the_reason(tmp_path: Path) -> None:
    montage, blocks = many(2.0)
    detector = STAND_IN.detector(montage)
    detector.push(blocks[0])
    Learned(tmp_path / "state.npz").write(detector)
    state = Learned(tmp_path / "state.npz").state
    assert state is not None
    for other in (TWO, Montage(montage.names, 250.0), Montage(montage.names[::-1], montage.rate_hz)):
        with pytest.raises(ConfigError, match="start without it"):
            ica_for(STAND_IN.card, other, None, "auto", state=state)
    for name in state:
        with pytest.raises(ConfigError):
            ica_for(STAND_IN.card, montage, None, "auto", state={k: v for k, v in state.items() if k != name})


def test_a_stream_that_comes_back_with_other_channels_is_refused_and_the_file_stays(tmp_path: Path) -> None:
    montage, blocks = many(2.0)
    card, path = STAND_IN.card, tmp_path / "state.npz"
    detector = STAND_IN.detector(montage)
    detector.push(blocks[0])
    kept = Learned(path)
    other = Montage(montage.names[:-1], montage.rate_hz)
    with pytest.raises(ConfigError, match=r"of 8 channels .* the stream has 7"):
        ica_for(card, other, None, "auto", state=kept.after(detector, other))
    assert Learned(path).state is not None
    ica_for(card, montage, None, "auto", state=Learned(path).state)
    # A rate that has turned out wrong is no other stream.
    corrected = Montage(montage.names, 1.02 * montage.rate_hz)
    ica_for(card, corrected, None, "auto", state=kept.after(detector, corrected))


def test_what_is_asked_of_the_ica_is_done() -> None:
    card = STAND_IN.card
    four = Montage(("Fp1", "Fp2", "C3", "C4"), 250.0)
    assert "off" in ica_for(card, four, None, "off").status.line
    assert "cleaning only" in ica_for(card, four, None, "auto", clean=True).status.line
    assert "not asked for" in ica_for(card, four, None, "auto").status.line
    assert "cleaning only" not in ica_for(card, four, None, "on").status.line
    unknown = Montage(("1", "2", "3", "4"), 250.0)
    assert "no frontal channel" in ica_for(card, unknown, None, "auto").status.line
    assert "off" not in ica_for(card, unknown, (0, 1), "auto", clean=True).status.line


# ----------------------------------------------------------------------------------------------------------- simulator


class Clock:
    """Stands still except in `sleep`, which may sleep too long, as real ones do."""

    def __init__(self, too_long_s: float = 0.0) -> None:
        self.now = 5000.0
        self._too_long_s = too_long_s

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0.0
        self.now += seconds + self._too_long_s


class Sent:
    """Notes what was transmitted for so many seconds, and when."""

    def __init__(self, seconds: float, too_long_s: float = 0.0, rate_hz: float = 250.0) -> None:
        clock = Clock(too_long_s)
        self.blocks: list[tuple[float, Block]] = []
        self.marks: list[tuple[float, str, float]] = []
        self.simulator = Simulator(["Fp1", "Fp2"], rate_hz, seed=3, start_s=clock())
        end_s = clock() + seconds

        def send(block: Block) -> None:
            self.blocks.append((clock(), block))

        def mark(text: str, time_s: float) -> None:
            # What is marked has been sent.
            assert time_s <= self.blocks[-1][1].times[-1]
            self.marks.append((clock(), text, time_s))

        transmit(self.simulator, send, mark, lambda: clock() >= end_s, clock, clock.sleep)


@pytest.mark.parametrize(("rate_hz", "too_long_s"), [(250.0, 0.0), (250.0, 0.13), (128.0, 0.004)])
def test_samples_are_sent_when_they_are_due_all_of_them_and_none_before(rate_hz: float, too_long_s: float) -> None:
    sent = Sent(30.0, too_long_s, rate_hz)
    samples = np.concatenate([block.samples for _, block in sent.blocks])
    again = Simulator(["Fp1", "Fp2"], rate_hz, seed=3, start_s=5000.0).pull(len(samples))
    assert np.array_equal(samples, again.samples)
    assert np.array_equal(np.concatenate([block.times for _, block in sent.blocks]), again.times)
    assert len(samples) == pytest.approx(30.0 * rate_hz, abs=0.2 * rate_hz)
    for at, block in sent.blocks:
        late_s = at - block.times[-1]
        assert -1e-9 <= late_s <= too_long_s + 0.02 + 1e-9  # Oversleeping is made up for and does not add up.


def test_each_event_is_marked_once_at_its_own_time_and_soon_after_it_is_over() -> None:
    sent = Sent(60.0)
    reached = float(sent.blocks[-1][1].times[-1])
    true = sent.simulator.truth(until_s=reached)
    expected = [(event.kind, event.peak if isinstance(event, TrueBlink) else event.onset) for event in true]
    assert [(text, time) for _, text, time in sent.marks] == expected
    assert {"blink", "saccade"} <= {text for text, _ in expected}
    for (at, _, _), event in zip(sent.marks, true, strict=True):
        assert event.end <= at <= event.end + 0.04 + 1e-9


def test_transmission_ends_when_it_is_told_to() -> None:
    sent: list[Block] = []
    clock = Clock()
    transmit(Simulator(2, start_s=clock()), sent.append, lambda _text, _time: None, lambda: True, clock, clock.sleep)
    assert (sent, clock()) == ([], 5000.0)
