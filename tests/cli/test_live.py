"""The commands on streams, each in a process of its own, over a real liblsl on loopback."""

from __future__ import annotations

import json
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pylsl
import pytest
from programs import PATIENCE_S, Program, column, nictate, running, save, simulated, table

from nictate.cli import main
from nictate.edges.lsl import CLEANED, EegOutlet, MarkerOutlet
from nictate.edges.onnx import load_model
from nictate.edges.recordings import cleaned_path, labels_beside, read
from nictate.edges.state import read_state
from nictate.service import Annotate, ica_for, shipped_card
from nictate.signals import FloatArray, Montage
from nictate.simulate import Simulator

PERIOD_S = 1.0 / 250.0
MANY = ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "O1", "O2")
"""So many channels that a blink source is learned."""
SETTLED_S = 1.0
"""After connecting, events may be others than the file's for so long."""
REAL = "innopolis_open/S17_counting_019_eeg.fif"
"""18 s with six blinks."""


class Listener:
    """A marker stream, read until it is closed."""

    def __init__(self, source_id: str) -> None:
        (info,) = pylsl.resolve_byprop("source_id", source_id, timeout=PATIENCE_S)
        self._inlet: pylsl.StreamInlet | None = pylsl.StreamInlet(info, recover=False)
        self._inlet.open_stream(PATIENCE_S)
        self.markers: list[tuple[str, float]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(self._inlet,))
        self._thread.start()

    def _read(self, inlet: pylsl.StreamInlet) -> None:
        with suppress(pylsl.util.LostError):
            while not self._over.is_set():
                sample, stamp = inlet.pull_sample(0.1)
                if sample is not None:
                    self.markers.append((sample[0], stamp))

    def close(self) -> list[tuple[str, float]]:
        self._over.set()
        self._thread.join()
        self._inlet = None
        return self.markers


class EegListener:
    """A stream of EEG, read until it is closed."""

    def __init__(self, source_id: str) -> None:
        (info,) = pylsl.resolve_byprop("source_id", source_id, timeout=PATIENCE_S)
        self._inlet: pylsl.StreamInlet | None = pylsl.StreamInlet(info, recover=False)
        self._inlet.open_stream(PATIENCE_S)
        self.labels = self._inlet.info(PATIENCE_S).get_channel_labels()
        self._parts: list[tuple[FloatArray, FloatArray]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(self._inlet,))
        self._thread.start()

    def _read(self, inlet: pylsl.StreamInlet) -> None:
        with suppress(pylsl.util.LostError):
            while not self._over.is_set():
                values, stamps = inlet.pull_chunk(0.1, 2000, min_samples=1, as_numpy=True)
                if len(stamps):
                    self._parts.append((np.array(values, dtype=np.float64), np.array(stamps)))

    def close(self) -> tuple[FloatArray, FloatArray]:
        """(n, channels) and (n,)"""
        self._over.set()
        self._thread.join()
        self._inlet = None
        return np.concatenate([x for x, _ in self._parts]), np.concatenate([t for _, t in self._parts])


@dataclass(frozen=True, slots=True)
class Session:
    """What was heard of one recording that was played once."""

    path: Path
    offline: list[dict[str, str]]
    """`nictate annotate`."""
    early: list[dict[str, Any]]
    """`nictate run` that was there before the stream."""
    late: list[dict[str, Any]]
    """`nictate run` that came in the middle of it."""
    joined_s: float
    """When that one was connected, on the clock of the streams."""
    said: dict[str, list[str]]
    codes: dict[str, int]
    markers: list[tuple[str, float]]
    labels: list[tuple[str, float]]
    listed: list[dict[str, Any]]
    cleaned: tuple[FloatArray, FloatArray]
    """What ``--clean`` published, with its times."""
    state: Path

    @property
    def shift_s(self) -> float:
        """From the file's time to that of the streams, by the last blink, which every reader has heard."""
        return float(column(self.early, "peak")[-1] - column(self.offline, "peak")[-1])


