from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nictate.framing import Frame
from nictate.quality import Quality, QualityRules
from nictate.signals import BoolArray, FloatArray

N, FRAME_S = 10, 0.04
RULES = QualityRules(stuck_s=0.3, jump_uv=5000.0, noisy_ratio=8.0)
STUCK = 8  # Frames of 40 ms in 0.3 s, rounded.


def judged(samples: FloatArray) -> list[Frame]:
    """What becomes of a signal (n, channels), frame by frame."""
    quality = Quality(RULES, FRAME_S, samples.shape[1])
    none: BoolArray = np.zeros(samples.shape[1], dtype=np.bool_)
    times = np.arange(len(samples)) / 250.0
    return [
        quality.push(Frame(samples[k : k + N], times[k : k + N], ~none, none))
        for k in range(0, len(samples) - N + 1, N)
    ]


def eeg(frames: int, channels: int = 2, seed: int = 0) -> FloatArray:
    return 300.0 + 20.0 * np.random.default_rng(seed).standard_normal((frames * N, channels))


def good(frames: list[Frame], channel: int = 0) -> list[bool]:
    return [bool(frame.good[channel]) for frame in frames]


def test_good_samples_pass_as_they_are() -> None:
    x = eeg(20)
    frames = judged(x)
    assert np.array_equal(np.concatenate([frame.samples for frame in frames]), x)
    assert all(frame.good.all() for frame in frames)
    assert [frame.fresh.tolist() for frame in frames] == [[True, True]] + 19 * [[False, False]]


VALUES = st.one_of(
    st.floats(-200, 200),
    st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 187_500.0, -187_500.0, 3.4e38, -3.4e38]),
)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 299), st.integers(1, 40), st.integers(0, 1), VALUES), max_size=8))
def test_what_leaves_is_finite_and_good_parts_without_faults_are_untouched(
    faults: list[tuple[int, int, int, float]],
) -> None:
    x = eeg(30)
    for at, length, channel, value in faults:
        x[at : at + length, channel] = value
    for k, frame in enumerate(judged(x)):
        here = x[k * N : (k + 1) * N]
        assert np.isfinite(frame.samples).all()
        whole = frame.good & np.isfinite(here).all(axis=0)
        assert np.array_equal(frame.samples[:, whole], here[:, whole])
        assert not (frame.fresh & ~frame.good).any()


@given(st.integers(0, 1), st.integers(30, 200), st.integers(1, 60), VALUES)
def test_a_bad_channel_leaves_the_others_alone(channel: int, at: int, length: int, value: float) -> None:
    x = eeg(30)
    clean = judged(x)
    x[at : at + length, channel] = value
    for frame, other in zip(judged(x), clean, strict=True):
        beside = 1 - channel
        assert frame.good[beside]
        assert frame.fresh[beside] == other.fresh[beside]
        assert np.array_equal(frame.samples[:, beside], other.samples[:, beside])


def test_single_missing_values_become_the_last_one() -> None:
    x = eeg(5)
    x[22, 0], x[23, 0], x[30, 1] = np.nan, np.inf, -np.inf
    out = np.concatenate([frame.samples for frame in judged(x)])
    assert out[22, 0] == out[23, 0] == x[21, 0]
    assert out[30, 1] == x[29, 1]
    assert all(good(judged(x)))


def test_values_missing_at_the_very_start_do_not_make_a_step() -> None:
    x = eeg(5) + 4000.0
    x[:4, 0] = np.nan
    frames = judged(x)
    first = frames[0].samples[:, 0]
    assert np.abs(np.diff(first)).max() < 200.0
    assert frames[0].good.all()


@pytest.mark.parametrize(("missing", "masked"), [(5, False), (6, True)])
def test_a_frame_of_which_more_than_half_is_missing_is_masked(missing: int, masked: bool) -> None:
    x = eeg(6)
    x[30 : 30 + missing, 0] = np.nan
    frames = judged(x)
    assert good(frames) == [True, True, True, not masked, True, True]
    assert [bool(frame.fresh[0]) for frame in frames] == [True, False, False, False, masked, False]


@pytest.mark.parametrize("value", [0.0, 300.0, 187_500.0])
def test_a_channel_that_does_not_change_is_masked_until_it_does(value: float) -> None:
    x = eeg(40)
    x[100:300, 0] = value
    found = good(judged(x))
    jumps = value > 5000.0
    assert found[:10] == 10 * [True]
    # The frame in which it sticks begins with a last live step, and that of a rail is a jump as well.
    assert found[10] is not jumps
    assert found[11 + STUCK : 30] == (19 - STUCK) * [False]
    assert found[30 + jumps :] == (10 - jumps) * [True]


def test_a_railed_amplifier_that_blips_is_masked() -> None:
    x = eeg(40)
    x[100:, 0] = 3000.0 + np.arange(300) // N % 2
    assert good(judged(x))[10 + STUCK :] == (30 - STUCK) * [False]


@pytest.mark.parametrize("jump_uv", [100_000.0, -100_000.0])
def test_a_jump_masks_its_frame_and_filters_start_anew_after_it(jump_uv: float) -> None:
    x = eeg(20)
    x[105:, 0] += jump_uv
    frames = judged(x)
    assert good(frames) == 10 * [True] + [False] + 9 * [True]
    assert [k for k, frame in enumerate(frames) if frame.fresh[0]] == [0, 11]
    assert np.array_equal(frames[11].samples, x[110:120])


def test_a_masked_channel_shows_its_last_good_value() -> None:
    x = eeg(20)
    x[100:140, 0] += 100_000.0 * (np.arange(40) % 2)
    frames = judged(x)
    assert good(frames)[10:14] == 4 * [False]
    shown = np.concatenate([frame.samples[:, 0] for frame in frames[10:14]])
    assert np.array_equal(shown, np.full(40, x[99, 0]))


def test_what_the_value_was_before_the_first_frame_is_no_jump() -> None:
    frames = judged(eeg(3) + 100_000.0)
    assert all(frame.good.all() for frame in frames)


def test_a_channel_without_any_value_is_masked_and_silent() -> None:
    x = eeg(5)
    x[:, 1] = np.nan
    for frame in judged(x):
        assert frame.good.tolist() == [True, False]
        assert not frame.samples[:, 1].any()


def test_it_says_what_is_wrong_with_each_channel() -> None:
    x = eeg(12, channels=4)
    x[:, 1] = 7.0
    x[11 * N + 3 :, 2] += 6000.0
    x[11 * N :, 3] = np.nan
    quality = Quality(RULES, FRAME_S, 4)
    none: BoolArray = np.zeros(4, dtype=np.bool_)
    said = []
    for k in range(0, len(x), N):
        quality.push(Frame(x[k : k + N], np.arange(N) / 250.0, ~none, none))
        said.append(quality.faults)
    assert said[0] == ("good", "good", "good", "good")  # Nothing is flat from its first sample on.
    assert said[10] == ("good", "flat", "good", "good")
    assert said[11] == ("good", "flat", "jumps", "missing")


def test_before_the_first_frame_nothing_is_wrong() -> None:
    assert Quality(RULES, FRAME_S, 2).faults == ("good", "good")
