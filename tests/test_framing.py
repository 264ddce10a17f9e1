from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nictate.framing import Framer, Run, Timeline
from nictate.signals import Block, FloatArray

HOLE_S = 0.06


def numbered(times: FloatArray) -> Block:
    """Each sample carries its number, so that lost and doubled ones are visible."""
    return Block(np.arange(len(times), dtype=np.float64)[:, np.newaxis], times)


def runs_of(rate_hz: float, times: FloatArray, lengths: list[int] | None = None) -> list[Run]:
    """The runs of a stream with these stamps, however it is cut, each put together from its pieces."""
    timeline, block = Timeline(rate_hz, HOLE_S), numbered(times)
    bounds = [0, *np.cumsum(lengths or []), len(times)]
    pieces = [run for a, b in pairwise(bounds) for run in timeline.push(Block(block.samples[a:b], block.times[a:b]))]
    runs: list[Run] = []
    for piece in pieces:
        if piece.fresh:
            runs.append(piece)
        else:
            last = runs[-1]
            runs[-1] = Run(
                np.concatenate((last.samples, piece.samples)),
                np.concatenate((last.times, piece.times)),
                fresh=True,
            )
    return runs


stamps = st.lists(
    st.one_of(
        st.just(0.004),
        st.sampled_from([0.0, -0.004, 0.008, 0.05, 0.07, -0.05, -0.07, 1.0, -1.0, np.nan, np.inf, -np.inf]),
        st.floats(-0.1, 0.1),
    ),
    max_size=60,
).map(lambda steps: _accumulate(steps))


def _accumulate(steps: list[float]) -> FloatArray:
    """Stamps with these steps; what is no number is a stamp that is none."""
    finite = np.nan_to_num(np.array(steps), nan=0.004, posinf=0.004, neginf=0.004)
    times = 1e5 + np.cumsum(finite)
    return np.where(np.isfinite(steps), times, steps)


@given(stamps)
def test_times_strictly_increase_within_a_run(times: FloatArray) -> None:
    for run in runs_of(250.0, times):
        assert np.isfinite(run.times).all()
        assert (np.diff(run.times) > 0.0).all()


@given(stamps)
def test_no_step_within_a_run_is_a_hole(times: FloatArray) -> None:
    for run in runs_of(250.0, times):
        assert (np.diff(run.times) < HOLE_S + 1 / 250.0).all()


@given(stamps)
def test_samples_are_neither_lost_nor_doubled_nor_moved(times: FloatArray) -> None:
    runs = runs_of(250.0, times)
    numbers = np.concatenate([np.empty(0), *(run.samples[:, 0] for run in runs)])
    placed = np.flatnonzero(np.isfinite(times))
    first = placed[0] if len(placed) else len(times)
    assert numbers.tolist() == list(range(first, len(times)))
    assert all(len(run.samples) == len(run.times) > 0 for run in runs)


@given(stamps, st.lists(st.integers(0, 9), max_size=20))
def test_any_cutting_gives_equal_runs(times: FloatArray, lengths: list[int]) -> None:
    lengths = [n for k, n in enumerate(lengths) if sum(lengths[: k + 1]) <= len(times)]
    cut, whole = runs_of(250.0, times, lengths), runs_of(250.0, times)
    assert len(cut) == len(whole)
    for a, b in zip(cut, whole, strict=True):
        assert np.array_equal(a.times, b.times)
        assert np.array_equal(a.samples, b.samples)


@given(st.lists(st.floats(1e-6, 0.055), min_size=1, max_size=60), st.sampled_from([0.0, 1e5, 1.7e9]))
def test_sane_stamps_are_the_times(steps: list[float], start_s: float) -> None:
    times = start_s + np.cumsum(steps)
    (run,) = runs_of(250.0, times)
    assert np.array_equal(run.times, times)


@pytest.mark.parametrize("rate_hz", [100.0, 127.9, 250.0, 1000.0])
@pytest.mark.parametrize("start_s", [0.0, 1e5, 1.7e9])
@pytest.mark.parametrize(("step_s", "count"), [(0.04, 1), (0.09, 2), (10.0, 2), (-0.09, 2), (-10.0, 2)])
def test_a_long_step_is_a_hole_and_a_short_one_is_bridged(
    rate_hz: float, start_s: float, step_s: float, count: int
) -> None:
    times = start_s + np.arange(100) / rate_hz
    times[50:] += step_s
    runs = runs_of(rate_hz, times)
    assert [len(run.times) for run in runs] == ([100] if count == 1 else [50, 50])
    assert np.array_equal(np.concatenate([run.times for run in runs]), times)


