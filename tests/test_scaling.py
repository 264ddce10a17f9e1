from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nictate.filters import Filtered
from nictate.scaling import Scale, Scaled, ScaleRules
from nictate.signals import BoolArray, FloatArray
from nictate.waveforms import blink_waveform
from stand_in import CARD

RULES = CARD.scale
M, FRAME_S = 4, 0.04  # Samples of a frame at 100 Hz.
SETTLE = 10  # Frames in RULES.settle_s.


def scaled(
    y: FloatArray, good: BoolArray | None = None, rules: ScaleRules = RULES, noisy_ratio: float = 8.0
) -> list[Scaled]:
    """What becomes of a signal (n, inputs), frame by frame; ``good`` is (frames, inputs)."""
    inputs = y.shape[1]
    scale = Scale(rules, noisy_ratio, FRAME_S, inputs)
    frames = len(y) // M
    good = np.ones((frames, inputs), dtype=np.bool_) if good is None else good
    was = np.vstack((np.zeros((1, inputs), dtype=np.bool_), good[:-1]))
    times = np.arange(len(y)) / 100.0
    return [
        scale.push(Filtered(y[k * M : (k + 1) * M], times[k * M : (k + 1) * M], good[k], good[k] & ~was[k]))
        for k in range(frames)
    ]


def eeg(n: int, inputs: int = 2, seed: int = 0) -> FloatArray:
    return 10.0 * np.random.default_rng(seed).standard_normal((n, inputs))


def together(parts: list[Scaled]) -> FloatArray:
    return np.concatenate([part.inputs for part in parts])


@settings(deadline=None, max_examples=20)
@given(st.integers(-6, 10), st.integers(0, 3))
def test_gain_leaves_the_inputs_unchanged(power: int, seed: int) -> None:
    """Powers of two, for which the arithmetic is exact, down to where the floor of the scale is reached."""
    y = eeg(1200, seed=seed)
    floorless = dataclasses.replace(RULES, floor_uv=1e-9)
    gain = 2.0**power
    assert np.array_equal(together(scaled(gain * y, rules=floorless)), together(scaled(y, rules=floorless)))
    assert scaled(gain * y, rules=floorless)[-1].scale == pytest.approx(gain * scaled(y, rules=floorless)[-1].scale)


@pytest.mark.parametrize("gain", [0.3, 7.7, 1000.0])
def test_any_gain_leaves_the_inputs_unchanged_to_rounding(gain: float) -> None:
    y = eeg(1200)
    assert together(scaled(gain * y)) == pytest.approx(together(scaled(y)), rel=1e-9, abs=1e-12)


def test_polarity_turns_the_inputs_and_no_more() -> None:
    y = eeg(1200)
    assert np.array_equal(together(scaled(-y)), -together(scaled(y)))


def test_silence_is_not_blown_up() -> None:
    y = 0.01 * eeg(1200)
    parts = scaled(y)
    assert np.array_equal(parts[-1].scale, np.full(2, RULES.floor_uv))
    assert np.array_equal(together(parts)[40:, 0], np.arcsinh(y / RULES.floor_uv)[40:])


def test_the_usual_is_not_fed_by_blinks() -> None:
    """Fifteen blinks a minute of thirty times the background do not move it by a fifth."""
    y = eeg(6000)
    t = np.arange(6000) / 100.0
    blinks = 300.0 * np.asarray(sum(blink_waveform(t - at) for at in np.arange(2.0, 60.0, 4.0)))
    with_blinks, without = scaled(y + blinks[:, np.newaxis]), scaled(y)
    for a, b in zip(with_blinks[100::25], without[100::25], strict=True):
        assert a.scale == pytest.approx(b.scale, rel=0.2)


def test_what_is_large_is_the_blinks_where_there_are_some() -> None:
    y = eeg(6000, inputs=1)
    t = np.arange(6000) / 100.0
    blinks = 300.0 * np.asarray(sum(blink_waveform(t - at) for at in np.arange(2.0, 60.0, 2.0)))
    newest = scaled(y + blinks[:, np.newaxis])[-1]
    implied = newest.samples[-1, 0] / np.sinh(newest.inputs[-1, :, 0])
    assert implied[0] == pytest.approx(newest.scale[0])
    assert 250.0 < implied[1] / RULES.part <= implied[2] / RULES.part < 400.0


