from __future__ import annotations

import numpy as np
import pytest
from made_recordings import RATE_HZ, channel, person
from scipy import signal

from nictate.filters import Band
from nictate.peers.threshold import Level, Threshold, Unit, band_passed, running_scale
from nictate.training.evaluate import match

SETTINGS = {
    "µV": Level(low_hz=0.5, level=60.0, unit="µV", release=0.3, fall_s=0.15),
    "x": Level(low_hz=0.5, level=6.0, unit="x", release=0.3, fall_s=0.15),
}
UNITS: list[Unit] = ["µV", "x"]


@pytest.mark.parametrize("unit", UNITS)
def test_clear_blinks_are_found_where_they_are(unit: Unit) -> None:
    s = person(1)
    (found,) = Threshold(unit).find(channel(s), RATE_HZ, [SETTINGS[unit]])
    matched = match(found.peaks / RATE_HZ, s.truth)
    assert len(matched.pairs) > 10
    assert (matched.missed, matched.false) == ((), ())
    errors = [found.peaks[k] / RATE_HZ - s.truth.peaks[j] for k, j in matched.pairs]
    assert np.abs(errors).max() < 0.03
    assert (found.decided > found.peaks).all()


@pytest.mark.parametrize("unit", UNITS)
def test_what_is_found_in_a_beginning_is_a_beginning_of_what_is_found(unit: Unit) -> None:
    x = channel(person(2))
    (whole,) = Threshold(unit).find(x, RATE_HZ, [SETTINGS[unit]])
    for n in (400, 1500, 3333):
        (part,) = Threshold(unit).find(x[:n], RATE_HZ, [SETTINGS[unit]])
        assert part.decided.tolist() == [d for d in whole.decided if d < n]
        assert part.peaks.tolist() == whole.peaks[: len(part.peaks)].tolist()
    assert len(whole.peaks) > len(part.peaks) > 3


def test_gain_changes_nothing_on_the_running_scale_and_much_in_microvolts() -> None:
    x = channel(person(3))
    for unit in UNITS:
        plain, small = (Threshold(unit).find(gain * x, RATE_HZ, [SETTINGS[unit]])[0] for gain in (1.0, 0.125))
        assert len(plain.peaks) > 5
        assert (plain.peaks.tolist() == small.peaks.tolist()) == (unit == "x")


def test_an_offset_changes_nothing() -> None:
    x = channel(person(3))
    plain, far = (Threshold("µV").find(x + offset, RATE_HZ, [SETTINGS["µV"]])[0] for offset in (0.0, 5e4))
    assert plain.peaks.tolist() == far.peaks.tolist()


def test_settings_are_answered_in_their_order_each_as_alone() -> None:
    x = channel(person(4))
    peer = Threshold("µV")
    some = peer.settings[::29]
    for setting, found in zip(some, peer.find(x, RATE_HZ, some), strict=True):
        (alone,) = peer.find(x, RATE_HZ, [setting])
        assert found.peaks.tolist() == alone.peaks.tolist()


def test_a_gaze_that_stays_is_no_blink() -> None:
    x = np.zeros(2000)
    x[1000:] = 200.0
    slow = Level(low_hz=0.3, level=60.0, unit="µV", release=0.3, fall_s=0.15)
    (found,) = Threshold("µV").find(x, RATE_HZ, [slow])
    assert len(found.peaks) == 0
    x[1016:] = 0.0  # Back after an eighth of a second: a blink, for all that a threshold knows.
    (found,) = Threshold("µV").find(x, RATE_HZ, [slow])
    assert len(found.peaks) == 1


def test_the_scale_knows_only_what_is_over_and_is_hardly_moved_by_blinks() -> None:
    rng = np.random.default_rng(5)
    y = rng.standard_normal(round(20.0 * RATE_HZ))
    scale = running_scale(y, RATE_HZ)
    step = round(0.2 * RATE_HZ)
    assert np.isinf(scale[:step]).all()
    assert np.isfinite(scale[step:]).all()
    assert scale[-1] == pytest.approx(np.sqrt(2.0 / np.pi), rel=0.1)
    unfinished = (1000 // step + 1) * step
    for gain in (0.0, 100.0):
        later = y.copy()
        later[1000:] *= gain
        assert (running_scale(later, RATE_HZ)[:unfinished] == scale[:unfinished]).all()
        assert (running_scale(later, RATE_HZ)[unfinished:] != scale[unfinished:]).any()
    blinking = y.copy()
    for k in range(0, len(y), round(3.0 * RATE_HZ)):
        blinking[k : k + round(0.3 * RATE_HZ)] += 50.0
    assert running_scale(blinking, RATE_HZ)[-1] < 1.5 * scale[-1]


def test_a_constant_passes_as_nothing() -> None:
    assert np.abs(band_passed(np.full(500, 5e4), Band(0.5, 2, 8.0, 4), RATE_HZ)).max() < 1e-3


def test_the_band_is_what_it_says() -> None:
    t = np.arange(4096) / RATE_HZ
    inside, mains = (
        band_passed(np.sin(2.0 * np.pi * f * t), Band(0.5, 2, 8.0, 4), RATE_HZ)[2048:] for f in (3.0, 50.0)
    )
    assert inside.std() > 0.6
    assert mains.std() < 1e-2
    assert signal.detrend(inside).std() == pytest.approx(inside.std(), rel=0.01)