@pytest.mark.parametrize("rate_hz", [100.0, 250.0, 500.0, 1000.0])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_where_the_clock_started_does_not_decide_what_is_a_hole(rate_hz: float, more: int) -> None:
    """A loss of just as many samples as the hole has would otherwise be decided by rounding."""
    step = round(HOLE_S * rate_hz) + more
    counts = set()
    for start_s in np.linspace(0.0, 1e5, 200):
        times = start_s + np.arange(40) / rate_hz
        times[20:] += (step - 1) / rate_hz
        counts.add(len(runs_of(rate_hz, times)))
    assert len(counts) == 1


def test_one_sample_period_is_never_a_hole() -> None:
    times = np.arange(50) / 100.0
    assert len(Timeline(100.0, hole_s=0.001).push(numbered(times))) == 1


@pytest.mark.parametrize("wrong", ["repeat", "nan", "inf"])
def test_stamps_that_are_none_go_on_at_the_nominal_rate(wrong: str) -> None:
    """However long: a driver that stamps a chunk of a second with one time is no reason to start afresh."""
    expected = 7.0 + np.arange(500) / 250.0
    times = expected.copy()
    times[100:350] = {"repeat": times[100], "nan": np.nan, "inf": np.inf}[wrong]
    (run,) = runs_of(250.0, times)
    assert run.times == pytest.approx(expected, rel=0, abs=1e-9)


def test_a_stamp_for_each_packet_is_enough() -> None:
    expected = 7.0 + np.arange(640) / 250.0
    times = expected[np.arange(640) // 64 * 64]
    (run,) = runs_of(250.0, times)
    assert run.times == pytest.approx(expected, rel=0, abs=1e-9)


def test_after_a_small_step_back_time_catches_up_at_half_speed() -> None:
    times = np.arange(100) / 250.0
    times[50:] -= 0.02
    (run,) = runs_of(250.0, times)
    steps = np.diff(run.times)
    behind = run.times != times
    assert 8 <= behind.sum() <= 12
    assert not behind[:50].any()
    assert not behind[62:].any()
    assert steps[49:58] == pytest.approx(np.full(9, 0.002))


def test_stamps_before_the_first_number_cannot_be_placed() -> None:
    times = np.arange(20) / 250.0
    times[:5] = np.nan
    (run,) = runs_of(250.0, times)
    assert run.samples[:, 0].tolist() == list(range(5, 20))
    assert runs_of(250.0, np.full(10, np.nan)) == []


def test_no_samples_are_no_run() -> None:
    timeline = Timeline(250.0, HOLE_S)
    assert timeline.push(numbered(np.empty(0))) == []
    assert [run.fresh for run in timeline.push(numbered(np.array([1.0])))] == [True]
    assert timeline.push(numbered(np.empty(0))) == []
    assert [run.fresh for run in timeline.push(numbered(np.array([1.004])))] == [False]


# --- Framer --------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(st.integers(2, 12), st.lists(st.integers(0, 30), min_size=1, max_size=15), st.integers(1, 4))
def test_frames_are_the_stream_cut_evenly(length: int, lengths: list[int], channels: int) -> None:
    n = sum(lengths)
    samples = np.arange(n * channels, dtype=np.float64).reshape(n, channels)
    times = np.arange(n) / 250.0
    framer, frames, at = Framer(length, channels), [], 0
    for k in lengths:
        frames += framer.push(Run(samples[at : at + k], times[at : at + k], fresh=False))
        at += k
    assert len(frames) == n // length
    for k, frame in enumerate(frames):
        here = slice(k * length, (k + 1) * length)
        assert np.array_equal(frame.samples, samples[here])
        assert np.array_equal(frame.times, times[here])
        assert frame.good.all()
        assert frame.good.shape == frame.fresh.shape == (channels,)


def test_frames_do_not_share_memory_with_what_came_in() -> None:
    samples, times = np.zeros((10, 2)), np.arange(10) / 250.0
    frames = Framer(4, 2).push(Run(samples, times, fresh=True))
    assert len(frames) == 2
    assert not any(np.shares_memory(frame.samples, samples) for frame in frames)
    assert not any(np.shares_memory(frame.times, times) for frame in frames)


def test_what_waits_for_more_can_be_had_filled_up() -> None:
    framer = Framer(10, 1)
    assert framer.rest() is None
    (run,) = Timeline(100.0, 0.06).push(numbered(np.arange(24) / 100.0))
    assert len(framer.push(run)) == 2
    rest = framer.rest()
    assert rest is not None
    frame, n = rest
    assert n == 4
    assert frame.samples[:4].tolist() == run.samples[20:].tolist()
    assert np.all(frame.samples[4:] == run.samples[-1])
    assert np.array_equal(frame.times[:4], run.times[20:])
    assert np.all(np.diff(frame.times) > 0.0)
