"""The demonstration, on a real liblsl on loopback."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest

from nictate.demo import run_demo
from nictate.signals import BlinkEvent, ConfigError

LONG_ENOUGH_S = 7.0
PATIENCE_S = 60.0
"""Only a test that fails takes so long."""


def test_each_blink_is_shown_as_it_is_found_and_counted_at_the_end() -> None:
    shown: list[BlinkEvent] = []
    said: list[str] = []
    before = set(threading.enumerate())
    deadline = time.monotonic() + PATIENCE_S

    def stop() -> bool:
        # In the time of the stream, so that a slow machine shows the same.
        heard_s = shown[-1].decided - shown[0].decided if shown else 0.0
        return heard_s > LONG_ENOUGH_S or time.monotonic() > deadline

    lines = list(run_demo(8, 250.0, 1, None, stop, shown.append, said.append, None))
    # Threads that other tests have left may end meanwhile.
    assert set(threading.enumerate()) <= before
    assert any("8 channels at 250 Hz" in line for line in said)
    assert not any("lost" in line for line in said)
    text = "\n".join(lines)
    told = re.search(r"blinked (\d+) times: (\d+) found, (\d+) missed, (\d+) false alarms", text)
    assert told, text
    blinked, found, missed, false = map(int, told.groups())
    blinks = [event for event in shown if event.kind == "blink"]
    assert blinked == found + missed
    # Those of the first and the last second do not count. How many are found is measured elsewhere.
    assert 0 < found <= found + false <= len(blinks)
    assert re.search(r"blink/start was decided -?\d+ ms after the peak \(median\)", text)


def test_what_ends_one_end_of_it_ends_the_other(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    deadline = time.monotonic() + PATIENCE_S
    with pytest.raises(ConfigError, match=r"gone\.json"):
        list(
            run_demo(
                2,
                250.0,
                1,
                tmp_path / "gone.json",
                lambda: time.monotonic() > deadline,
                lambda _: None,
                lambda _: None,
                None,
            )
        )
    assert time.monotonic() < deadline
    assert set(threading.enumerate()) <= before


def test_a_demonstration_that_is_ended_at_once_says_nothing() -> None:
    before = set(threading.enumerate())
    shown: list[BlinkEvent] = []
    assert list(run_demo(2, 250.0, 1, None, lambda: True, shown.append, lambda _: None, None)) == []
    assert shown == []
    assert set(threading.enumerate()) <= before