def oracle(y: FloatArray, frames: int, rules: ScaleRules) -> FloatArray:
    """Scales (rows, inputs) after so many frames, straight from the definitions."""
    size = np.abs(y[: frames * M]).reshape(frames, M, -1)
    memory, second = round(rules.memory_s / FRAME_S), round(1.0 / FRAME_S)
    usual = np.maximum(np.median(size.mean(axis=1)[-memory:], axis=0), rules.floor_uv)
    size[:SETTLE] = 0.0
    tops = np.array([size[k : k + second].max(axis=(0, 1)) for k in range(0, frames, second)])
    tops = np.sort(tops[-round(rules.reach_s) :], axis=0)
    large = [rules.part * np.maximum(tops[int(q * len(tops))], rules.least * usual) for q in rules.large]
    return np.array([usual, *large])


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.sampled_from([1, 10, 49, 50, 55, 60, 250, 300, 1500, 2000]))
def test_the_scales_are_quantiles_of_the_past(seed: int, frames: int) -> None:
    """At multiples of five frames, which are those at which the scales are reckoned once there are many."""
    rng = np.random.default_rng(seed)
    y = rng.standard_normal((frames * M, 3)) * np.exp(rng.standard_normal((frames * M, 1)))
    newest = scaled(20.0 * y, noisy_ratio=np.inf)[-1]
    expected = oracle(20.0 * y, frames, RULES)
    assert newest.scale == pytest.approx(expected[0])
    if frames >= SETTLE:
        assert newest.inputs == pytest.approx(np.arcsinh(newest.samples[:, np.newaxis] / expected))


def test_how_large_the_filters_own_start_is_does_not_matter() -> None:
    """It would be taken for this person's blinks for two minutes."""
    y = eeg(1200)
    loud = y.copy()
    loud[: 3 * M] *= 100.0
    # Once the median is of more than twice as many frames as were loud, only their maxima could be seen.
    quiet, other = (together(scaled(of, noisy_ratio=np.inf))[50 * M :] for of in (y, loud))
    assert other[:, 1:] == pytest.approx(quiet[:, 1:], rel=0.25)


def test_an_input_is_used_once_it_has_settled_and_again_after_it_was_bad() -> None:
    good = np.ones((60, 2), dtype=np.bool_)
    good[20:25, 1] = False
    parts = scaled(eeg(60 * M), good)
    usable = np.array([part.usable for part in parts])
    assert usable[:, 0].tolist() == [False] * (SETTLE - 1) + [True] * (60 - SETTLE + 1)
    again = 25 + SETTLE - 1
    assert usable[:, 1].tolist() == [False] * (SETTLE - 1) + [True] * (20 - SETTLE + 1) + [False] * (again - 20) + [
        True
    ] * (60 - again)
    for part in parts:
        assert not part.inputs[:, :, ~part.usable].any()
        assert part.inputs[:, :, part.usable].all()


def test_what_an_input_was_before_it_was_bad_is_forgotten() -> None:
    y = eeg(1200, inputs=1)
    y[:600] *= 50.0
    good = np.ones((300, 1), dtype=np.bool_)
    good[145:150] = False
    found = together(scaled(y, good))[600 + SETTLE * M :]
    alone = together(scaled(y[600:]))[SETTLE * M :]
    assert np.array_equal(found, alone)


def test_an_input_that_is_much_noisier_than_the_others_is_not_used() -> None:
    y = eeg(1200, inputs=4)
    y[:, 2] *= 20.0
    assert scaled(y)[-1].usable.tolist() == [True, True, False, True]
    assert scaled(y[:, :2] * [1.0, 20.0])[-1].usable.tolist() == [True, True]


def test_a_noisy_input_returns_when_it_has_been_quiet() -> None:
    y = eeg(4000, inputs=3)
    y[:1000, 1] *= 20.0
    usable = [bool(part.usable[1]) for part in scaled(y)]
    assert not usable[240]
    assert usable[-1]


def test_what_was_handed_out_stays_as_it_was() -> None:
    y = eeg(1200)
    scale = Scale(RULES, 8.0, FRAME_S, 2)
    none = np.zeros(2, dtype=np.bool_)
    handed = []
    for k in range(0, 1200, M):
        part = scale.push(Filtered(y[k : k + M], np.arange(k, k + M) / 100.0, ~none, none))
        handed.append((part, part.inputs.copy(), part.scale.copy(), part.usable.copy()))
    for part, inputs, usual, usable in handed:
        assert np.array_equal(part.inputs, inputs)
        assert np.array_equal(part.scale, usual)
        assert np.array_equal(part.usable, usable)


def test_no_input_minds_when_another_one_came() -> None:
    """The blink source comes when it can be trusted, and goes again."""
    y = eeg(2400, inputs=3)
    good = np.ones((600, 3), dtype=np.bool_)
    good[:137, 2] = good[300:311, 2] = False
    alone, beside = together(scaled(y[:, :2])), together(scaled(y, good))
    assert np.array_equal(beside[:, :, :2], alone)
