from __future__ import annotations

import numpy as np
import pytest
from made_recordings import RATE_HZ, channel, person

from nictate.peers.blink2019 import Blink2019, Rules, turning_peaks
from nictate.signals import FloatArray
from nictate.training.evaluate import match
from nictate.waveforms import blink_waveform


def train(heights: FloatArray, every_s: float = 3.0, noise_uv: float = 2.0) -> FloatArray:
    """(n,) blinks of these heights in µV, with peaks 0.085 s after multiples of ``every_s``."""
    t = np.arange(round((len(heights) + 1) * every_s * RATE_HZ)) / RATE_HZ
    onsets = every_s * np.arange(1, len(heights) + 1)
    x = sum(height * blink_waveform(t - onset) for height, onset in zip(heights, onsets, strict=True))
    return np.asarray(x + noise_uv * np.random.default_rng(1).standard_normal(len(t)))


def found_in(x: FloatArray, rules: Rules | None = None) -> FloatArray:
    """In s."""
    return Blink2019().find(x, RATE_HZ, [rules or Rules()])[0].peaks / RATE_HZ


def test_a_train_of_blinks_is_found() -> None:
    peaks = found_in(train(np.full(12, 150.0)))
    assert np.allclose(peaks, 3.0 * np.arange(1, 13) + 0.085, atol=0.03)


def test_small_ones_are_found_once_it_is_known_how_large_blinks_are() -> None:
    # The first pass looks for turns of 100 µV; those of 70 µV are found in the second alone.
    heights = np.tile([150.0, 70.0], 6)
    peaks = found_in(train(heights))
    assert np.allclose(np.sort(peaks), 3.0 * np.arange(1, 13) + 0.085, atol=0.03)


def test_nothing_is_found_where_the_first_turn_is_too_much_to_ask() -> None:
    assert len(found_in(train(np.full(12, 60.0)))) == 0
    assert len(found_in(train(np.full(12, 60.0)), Rules(30.0))) == 12


def test_deflections_of_another_shape_are_told_apart() -> None:
    x = train(np.full(12, 150.0))
    t = np.arange(len(x)) / RATE_HZ
    # Bursts as high as the blinks, between them.
    for at in (7.2, 22.2):
        x += (
            150.0 * np.sin(2.0 * np.pi * 4.0 * (t - at)) * np.clip(np.sin(np.pi * np.clip(t - at, 0.0, 1.0)), 0.0, None)
        )
    peaks = np.sort(found_in(x))
    assert np.allclose(peaks, 3.0 * np.arange(1, 13) + 0.085, atol=0.03)
    anything = np.sort(found_in(x, Rules(alike=-1.0)))
    assert len(anything) > 12


def test_clear_blinks_of_a_person_are_found() -> None:
    s = person(1, lasting_s=60.0)
    matched = match(found_in(channel(s), Rules(75.0, alike=0.5)), s.truth)
    assert len(matched.pairs) >= 0.9 * (len(matched.pairs) + len(matched.missed))
    assert len(matched.false) <= 1


def test_blinks_that_go_down_are_not_found_as_they_are() -> None:
    x = train(np.full(12, 150.0))
    down = found_in(-x)
    assert not np.isclose(down[:, np.newaxis], 3.0 * np.arange(1, 13) + 0.085, atol=0.03).any()


def test_offset_and_settings_do_not_disturb_each_other() -> None:
    x = train(np.full(12, 150.0))
    assert np.array_equal(found_in(x), found_in(x + 2e4))
    some = Blink2019().settings[::5]
    for setting, found in zip(some, Blink2019().find(x, RATE_HZ, some), strict=True):
        assert np.array_equal(found.peaks / RATE_HZ, found_in(x, setting))


@pytest.mark.parametrize("x", [np.zeros(1), np.zeros(2), np.zeros(3000), train(np.full(1, 150.0)), np.arange(3000.0)])
def test_there_may_be_nothing_to_find(x: FloatArray) -> None:
    assert len(found_in(x)) == 0


def test_turns_are_those_of_a_walk_through_every_sample() -> None:
    def walked(y: FloatArray, delta: float) -> list[int]:
        peaks, at, low, high, rising = [], 0, np.inf, -np.inf, False
        for k, value in enumerate(y):
            if value > high:
                high, at = value, k
            low = min(low, value)
            if rising and value < high - delta:
                peaks.append(at)
                rising, low = False, value
            elif not rising and value > low + delta:
                rising, high, at = True, value, k
        return peaks

    rng = np.random.default_rng(7)
    for delta in (0.5, 3.0, 20.0):
        y = np.cumsum(rng.standard_normal(3000))
        assert turning_peaks(y, delta) == walked(y, delta)
        flat = np.round(y)  # With plateaus.
        assert turning_peaks(flat, delta) == walked(flat, delta)
    assert len(turning_peaks(y, 3.0)) > len(turning_peaks(y, 20.0)) > 0
    assert turning_peaks(np.empty(0), 1.0) == []
