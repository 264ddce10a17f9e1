"""What the forehead shares with the back of the head, and what becomes of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nictate.filters import Filtered
from nictate.rereference import LEAST, MOST, Rereference, spread
from nictate.signals import FloatArray

RATE_HZ = 100.0
FRAME = 4
BEHIND = 6


def noise(seed: int, n: int, channels: int, size_uv: float = 10.0) -> FloatArray:
    """(n, channels) slow noise, as what a high-pass leaves of the brain's."""
    white = np.random.default_rng(seed).standard_normal((n + 20, channels))
    y = np.stack([np.convolve(column, np.hanning(20), "valid")[:n] for column in white.T], axis=1)
    return np.asarray(size_uv * y / y.std(axis=0))


def blinks(n: int) -> FloatArray:
    """(n,) of height 1, one in two seconds."""
    y = np.zeros(n)
    for at in range(150, n - 40, 200):
        y[at : at + 30] += np.hanning(30)
    return y


def pushed(
    stage: Rereference,
    x: FloatArray,
    good: np.ndarray | None = None,
    first: int = 0,  # type: ignore[type-arg]
) -> FloatArray:
    """All of ``x`` (n, columns), frame by frame; ``good`` (n, columns) at each frame's first sample."""
    out = []
    for at in range(0, len(x), FRAME):
        columns = x.shape[1]
        now = np.ones(columns, dtype=np.bool_) if good is None else good[at]
        fresh = np.full(columns, first + at == 0)
        times = (first + at + np.arange(FRAME)) / RATE_HZ
        got = stage.push(Filtered(x[at : at + FRAME], times, now, fresh))
        np.testing.assert_array_equal(got.times, times)
        np.testing.assert_array_equal(got.good, now[: got.samples.shape[1]])
        np.testing.assert_array_equal(got.fresh, fresh[: got.samples.shape[1]])
        out.append(got.samples)
    return np.concatenate(out)


def made(seed: int, n: int, shared: float, blink_uv: float, leak: float) -> tuple[FloatArray, FloatArray]:
    """Two channels at the forehead, the source, and `BEHIND` at the back; and the blinks (n,) at the forehead."""
    common = noise(seed, n, 1)
    blink = blink_uv * blinks(n)
    front = noise(seed + 1, n, 2, 4.0) + shared * common + blink[:, np.newaxis]
    back = noise(seed + 2, n, BEHIND, 4.0) + common + leak * blink[:, np.newaxis]
    return np.hstack((front, noise(seed + 3, n, 1), back)), blink


@pytest.mark.parametrize("shared", [0.5, 1.0])
@pytest.mark.parametrize("blink_uv", [0.0, 100.0])
def test_what_is_shared_is_taken_out_and_blinks_stay(shared: float, blink_uv: float) -> None:
    n = 6000
    x, blink = made(1, n, shared, blink_uv, leak=0.05)
    stage = Rereference(2, BEHIND, RATE_HZ)
    y = pushed(stage, x)
    assert y.shape == (n, 3)
    np.testing.assert_array_equal(y[:, 2], x[:, 2])  # The blink source is no channel.
    np.testing.assert_allclose(stage.weights, shared, atol=0.25)
    late = slice(2000, n)
    before, after = ((z[late, :2] - blink[late, np.newaxis]).std() for z in (x, y))
    assert after < (0.85 if shared == 0.5 else 0.6) * before
    if blink_uv:
        height = np.median([y[at : at + 30, 0].max() for at in range(2150, n - 40, 200)])
        assert height > 0.85 * blink_uv


def test_what_is_not_shared_stays() -> None:
    x, _ = made(5, 6000, 0.0, 100.0, leak=0.0)
    stage = Rereference(2, BEHIND, RATE_HZ)
    y = pushed(stage, x)
    assert stage.weights.max() < 0.15
    assert np.abs(y[2000:, :2] - x[2000:, :2]).std() < 2.0


