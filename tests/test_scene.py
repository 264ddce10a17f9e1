"""What is drawn of a stream: the same points however it is cut, never a NaN, never more than is kept."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nictate.scene import BASELINE_HZ, CHANNELS, KEPT_S, Scenes
from nictate.signals import Block, ConfigError, FloatArray, Montage, StreamError
from nictate.simulate import Simulator

MONTAGE = Montage(("Fp1", "Fp2", "Cz"), 250.0)


def block_of(samples: FloatArray, rate_hz: float = 250.0, start_s: float = 100.0) -> Block:
    return Block(samples, start_s + np.arange(len(samples)) / rate_hz)


def taken(scenes: Scenes) -> dict[str, Any]:
    text = scenes.take()
    assert text is not None
    said: dict[str, Any] = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    return said


def points(scene: dict[str, Any], which: str = "raw") -> tuple[list[float], list[list[float | None]]]:
    return scene[which]["times"], scene[which]["data"]


values = st.one_of(
    st.floats(-200.0, 200.0), st.sampled_from([math.nan, math.inf, -math.inf, 1e308, -1e308, 1e11, 187500.0])
)


@given(
    st.lists(st.tuples(values, values, values), min_size=12, max_size=80),
    st.lists(st.integers(0, 80), max_size=6),
    st.sampled_from([100.0, 250.0, 1000.0]),
    st.integers(0, 79),
)
def test_any_cutting_gives_the_same_points(
    rows: list[tuple[float, float, float]], cuts: list[int], rate_hz: float, hole: int
) -> None:
    montage = Montage(MONTAGE.names, rate_hz)
    samples = np.array(rows)
    times = 5.0 + np.arange(len(rows)) / rate_hz + np.where(np.arange(len(rows)) > hole, 3.0, 0.0)
    whole, cut = Scenes(montage, (1,), "r"), Scenes(montage, (1,), "r")
    whole.push(Block(samples, times))
    whole.clean(Block(samples, times))
    bounds = [0, *sorted(min(c, len(rows)) for c in cuts), len(rows)]
    for a, b in pairwise(bounds):
        cut.push(Block(samples[a:b], times[a:b]))
        cut.clean(Block(samples[a:b], times[a:b]))
    once, again = whole.take(), cut.take()
    assert once == again
    if once is not None:
        said = json.loads(once)
        assert said["raw"] == said["cleaned"]


@given(st.integers(0, 2), st.lists(st.sampled_from([math.nan, math.inf, 1e300]), min_size=1, max_size=30))
def test_what_is_no_number_stays_where_it_is(channel: int, bad: list[float]) -> None:
    samples = Simulator(("Fp1", "Fp2", "Cz"), 250.0, seed=1).pull(250).samples
    hurt = samples.copy()
    hurt[100 : 100 + len(bad), channel] = bad
    clean, scenes = Scenes(MONTAGE, (0,), "r"), Scenes(MONTAGE, (0,), "r")
    clean.push(block_of(samples))
    scenes.push(block_of(hurt))
    (_, expected), (_, data) = points(taken(clean)), points(taken(scenes))
    for k in range(3):
        if k != channel:
            assert data[k] == expected[k]
    shown = data[channel]
    assert shown[:50] == expected[channel][:50]
    cells = len(bad) // 2
    assert shown[50 : 50 + cells] == [None] * cells
    assert None not in shown[51 + cells :]


def test_the_baseline_is_taken_out_from_the_first_sample_on() -> None:
    scenes = Scenes(MONTAGE, (0,), "r")
    scenes.push(block_of(np.full((100, 3), 187_500.0)))
    _, data = points(taken(scenes))
    assert data == [[0.0] * 50] * 3


def test_what_is_faster_than_the_baseline_passes_and_what_is_slower_does_not() -> None:
    t = np.arange(20 * 250) / 250.0
    montage = Montage(("fast", "slow"), 250.0)
    scenes = Scenes(montage, (0,), "r")
    scenes.push(
        block_of(100.0 * np.column_stack((np.sin(2 * np.pi * 5 * t), np.sin(2 * np.pi * BASELINE_HZ / 10 * t))))
    )
    _, (fast, slow) = points(taken(scenes))
    assert 95.0 < max(v for v in fast if v is not None) < 105.0
    assert max(abs(v) for v in slow if v is not None) < 15.0


def test_a_point_is_the_mean_of_its_samples_at_the_middle_of_their_times() -> None:
    montage = Montage(("a",), 1000.0)
    scenes = Scenes(montage, (0,), "r")
    samples = np.zeros((90, 1))
    samples[9:18] = 90.0  # One cell of nine samples: the baseline has hardly moved within it.
    scenes.push(Block(samples, 7.0 + np.arange(90) / 1000.0))
    said = taken(scenes)
    times, (values_,) = points(said)
    assert said["dt"] == 0.009
    assert times == [round(7.004 + 0.009 * k, 4) for k in range(10)]
    assert values_[0] == 0.0
    assert values_[1] == pytest.approx(90.0, abs=1.0)
    assert values_[2] == pytest.approx(0.0, abs=2.0)


@pytest.mark.parametrize("rate_hz", [100.0, 128.0, 200.0, 250.0, 256.0, 500.0, 512.0, 1000.0, 2000.0])
def test_there_are_about_a_hundred_points_a_second(rate_hz: float) -> None:
    scenes = Scenes(Montage(("a",), rate_hz), (0,), "r")
    scenes.push(block_of(np.zeros((round(rate_hz), 1)), rate_hz))
    times, _ = points(taken(scenes))
    assert 95 <= len(times) <= 130


def test_after_a_hole_the_baseline_starts_afresh_and_no_point_reaches_over_it() -> None:
    scenes = Scenes(MONTAGE, (0,), "r")
    scenes.push(block_of(np.full((51, 3), 10.0)))
    scenes.push(block_of(np.full((50, 3), 5000.0), start_s=103.0))
    times, data = points(taken(scenes))
    assert data == [[0.0] * 50] * 3
    assert times[24] < 100.21
    assert times[25] == pytest.approx(103.002)


def test_channels_that_are_looked_at_come_first_and_eight_at_most() -> None:
    names = tuple(f"E{k}" for k in range(1, 33))
    scenes = Scenes(Montage(names, 250.0, kinds=("misc", *["eeg"] * 31)), (20, 4, 20), "r")
    scenes.push(block_of(np.zeros((100, 32))))
    said = taken(scenes)
    assert said["names"] == ["E21", "E5", "E2", "E3", "E4", "E6", "E7", "E8"]
    assert said["looked_at"] == 2
    many = Scenes(Montage(names, 250.0), range(32), "r")
    many.push(block_of(np.zeros((100, 32))))
    assert taken(many)["names"] == [f"E{k}" for k in range(1, CHANNELS + 1)]
    assert len(taken_after(many)["raw"]["data"]) == CHANNELS


def taken_after(scenes: Scenes) -> dict[str, Any]:
    scenes.push(block_of(np.zeros((100, 32)), start_s=100.4))
    return taken(scenes)


def test_each_column_belongs_to_its_name() -> None:
    scenes = Scenes(MONTAGE, (2,), "r")
    samples = np.zeros((40, 3))
    samples[20:] = [1.0, 20.0, 300.0]
    scenes.push(block_of(samples))
    said = taken(scenes)
    steps = {name: data[10] for name, data in zip(said["names"], said["raw"]["data"], strict=True)}
    assert steps == pytest.approx({"Fp1": 1.0, "Fp2": 20.0, "Cz": 300.0}, rel=0.02)


def test_cleaned_keeps_its_own_times_and_is_null_while_there_is_none() -> None:
    scenes = Scenes(MONTAGE, (0,), "r")
    block = block_of(np.zeros((60, 3)))
    scenes.push(block)
    assert taken(scenes)["cleaned"] is None
    scenes.push(block_of(np.zeros((20, 3)), start_s=100.24))
    scenes.clean(Block(block.samples[:50], block.times[:50]))
    said = taken(scenes)
    assert said["raw"]["times"][0] > 100.24 > said["cleaned"]["times"][-1]
    assert len(said["cleaned"]["times"]) == 25


def test_less_than_a_message_is_worth_waits() -> None:
    scenes = Scenes(MONTAGE, (0,), "r")
    scenes.push(block_of(np.zeros((9, 3))))
    assert scenes.take() is None
    scenes.push(block_of(np.zeros((1, 3)), start_s=100.036))
    assert len(taken(scenes)["raw"]["times"]) == 5
    assert scenes.take() is None


def test_what_nobody_takes_is_dropped_the_oldest_first() -> None:
    scenes = Scenes(MONTAGE, (0,), "r")
    for second in range(20):
        scenes.push(block_of(np.zeros((250, 3)), start_s=100.0 + second))
        scenes.clean(block_of(np.zeros((250, 3)), start_s=100.0 + second))
        for k in range(2000):
            scenes.said(100.0 + second + k / 2000, 0.5)
    said = taken(scenes)
    for which in ("raw", "cleaned"):
        times, _ = points(said, which)
        assert len(times) == KEPT_S * 125
        assert times[-1] == pytest.approx(119.994)
    assert len(said["probability"]) <= KEPT_S * 250


def test_probabilities_are_told_once_with_their_times() -> None:
    scenes = Scenes(MONTAGE, (0,), "r")
    scenes.push(block_of(np.zeros((100, 3))))
    scenes.said(100.01, 0.12345)
    scenes.said(math.nan, 0.5)
    scenes.said(100.02, math.nan)
    assert taken(scenes)["probability"] == [[100.01, 0.123]]
    scenes.push(block_of(np.zeros((100, 3)), start_s=100.4))
    assert taken(scenes)["probability"] == []


def test_names_are_any_text() -> None:
    hostile = "<script>alert(1)</script>\u2028\"'"
    scenes = Scenes(Montage((hostile,), 250.0), (0,), "run 1")
    scenes.push(block_of(np.zeros((100, 1))))
    said = taken(scenes)
    assert (said["names"], said["run"]) == ([hostile], "run 1")


def test_blocks_are_never_changed() -> None:
    samples = np.array([[1.0, math.nan, 3.0]] * 50)
    block = block_of(samples.copy())
    scenes = Scenes(MONTAGE, (0,), "r")
    scenes.push(block)
    scenes.clean(block)
    assert np.array_equal(block.samples, samples, equal_nan=True)


def test_other_channels_than_the_montage_has_are_refused() -> None:
    with pytest.raises(ConfigError, match="montage with 3"):
        Scenes(MONTAGE, (3,), "r")
    scenes = Scenes(MONTAGE, (0,), "r")
    for push in (scenes.push, scenes.clean):
        with pytest.raises(StreamError, match="2 channels in a stream of 3"):
            push(block_of(np.zeros((10, 2))))