def hear(path: Path, folder: Path, source_id: str) -> Session:
    annotated = Annotate(out=folder, starts=True, clean=True).one(path)
    assert annotated.events is not None
    listening = ("run", "--no-web", "--source-id", source_id, "--json", "--markers")
    state = folder / f"{source_id}.npz"
    with running(*listening, f"{source_id}-found", "--clean", "--state", state) as early:
        early.says("waiting for")
        with running("replay", path, "--speed", "1", "--wait", "--source-id", source_id) as replay:
            early.says("looking at")
            found, labels = Listener(f"{source_id}-found-{source_id}"), Listener(f"{source_id}-labels")
            cleaned = EegListener(f"{source_id}{CLEANED}")
            assert cleaned.labels == list(read(path).montage.names)
            early.until(lambda: any('"blink"' in line for line in early.out))
            with running(*listening, "") as late:
                late.says("looking at")
                joined_s = pylsl.local_clock()
                listed = [json.loads(line) for line in nictate("streams", "--json").stdout.splitlines()]
                codes = {"replay": replay.ends()}
                # Nothing more can come, and Ctrl-C makes them tell what they still hold back.
                early.says("lost")
                late.says("lost")
                codes |= {"early": early.interrupt(), "late": late.interrupt()}
    return Session(
        path=path,
        offline=table(annotated.events),
        early=early.events,
        late=late.events,
        joined_s=joined_s,
        said={"replay": replay.err, "early": early.err, "late": late.err},
        codes=codes,
        markers=found.close(),
        labels=labels.close(),
        listed=[stream for stream in listed if stream["source_id"] == source_id],
        cleaned=cleaned.close(),
        state=state,
    )


@pytest.fixture(scope="module", autouse=True)
def sessions(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, Future[Session]]]:
    """Played side by side, and beside the other tests: they take as long as the recordings do."""
    folder = tmp_path_factory.mktemp("live")
    simulated(folder / "x_eeg.fif", 20.0)
    simulated(folder / "many_eeg.fif", 32.0, montage=MANY)
    paths = {"simulated": folder / "x_eeg.fif", "many": folder / "many_eeg.fif"}
    with suppress(pytest.skip.Exception):
        real = request.getfixturevalue("recordings") / REAL
        paths["real"] = Path(shutil.copy(real, folder))
        shutil.copy(real.with_name(real.name.replace("_eeg.fif", "_events.tsv")), folder)
    with ThreadPoolExecutor(len(paths)) as pool:
        yield {name: pool.submit(hear, path, folder / "annotated", f"test-live-{name}") for name, path in paths.items()}


def test_waiting_is_said_and_ctrl_c_ends_it_as_a_success() -> None:
    with running("run", "--no-web", "--source-id", "test-live-nobody") as run:
        run.says("waiting for a stream with type 'EEG' and source_id 'test-live-nobody'")
        assert run.interrupt() == 0
        assert (run.out, len(run.err)) == ([], 2)


def test_the_time_that_was_given_ends_the_waiting() -> None:
    with running("run", "--no-web", "--source-id", "test-live-nobody-either", "--seconds", "0.1") as run:
        assert run.ends() == 0


def refusals() -> Iterator[tuple[tuple[str, ...], int, str]]:
    yield ("--name", "test twin"), 2, "Choose one with --source-id"
    yield ("--source-id", "test-live-a", "--channels", "Fp1,Fp9"), 2, "'Fp9' is not there; the stream has: Fp1, Fp2"
    yield ("--source-id", "test-live-a", "--unit", "furlong"), 2, "--unit 'furlong' is not known"
    yield ("--source-id", "test-live-words", "--type", "Markers"), 1, "it is no EEG"


def test_streams_that_cannot_be_served_are_refused_in_one_line() -> None:
    montage = Montage(("Fp1", "Fp2"), 250.0)
    with (
        EegOutlet(montage, "test twin", "test-live-a"),
        EegOutlet(montage, "test twin", "test-live-b"),
        MarkerOutlet("test words", "test-live-words"),
    ):
        started = [(Program("run", "--no-web", *options), code, words) for options, code, words in refusals()]
        for run, code, words in started:
            assert run.ends() == code, run.err
            line, _ = run.err
            assert line.startswith("nictate: ")
            assert words in line
            assert run.out == []


def test_streams_are_listed_whatever_they_call_themselves(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        EegOutlet(Montage(("[/] Fp1", "\x1b[2J"), 250.0), "[bold]a\x07", "test-live-hostile"),
        MarkerOutlet("test words", "test-live-words-too"),
    ):
        told = {}
        for options in ([], ["--all"], ["--json"]):
            monkeypatch.setattr(sys, "argv", ["nictate", "streams", *options])
            monkeypatch.setenv("COLUMNS", "300")
            with pytest.raises(SystemExit) as ended:
                main()
            assert ended.value.code == 0
            told[" ".join(options)] = capfd.readouterr().out
    assert "[bold]a·" in told[""]
    assert "[/] Fp1,·[2J" in told[""]
    assert not re.search(r"[\x07\x1b]", "".join(told.values()))
    assert "test-live-words-too" not in told[""]
    assert "test-live-words-too" in told["--all"]
    (stream,) = [s for s in map(json.loads, told["--json"].splitlines()) if s["source_id"] == "test-live-hostile"]
    assert stream["labels"] == ["[/] Fp1", "\x1b[2J"]


