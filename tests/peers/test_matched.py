from __future__ import annotations

import numpy as np
import pytest
from made_recordings import RATE_HZ, channel, person

from nictate.peers.matched import Likeness, MatchedFilter, fit
from nictate.training.evaluate import match
from nictate.waveforms import blink_waveform, saccade_waveform

SETTING = Likeness(lasting_s=0.3, correlation=0.8, amplitude_uv=60.0)
LOOSE = Likeness(lasting_s=0.3, correlation=0.6, amplitude_uv=60.0)


def test_clear_blinks_are_found_where_they_are() -> None:
    s = person(1)
    (found,) = MatchedFilter().find(channel(s), RATE_HZ, [SETTING])
    matched = match(found.peaks / RATE_HZ, s.truth)
    assert len(matched.pairs) > 10
    assert (matched.missed, matched.false) == ((), ())
    errors = [found.peaks[k] / RATE_HZ - s.truth.peaks[j] for k, j in matched.pairs]
    assert np.abs(errors).max() < 0.05


def test_what_is_found_in_a_beginning_is_a_beginning_of_what_is_found() -> None:
    x = channel(person(2))
    (whole,) = MatchedFilter().find(x, RATE_HZ, [SETTING])
    # Before the first, and one sample before and after others are decided.
    for n in (30, 400, *(int(whole.decided[5]) + k for k in (0, 1)), *(int(whole.decided[9]) + k for k in (0, 1))):
        (part,) = MatchedFilter().find(x[:n], RATE_HZ, [SETTING])
        assert part.decided.tolist() == [d for d in whole.decided if d < n]
        assert part.peaks.tolist() == whole.peaks[: len(part.peaks)].tolist()
    assert len(whole.peaks) > len(part.peaks) == 10


def test_its_own_blink_fits_whatever_it_stands_on() -> None:
    t = np.arange(1000) / RATE_HZ - 4.0
    own = 100.0 * blink_waveform(t, 0.09, 0.21)
    for offset in (0.0, 2e4):
        (found,) = MatchedFilter().find(own + offset, RATE_HZ, [Likeness(0.3, 0.99, 95.0)])
        assert np.allclose(found.peaks / RATE_HZ, 4.09, atol=0.01)
    (found,) = MatchedFilter().find(own, RATE_HZ, [Likeness(0.3, 0.99, 105.0)])
    assert len(found.peaks) == 0


def test_the_fit_is_that_of_least_squares() -> None:
    rng = np.random.default_rng(3)
    y, template = rng.standard_normal(200).cumsum(), blink_waveform(np.arange(40) / RATE_HZ)
    height, correlation, length = fit(y, template)
    assert length == 40
    assert (height[:39] == 0.0).all()
    assert (correlation[:39] == 0.0).all()
    for k in (39, 100, 199):
        window = y[k - 39 : k + 1]
        assert height[k] == pytest.approx(np.polyfit(template, window, 1)[0])
        assert correlation[k] == pytest.approx(np.corrcoef(template, window)[0, 1])


def test_a_saccade_is_as_large_as_a_blink_but_less_like_one() -> None:
    t = np.arange(1000) / RATE_HZ - 4.0
    gaze = 200.0 * saccade_waveform(t)
    strict, loose = MatchedFilter().find(gaze, RATE_HZ, [Likeness(0.3, 0.9, 30.0), Likeness(0.3, 0.5, 30.0)])
    assert len(strict.peaks) == 0
    assert len(loose.peaks) > 0


def test_less_like_and_smaller_blinks_are_found_besides() -> None:
    x = channel(person(4))
    strict, loose = MatchedFilter().find(x, RATE_HZ, [SETTING, LOOSE])
    assert len(loose.peaks) >= len(strict.peaks) > 5


def test_silence_has_no_blinks() -> None:
    for n in (1, 3, 600):
        (found,) = MatchedFilter().find(np.zeros(n), RATE_HZ, [Likeness(0.3, -1.0, 0.0)])
        assert len(found.peaks) == 0
