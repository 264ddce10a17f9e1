"""The stop watch. What it shows is not judged here: a timing never decides a test."""

from __future__ import annotations

import math

import pytest

from nictate.bench import STAGES, cost, machine


@pytest.mark.parametrize(("channels", "rate_hz"), [(1, 250.0), (8, 500.0)])
def test_every_stage_is_timed_and_the_whole_is_too(channels: int, rate_hz: float) -> None:
    found = cost(channels, rate_hz, 2.0, None)
    assert (found.channels, found.rate_hz) == (channels, rate_hz)
    assert tuple(found.stages_ms) == STAGES
    # A stage that is 0 was not run through the watch: each takes more than a tick of the clock.
    assert all(0.0 < ms < math.inf for ms in found.stages_ms.values())
    assert found.times_real_time == pytest.approx(1e3 / found.total_ms)
    assert 0.0 < found.total_ms < math.inf


def test_figures_come_with_the_machine() -> None:
    about = machine()
    assert about.keys() == {"python", "machine", "cores"}
    assert all(about.values())
