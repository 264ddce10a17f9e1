from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pytest

from nictate.orica import OnlineICA
from nictate.refit import at_once
from nictate.signals import FloatArray
from nictate.succession import History, Succession

T = TypeVar("T")
RATE_HZ, N = 128.0, 5
CALIBRATION_S, ADOPT = 6.0, 20
ALL, FEWER = np.arange(4), np.array([0, 1, 3])


def mixture(seconds: float, seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE_HZ) // N * N
    return np.asarray(rng.laplace(size=(n, 4)) @ np.random.default_rng(1).standard_normal((4, 4)) * 10.0)


def test_history_shows_the_newest_frames_oldest_first() -> None:
    history = History(7, N, 4)
    assert history.latest(3).shape == (0, 4)
    x = mixture(2.0).astype(np.float32).astype(np.float64)
    for k in range(0, len(x), N):
        history.push(x[k : k + N])
        for frames in (1, 3, 7, 100):
            assert np.array_equal(history.latest(frames), x[max(0, k + N - min(frames, 7) * N) : k + N])


def test_history_keeps_large_drifts_to_some_nv() -> None:
    history = History(4, N, 4)
    x = mixture(1.0)[: 4 * N] + 5000.0
    for k in range(0, len(x), N):
        history.push(x[k : k + N])
    assert history.latest(4) == pytest.approx(x, abs=1e-3)


class Flow:
    """Frame by frame, with a look at the succession every five frames."""

    def __init__(self, submit: Callable[[Callable[[], T]], Callable[[], T]] = at_once) -> None:
        self.history = History(round(10 * RATE_HZ / N), N, 4)
        self.succession = Succession(self.history, RATE_HZ, CALIBRATION_S, ADOPT, submit)
        self.ica = OnlineICA(RATE_HZ, calibration_s=CALIBRATION_S)
        self.columns = ALL
        self.seen = 0

    def go(self, x: FloatArray, wanted: FloatArray) -> int | None:
        """After how many frames the wanted columns were un-mixed; None if they were not."""
        for frame, k in enumerate(range(0, len(x), N), start=1):
            self.history.push(x[k : k + N])
            self.ica.partial_fit(x[k : k + N][:, self.columns])
            self.seen += 1
            if self.seen % 5 == 0:
                ica = self.succession.push(self.ica, self.columns, wanted, self.seen, 5)
                if ica is not None:
                    self.ica, self.columns = ica, wanted
                    return frame
        return None


def test_while_the_channels_stay_nothing_follows() -> None:
    assert Flow().go(mixture(20.0), ALL) is None


def test_what_follows_is_learned_and_taken_over_at_a_fixed_moment_of_the_stream() -> None:
    flow = Flow()
    flow.go(mixture(10.0), ALL)
    after = flow.go(mixture(10.0, seed=2), FEWER)
    assert after is not None
    assert ADOPT < after <= ADOPT + 10
    assert flow.ica.phase == "learned"
    assert flow.ica.mixing_.shape[0] == 3


def test_what_is_still_learning_does_not_follow_what_has_been_learned() -> None:
    flow = Flow()
    flow.go(mixture(10.0), ALL)
    flow.seen = 5  # All have been good for this long only.
    after = flow.go(mixture(12.0, seed=2), FEWER)
    assert after is not None
    assert after * N / RATE_HZ > CALIBRATION_S - 1.0
    assert flow.ica.phase == "learned"


def test_before_anything_is_learned_it_follows_at_once() -> None:
    flow = Flow()
    flow.go(mixture(1.0), ALL)
    after = flow.go(mixture(3.0, seed=2), FEWER)
    assert after is not None
    assert flow.ica.phase != "learned"


def test_a_channel_that_is_back_in_time_changes_nothing() -> None:
    flow = Flow()
    flow.go(mixture(10.0), ALL)
    assert flow.go(mixture(0.4, seed=2), FEWER) is None
    assert flow.go(mixture(5.0, seed=3), ALL) is None


def test_when_the_work_is_done_does_not_matter() -> None:
    def later(work: Callable[[], T], /) -> Callable[[], T]:
        done: list[T] = []

        def result() -> T:
            if not done:
                done.append(work())
            return done[0]

        return result

    flows = Flow(), Flow(later)
    for flow in flows:
        flow.go(mixture(10.0), ALL)
        flow.go(mixture(4.0, seed=2), FEWER)
    assert np.array_equal(flows[0].ica.unmixing_, flows[1].ica.unmixing_)