@given(st.integers(0, 50), st.floats(-3.0, 3.0), st.floats(0.0, 300.0), st.floats(-1.0, 1.0))
def test_no_more_is_taken_than_is_at_the_back(seed: int, shared: float, blink_uv: float, leak: float) -> None:
    """Whatever the signals are: a blink loses no more than the back shows of it, and nothing is ever turned over."""
    x, _ = made(seed, 400, shared, blink_uv, leak)
    stage = Rereference(2, BEHIND, RATE_HZ)
    y = pushed(stage, x)
    back = np.sort(x[:, 3:], axis=1)
    assert np.all((stage.weights >= 0.0) & (stage.weights <= 1.0))
    assert np.all(np.abs(y[:, :2] - x[:, :2]) <= np.abs(back).max(axis=1, keepdims=True) + 1e-9)
    assert np.isfinite(y).all()


def test_one_electrode_at_the_back_that_is_bad_is_not_heard() -> None:
    x, _ = made(3, 6000, 1.0, 0.0, leak=0.0)
    broken = x.copy()
    broken[:, 5] = noise(9, 6000, 1, 500.0)[:, 0]
    whole, without = (pushed(Rereference(2, BEHIND, RATE_HZ), z)[2000:, :2] for z in (x, broken))
    assert without.std() < 1.2 * whole.std()


def test_a_movement_of_the_back_alone_teaches_nothing() -> None:
    n = 4000
    x, _ = made(4, n, 0.5, 0.0, leak=0.0)
    moved = x.copy()
    moved[3000:3100, 3:] += 400.0 * np.hanning(100)[:, np.newaxis]
    ones = []
    for z in (x, moved):
        stage = Rereference(2, BEHIND, RATE_HZ)
        pushed(stage, z)
        ones.append(stage.weights.copy())
    np.testing.assert_allclose(*ones, atol=0.1)


def test_bad_channels_are_neither_told_from_nor_changed() -> None:
    n = 2000
    x, _ = made(6, n, 1.0, 0.0, leak=0.0)
    good = np.ones(x.shape, dtype=np.bool_)
    good[800:1200, 0] = False  # One at the forehead.
    good[1400:1600, 3 : 3 + BEHIND - LEAST + 1] = False  # Too many at the back.
    x[~good] = 0.0
    y = pushed(Rereference(2, BEHIND, RATE_HZ), x, good)
    assert not y[800:1200, 0].any()
    np.testing.assert_array_equal(y[1400:1600], x[1400:1600, :3])
    assert np.abs(y[1200:1400, 0] - x[1200:1400, 0]).max() > 0.0


@pytest.mark.parametrize("told", [LEAST - 1, LEAST])
def test_a_channel_that_begins_anew_is_unknown_whatever_the_back_says(told: int) -> None:
    """Also while too few at the back are good: what was learned before is of another signal."""
    x, _ = made(8, 2000, 1.0, 0.0, leak=0.0)
    stage = Rereference(2, BEHIND, RATE_HZ)
    pushed(stage, x)
    before = stage.weights.copy()
    good = np.ones(3 + BEHIND, dtype=np.bool_)
    good[3 + told :] = False
    anew = np.arange(3 + BEHIND) == 0
    stage.push(Filtered(x[:FRAME], np.arange(FRAME) / RATE_HZ, good, anew))
    assert before.min() > 0.5
    assert stage.weights[0] < 0.2
    assert stage.weights[1] > 0.5


def test_without_a_back_frames_pass_as_they_are() -> None:
    frame = Filtered(np.ones((4, 3)), np.arange(4.0), np.ones(3, dtype=np.bool_), np.ones(3, dtype=np.bool_))
    assert Rereference(2, 0, RATE_HZ).push(frame) is frame


def test_an_empty_frame_and_what_comes_in_are_left_as_they_are() -> None:
    stage = Rereference(2, BEHIND, RATE_HZ)
    x, _ = made(7, 400, 1.0, 0.0, leak=0.0)
    kept = x.copy()
    pushed(stage, x)
    np.testing.assert_array_equal(x, kept)
    flags = np.ones(3 + BEHIND, dtype=np.bool_)
    assert stage.push(Filtered(np.empty((0, 3 + BEHIND)), np.empty(0), flags, flags)).samples.shape == (0, 3)


@pytest.mark.parametrize("count", range(40))
def test_those_that_are_listened_to_are_from_all_over_the_head(count: int) -> None:
    chosen = spread(tuple(range(100, 100 + count)))
    assert len(chosen) == len(set(chosen)) == (0 if count < LEAST else min(count, MOST))
    assert set(chosen) <= set(range(100, 100 + count))
    if chosen:
        assert (chosen[0], chosen[-1]) == (100, 99 + count)
