from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from nictate.training.gaze import LARGEST_UV, SCRIPTS, SMALLEST_UV, TO_CHOOSE_BY, gazing, lookers, scripted
from nictate.training.judge import Judged
from stand_in import STAND_IN


@pytest.mark.parametrize("script", SCRIPTS)
def test_jumps_have_their_size_and_lead_nowhere(script: str) -> None:
    jumps = np.array(list(islice(SCRIPTS[script](np.random.default_rng(1)), 2000)))
    assert (np.diff(jumps[:, 0]) > 0.1).all()
    size = np.abs(jumps[:, 1:]).max(axis=1)
    assert SMALLEST_UV <= size.min() < 1.5 * SMALLEST_UV
    assert 0.9 * LARGEST_UV < size.max() <= LARGEST_UV
    # The eyes stay on the page, or on the road.
    gaze = np.cumsum(jumps[:, 1:], axis=0)
    assert np.abs(gaze).max() <= LARGEST_UV + 1e-6
    # Both ways, up and down, left and right.
    assert (jumps[:, 1:].min(axis=0) <= -SMALLEST_UV).all()
    assert (jumps[:, 1:].max(axis=0) >= SMALLEST_UV).all()


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_adds_its_jumps_and_nothing_else(script: str) -> None:
    still, moved = (scripted(name, blinking=True, lasting_s=20.0) for name in ("", script))
    np.testing.assert_array_equal(moved.truth.blinks, still.truth.blinks)
    assert len(still.truth.blinks) > 1
    assert not len(scripted(script, blinking=False, lasting_s=20.0).truth.blinks)
    added = moved.samples.astype(np.float64) - still.samples
    right, up = added[:, 1] - added[:, 0], added.mean(axis=1)
    first = [j for j in islice(SCRIPTS[script](np.random.default_rng((0, len(script)))), 200) if j[0] < 19.9]
    at = np.searchsorted(still.times, [j[0] for j in first])
    landed = np.append(at[1:], len(up)) - 1
    np.testing.assert_allclose(up[landed], np.cumsum([j[2] for j in first]), atol=0.15 * LARGEST_UV)
    assert np.corrcoef(right[landed], np.cumsum([j[1] for j in first]))[0, 1] > 0.99
    assert np.abs(added[: at[0]]).max() < 1e-3


def test_a_detector_is_judged_by_what_it_takes_for_blinks_and_what_it_still_finds() -> None:
    shares: list[float] = []
    rows = gazing([Judged(*STAND_IN[:2], ())], (1.0, 0.3), 25.0, lambda share, _: shares.append(share))
    assert [row.script for row in rows] == list(SCRIPTS)
    assert sum(shares) == pytest.approx(1.0)
    # The stand-in knows nothing of saccades.
    assert max(row.false_per_minute for row in rows) > 1.0
    assert max(row.false_among_blinks_per_minute for row in rows) > 1.0
    assert {row.recall_still for row in rows} == {rows[0].recall_still}
    assert all(0.0 <= row.recall <= 1.0 for row in rows)
    assert rows[0].recall_still > 0.5


def test_thresholds_are_chosen_by_others_than_those_who_are_judged_by() -> None:
    heard = lookers(*STAND_IN[:2], 12.0)
    assert len(heard) == 2 * len(TO_CHOOSE_BY) * len(SCRIPTS)
    assert sum(bool(len(h.signal.truth.blinks)) for h in heard) == len(heard) // 2
    judged = [scripted(script, blinking=True, lasting_s=12.0) for script in SCRIPTS]
    for h in heard:
        assert not any(np.array_equal(h.signal.samples, other.samples) for other in judged)
    assert lookers(*STAND_IN[:2], 0.0) == []