def pull(source_id: str, n: int) -> FloatArray:
    """(n, channels), the first samples that come."""
    (info,) = pylsl.resolve_byprop("source_id", source_id, timeout=PATIENCE_S)
    inlet = pylsl.StreamInlet(info, recover=False)
    parts: list[FloatArray] = []
    while sum(map(len, parts)) < n:
        samples, stamps = inlet.pull_chunk(PATIENCE_S, n, min_samples=1, as_numpy=True)
        assert len(stamps)
        parts.append(samples)
    return np.concatenate(parts)[:n]


def test_a_recording_can_go_round_and_round(tmp_path: Path) -> None:
    n = 500
    numbers = np.arange(n, dtype=np.float64)
    path = save(tmp_path / "round_eeg.fif", ["Fp1", "Oz", "Fp2"], np.column_stack([numbers, numbers, -numbers]), 250.0)
    options = ("--loop", "--speed", "max", "--channels", "Fp2,Fp1", "--source-id", "test-live-loop")
    with running("replay", path, *options) as replay:
        heard = pull("test-live-loop", round(2.5 * n))
        assert replay.interrupt() == 0
    assert np.allclose(heard[:, 0], -heard[:, 1])
    assert np.allclose(heard[:, 1], np.resize(numbers, len(heard)), atol=1e-3)


def test_the_simulated_headset_is_the_one_of_its_seed() -> None:
    options = ("--channels", "3", "--rate", "200", "--seed", "5", "--source-id", "test-live-headset")
    with running("simulate", *options) as headset:
        heard = pull("test-live-headset", 100)
        pylsl.resolve_byprop("source_id", "test-live-headset-truth", timeout=PATIENCE_S)
        assert headset.interrupt() == 0
    # Where the listener came in is not known.
    whole = Simulator(3, 200.0, seed=5).pull(200 * round(PATIENCE_S)).samples
    (first,) = np.flatnonzero((whole == heard[0]).all(axis=1))
    assert np.array_equal(whole[first : first + 100], heard)


def test_the_demonstration_ends_with_its_summary() -> None:
    with running("demo", "--no-web", "--seconds", "2", "--channels", "2", "--seed", "1") as demo:
        assert demo.ends() == 0
    assert any(re.search(r"In \d+ s the simulated person blinked \d+ times", line) for line in demo.out)
    assert demo.err[-1] == "loaded:"


# What was heard of the recordings comes last: they have been playing meanwhile.


@pytest.fixture(params=["simulated", "many", pytest.param("real", marks=pytest.mark.recordings)])
def session(request: pytest.FixtureRequest, sessions: dict[str, Future[Session]]) -> Session:
    if request.param == "real":
        request.getfixturevalue("recordings")  # Skips where there are none.
    return sessions[request.param].result()


def peaks_beside(path: Path) -> FloatArray:
    """Of the blinks that are labelled, in s, sorted."""
    return np.sort([label.peak for label in labels_beside(path) if label.kind == "blink" and label.peak is not None])


def far(times: FloatArray, others: FloatArray) -> FloatArray:
    """How far each time is from the nearest of the others in s; infinitely far when there is none."""
    return np.asarray(np.abs(np.subtract.outer(times, others)).min(axis=1, initial=np.inf))


def test_live_events_are_those_of_the_file(session: Session) -> None:
    for kind, names in (("blink", ("onset", "peak", "decided")), ("blink/start", ("onset", "decided"))):
        for name in names:
            offline_s = column(session.offline, name, kind)
            live_s = column(session.early, name, kind) - session.shift_s
            settled = offline_s > SETTLED_S
            assert np.count_nonzero(settled) > 2
            assert far(offline_s[settled], live_s).max() <= PERIOD_S, (kind, name)
            assert far(live_s[live_s > SETTLED_S], offline_s).max() <= PERIOD_S, (kind, name)


