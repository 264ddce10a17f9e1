"""The commands on streams, each in a process of its own, over a real liblsl on loopback."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pylsl
import pytest
from programs import PATIENCE_S, Program, column, nictate, running, simulated, table

from nictate.service import Annotate
from nictate.signals import FloatArray
from nictate.simulate import Simulator, TrueBlink

PERIOD_S = 1.0 / 250.0
SETTLED_S = 1.0
"""After connecting, events may be others than the file's for so long."""


class Listener:
    """A marker stream, read until it ends."""

    def __init__(self, source_id: str) -> None:
        (info,) = pylsl.resolve_byprop("source_id", source_id, timeout=PATIENCE_S)
        self._inlet: pylsl.StreamInlet | None = pylsl.StreamInlet(info, recover=False)
        self._inlet.open_stream(PATIENCE_S)
        self.info = self._inlet.info(PATIENCE_S)
        self.markers: list[tuple[str, float]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self._inlet is not None
        while not self._over.is_set():
            try:
                sample, stamp = self._inlet.pull_sample(0.1)
            except pylsl.util.LostError:
                return
            if sample is not None:
                self.markers.append((sample[0], stamp))

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._inlet = None


@dataclass
class Session:
    """One recording played to a reader that was there first and to one that came late."""

    offline: list[dict[str, str]]
    early: list[dict[str, Any]]
    late: list[dict[str, Any]]
    said: dict[str, list[str]]
    codes: dict[str, int]
    markers: list[tuple[str, float]]
    labels: list[tuple[str, float]]
    listed: list[dict[str, Any]]
    joined_s: float
    """The last that the first reader knew when the second connected, in stream time."""

    @property
    def shift_s(self) -> float:
        """From the file's time to the stream's, by the last blink, which each reader has heard."""
        return float(column(self.early, "peak")[-1] - column(self.offline, "peak")[-1])


@contextmanager
def played(path: Path, folder: Path, source_id: str) -> Iterator[tuple[Program, Program]]:
    """`nictate replay` of a recording, and `nictate run` that listens from its beginning."""
    with ExitStack() as stack:
        run = stack.enter_context(
            running("run", "--source-id", source_id, "--json", "--markers", f"{source_id}-found")
        )
        # It comes before its stream, and says so.
        run.says("waiting for")
        replay = stack.enter_context(running("replay", path, "--speed", "1", "--wait", "--source-id", source_id))
        yield replay, run
        assert folder.is_dir()


def hear(path: Path, folder: Path, source_id: str) -> Session:
    annotated = Annotate(out=folder / "offline", starts=True).one(path)
    assert annotated.events is not None
    with played(path, folder, source_id) as (replay, early):
        early.says("looking at")
        found = Listener(f"{source_id}-found-{source_id}")
        labels = Listener(f"{source_id}-labels")
        early.until(lambda: any('"blink"' in line for line in early.out))
        joined_s = max(event["decided"] for event in early.events)
        # The second reader comes while the recording is being played.
        with running("run", "--source-id", source_id, "--json", "--markers", "") as late:
            late.says("looking at")
            listed = [json.loads(line) for line in nictate("streams", "--json").stdout.splitlines()]
            codes = {"replay": replay.ends()}
            early.says("lost")
            late.says("lost")
            codes |= {"early": early.interrupt(), "late": late.interrupt()}
        found.close()
        labels.close()
    return Session(
        offline=table(annotated.events),
        early=early.events,
        late=late.events,
        said={"replay": replay.err, "early": early.err, "late": late.err},
        codes=codes,
        markers=found.markers,
        labels=labels.markers,
        listed=listed,
        joined_s=joined_s,
    )


def far(peaks: FloatArray, others: FloatArray) -> FloatArray:
    """How far each peak is from the nearest of the others in s; infinitely far when there is none."""
    return np.abs(np.subtract.outer(peaks, others)).min(axis=1, initial=np.inf)


TRUTH = simulated.__name__


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[TrueBlink]]:
    path = tmp_path_factory.mktemp("simulated") / "x_eeg.fif"
    return path, simulated(path, 22.0).blinks()


@pytest.fixture(scope="module")
def session(recording: tuple[Path, list[TrueBlink]], tmp_path_factory: pytest.TempPathFactory) -> Session:
    return hear(recording[0], tmp_path_factory.mktemp("live"), "test-live-simulated")


def assert_the_same(session: Session, live: list[dict[str, Any]], since_s: float) -> None:
    """Live and offline tell the same blinks, to a sample, from ``since_s`` of the file on."""
    offline_s = column(session.offline, "peak")
    live_s = column(live, "peak") - session.shift_s
    assert np.count_nonzero(offline_s > since_s) > 2
    assert far(offline_s[offline_s > since_s], live_s).max() <= PERIOD_S
    assert far(live_s[live_s > since_s], offline_s).max() <= PERIOD_S


def test_live_events_are_those_of_the_file(session: Session) -> None:
    assert_the_same(session, session.early, SETTLED_S)
    # Heard from the first sample on, they are the same in all else too.
    pairs = [(live, row) for live, row in zip(session.early, session.offline_by_decision, strict=True)]
    for live, row in pairs:
        assert live["kind"] == row["trial_type"]
        assert live["decided"] - float(row["decided"]) == pytest.approx(session.shift_s, abs=PERIOD_S)
        assert live["confidence"] == pytest.approx(float(row["confidence"]), abs=1e-3)
