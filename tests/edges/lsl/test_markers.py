"""Markers as they are heard by another program, over a real liblsl."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pylsl
import pytest
from live_streams import PATIENCE_S, outlet

from nictate.edges.lsl import MarkerOutlet, Query, heard_markers, markers
from nictate.signals import ConfigError, StreamError


class Listener:
    """Reads in a thread, so that each marker can be awaited."""

    def __init__(self, query: Query) -> None:
        self.heard: list[tuple[str, float]] = []
        self.said: list[str] = []
        self._news = threading.Condition()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(query,))
        self._thread.start()

    def _read(self, query: Query) -> None:
        for marker in heard_markers(query, self._over.is_set, self._say):
            with self._news:
                self.heard.append(marker)
                self._news.notify_all()

    def _say(self, line: str) -> None:
        with self._news:
            self.said.append(line)
            self._news.notify_all()

    def until(self, done: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(done, PATIENCE_S), (self.heard, self.said)

    def connected(self, times: int) -> None:
        self.until(lambda: sum(line.endswith("connected") for line in self.said) == times)

    def close(self) -> None:
        self._over.set()
        self._thread.join(PATIENCE_S)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markers, "RESOLVE_S", 0.3)


def test_markers_are_heard_with_their_times_also_after_the_sender_was_restarted(source_id: str) -> None:
    listener = Listener(Query(name="marks", type="Markers", source_id=source_id))
    try:
        listener.until(lambda: any("waiting for" in line for line in listener.said))
        sent = []
        for start in (1, 2):
            with MarkerOutlet("marks", source_id) as out:
                listener.connected(start)
                for k in range(3):
                    marker = (f"blink/{start}.{k}", pylsl.local_clock() - 0.25)
                    out.push(*marker)
                    sent.append(marker)
                listener.until(lambda: len(listener.heard) == len(sent))
            listener.until(lambda s=start: sum("lost" in line for line in listener.said) == s)
    finally:
        listener.close()
    assert [text for text, _ in listener.heard] == [text for text, _ in sent]
    # On one machine there is no offset between the clocks but what is measured of it.
    assert [time for _, time in listener.heard] == pytest.approx([time for _, time in sent], abs=0.05)


def test_several_streams_are_not_chosen_from(source_id: str) -> None:
    with MarkerOutlet("one", source_id), MarkerOutlet("two", source_id), pytest.raises(ConfigError, match="--name"):
        next(heard_markers(Query(type="Markers", source_id=source_id), lambda: False))


def test_numbers_are_no_markers(source_id: str) -> None:
    numbers = outlet(source_id, kind="Markers", rate_hz=0.0)
    with pytest.raises(StreamError, match="no texts"):
        next(heard_markers(Query(type="Markers", source_id=source_id), lambda: False))
    del numbers


def test_waiting_ends_when_it_is_told_to() -> None:
    asked = iter([False, False, True])
    assert list(heard_markers(Query(name="nobody", type="Markers"), lambda: next(asked, True))) == []