def test_who_comes_late_hears_the_same_blinks_from_then_on(session: Session) -> None:
    offline_s = column(session.offline, "peak")
    # What is no clear blink may be judged otherwise by who has not heard how large this person's blinks are.
    clear = offline_s[far(offline_s, peaks_beside(session.path)) < 0.1]
    clear = clear[clear > session.joined_s - session.shift_s + SETTLED_S]
    # The first one may be missed: what this person's blinks are like is not known before it.
    if len(clear) < 2:
        pytest.skip("this machine was so slow that the second reader came after the last blink but one")
    assert far(clear[1:], column(session.late, "peak") - session.shift_s).max() <= PERIOD_S


def test_markers_are_the_events_with_the_time_of_the_blink(session: Session) -> None:
    events = [(e["kind"], e["onset"] if e["peak"] is None else e["peak"]) for e in session.early]
    # What came before the listener was connected is not heard.
    assert len(session.markers) > 2
    assert session.markers == events[-len(session.markers) :]


def test_labels_beside_the_file_are_markers_of_the_same_time(session: Session) -> None:
    heard_s = np.array([time for _, time in session.labels]) - session.shift_s
    assert len(heard_s) > 2
    np.testing.assert_allclose(heard_s, peaks_beside(session.path)[-len(heard_s) :], rtol=0.0, atol=PERIOD_S)
    assert {text for text, _ in session.labels} == {"blink"}


def test_what_happens_to_the_stream_is_said_and_nothing_else(session: Session) -> None:
    assert session.codes == {"replay": 0, "early": 0, "late": 0}
    for who, kinds in {"early": ["waiting", "connected", "looking", "'", "loaded:"], "late": ["connected"]}.items():
        said = [line.removeprefix("nictate: ") for line in session.said[who] if "ICA: " not in line]
        assert [line for line in said if line.startswith(tuple(kinds))][: len(kinds)] == said[: len(kinds)], said
    assert sum("lost" in line for line in session.said["early"]) == 1
    (stream,) = session.listed
    assert stream["rate_hz"] == 250.0
    assert stream["labels"][:2] == ["Fp1", "Fp2"]


def test_neither_torch_nor_matplotlib_is_loaded(session: Session) -> None:
    assert [lines[-1] for lines in session.said.values()] == ["loaded:"] * 3


def test_the_cleaned_stream_is_the_cleaned_file(session: Session) -> None:
    """Apart from the first second; and what came before the listener was connected is not heard."""
    path = cleaned_path(session.path, session.path.parent / "annotated")
    blocks = list(read(path).blocks())
    offline, times = (np.concatenate(parts) for parts in zip(*((b.samples, b.times) for b in blocks), strict=True))
    assert len(times) == read(session.path).n_samples
    live, stamps = session.cleaned
    at = np.round((stamps - session.shift_s) / PERIOD_S).astype(int)
    assert np.all(np.diff(at) == 1)
    late = (at * PERIOD_S > SETTLED_S) & (at < len(offline))
    assert np.count_nonzero(late) > 1000
    # The file has 32 bits.
    np.testing.assert_allclose(live[late], offline[at[late]], rtol=1e-6, atol=1e-3)
    given = np.concatenate([block.samples for block in read(session.path).blocks()])
    assert np.abs(offline - given).max() > 20.0  # Blinks are gone from it.


def test_what_was_learned_is_kept(sessions: dict[str, Future[Session]]) -> None:
    session = sessions["many"].result()
    montage = read(session.path).montage
    card, _ = load_model(shipped_card())
    state = read_state(session.state)
    line = ica_for(card, montage, None, "auto", state=state).status.line
    assert re.fullmatch(r"ICA: \d ocular components?, r = 0\.\d\d|ICA: \d ocular components?, r = 1\.00", line)
    said = [line.removeprefix("nictate: ") for line in session.said["early"] if "ICA: " in line]
    assert said[0].startswith("ICA: learning, 0 s of")
    assert "ocular component" in said[-1]


def test_what_was_learned_elsewhere_is_refused(sessions: dict[str, Future[Session]]) -> None:
    state = sessions["many"].result().state
    with (
        EegOutlet(Montage(("Fp1", "Fp2", "Cz"), 250.0), "test", "test-live-others"),
        running("run", "--no-web", "--source-id", "test-live-others", "--state", state) as run,
    ):
        assert run.ends() == 2
        assert "the saved state is of 8 channels" in run.err[-2]
