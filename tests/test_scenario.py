from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise, takewhile

import numpy as np
import pytest

from nictate.profile import USUAL, Profile
from nictate.scenario import Event, Lid, Pop, Saccade, Timeline, blinks, bursts, movements, pops, saccades
from nictate.waveforms import saccade_duration_s

HOUR_S = 3600.0


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def lids_of_an_hour(profile: Profile) -> list[Lid]:
    return list(takewhile(lambda lid: lid.onset < HOUR_S, blinks(profile, rng())))


def test_blinks_come_as_often_and_last_as_long_as_asked() -> None:
    lids = lids_of_an_hour(USUAL)
    assert len(lids) == pytest.approx(15 * 60, rel=0.1)
    kinds = [lid.kind for lid in lids]
    episodes = len(kinds) - kinds.count("double") / 2
    assert kinds.count("half") / episodes == pytest.approx(USUAL.half_share, abs=0.03)
    assert kinds.count("double") / 2 / episodes == pytest.approx(USUAL.double_share, abs=0.03)
    assert kinds.count("long") / episodes == pytest.approx(USUAL.long_share, abs=0.02)
    for lid in lids:
        assert 0.07 <= lid.closing_s <= 0.1
        assert 0.15 <= lid.reopening_s <= 0.25
        if lid.kind == "long":
            assert 0.5 <= lid.end - lid.onset <= 3.0
        else:
            assert lid.hold_s == 0
        share = 0.55 if lid.kind == "half" else 1.6
        assert (0.3 if lid.kind == "half" else 1) * 0.5 * 180 <= lid.height_uv <= share * 180 * 1.6
        assert lid.end == pytest.approx(lid.over) or lid.kind == "double"
    full = [lid.height_uv for lid in lids if lid.kind == "blink"]
    assert np.median(full) == pytest.approx(180, rel=0.05)


def test_the_two_of_a_double_follow_at_once_and_others_after_a_pause() -> None:
    lids = lids_of_an_hour(USUAL)
    doubles = [lid for lid in lids if lid.kind == "double"]
    for first, second in zip(doubles[::2], doubles[1::2], strict=False):
        assert 0.25 <= (second.onset + second.closing_s) - (first.onset + first.closing_s) <= 0.5
        assert first.end <= second.onset
    pauses = np.array([b.onset - a.end for a, b in pairwise(lids) if (a.kind, b.kind) != ("double", "double")])
    assert pauses.min() > 0.05
    assert pauses.std() / pauses.mean() == pytest.approx(USUAL.blink_interval_cv, rel=0.25)


def test_saccades_come_one_after_the_other_and_keep_the_gaze_in_sight() -> None:
    profile = Profile(saccades_per_min=40)
    jumps = list(takewhile(lambda saccade: saccade.onset < HOUR_S, saccades(profile, rng())))
    assert len(jumps) == pytest.approx(40 * 60, rel=0.1)
    assert all(b.onset > a.over + 0.05 for a, b in pairwise(jumps))
    for axis, limit_deg in ((0, 21.0), (1, 12.6)):
        steps = [saccade.step_deg for saccade in jumps if saccade.axis == axis]
        assert min(map(abs, steps)) >= 1 - 1e-9
        # Beyond the limit only by the smallest step.
        assert np.abs(np.cumsum(steps)).max() <= limit_deg + 1
    assert all(saccade.duration_s == saccade_duration_s(saccade.step_deg) for saccade in jumps)


def test_bursts_and_pops_come_as_often_as_asked() -> None:
    profile = Profile(muscle_per_min=20, pops_per_min=10)
    contractions = list(takewhile(lambda burst: burst.onset < HOUR_S, bursts(profile, rng())))
    assert len(contractions) == pytest.approx(20 * 60, rel=0.1)
    assert [burst.number for burst in contractions] == list(range(len(contractions)))
    assert {burst.muscle for burst in contractions} == {0, 1, 2}
    assert all(0.3 <= burst.duration_s <= 1.5 for burst in contractions)
    assert np.median([burst.rms_uv for burst in contractions]) == pytest.approx(15, rel=0.1)
    jumps = list(takewhile(lambda pop: pop.onset < HOUR_S, pops(profile, rng())))
    assert len(jumps) == pytest.approx(10 * 60, rel=0.15)
    assert np.mean([pop.height_uv > 0 for pop in jumps]) == pytest.approx(0.5, abs=0.1)
    assert np.histogram([pop.where for pop in jumps], 4, (0, 1))[0].min() > 0.2 * len(jumps)


@pytest.mark.parametrize(
    "events",
    [
        blinks(Profile(blinks_per_min=0), rng()),
        blinks(Profile(blink_amplitude_uv=0), rng()),
        saccades(Profile(saccades_per_min=0), rng()),
        saccades(Profile(gaze_deg=0), rng()),
        bursts(Profile(muscle_per_min=0), rng()),
        bursts(Profile(muscle_uv=0), rng()),
        pops(Profile(pops_per_min=0), rng()),
        pops(Profile(pop_uv=0), rng()),
        movements(Profile(movements_per_min=0), rng()),
        movements(Profile(movements_per_min=3, movement_uv=0), rng()),
    ],
)
def test_what_has_no_rate_or_no_height_does_not_happen(events: Iterator[Event]) -> None:
    assert list(events) == []


@pytest.mark.parametrize("step_s", [0.04, 1.0, 7.3])
def test_a_timeline_tells_each_event_once_and_finds_all_that_touch(step_s: float) -> None:
    profile = Profile(blinks_per_min=25, double_share=0.5, long_share=0.1)
    known = list(takewhile(lambda lid: lid.onset < 200, blinks(profile, rng())))
    told: list[Lid] = []
    timeline = Timeline(blinks(profile, rng()), told.append)
    for k in range(math.floor(180 / step_s)):
        begin, end = k * step_s, (k + 1) * step_s
        assert timeline.between(begin, end) == [lid for lid in known if lid.onset < end and lid.over > begin]
    assert told == known[: len(told)]
    assert told[-1].onset >= 180 - step_s > told[-2].onset - step_s


def test_a_timeline_ends_with_its_events_and_draws_no_further_than_needed() -> None:
    asked: list[float] = []

    def some() -> Iterator[Pop]:
        for onset in (1.0, 2.0, 50.0, 60.0):
            asked.append(onset)
            yield Pop(onset, 0.0, 1.0, 0.1)

    told: list[Pop] = []
    timeline = Timeline(some(), told.append)
    assert [pop.onset for pop in timeline.between(0, 3)] == [1.0, 2.0]
    assert asked == [1.0, 2.0, 50.0]
    assert [pop.onset for pop in timeline.between(3, 100)] == [2.0, 50.0, 60.0]
    assert timeline.between(100, 200) == []
    assert [pop.onset for pop in told] == asked


def test_a_saccade_is_over_when_it_arrives_and_a_pop_long_after() -> None:
    assert Saccade(1.0, 0, 5.0, 0.03).over == pytest.approx(1.03)
    pop = Pop(1.0, 0.0, 100_000.0, 0.4)
    assert pop.height_uv * math.exp(-(pop.over - pop.onset) / pop.decay_s) < 0.05


def test_movements_come_as_often_as_asked_and_each_is_its_own() -> None:
    profile = Profile(movements_per_min=6)
    swaying = list(takewhile(lambda movement: movement.onset < HOUR_S, movements(profile, rng())))
    assert len(swaying) == pytest.approx(360, rel=0.2)
    assert np.median([movement.height_uv for movement in swaying]) == pytest.approx(profile.movement_uv, rel=0.2)
    assert [movement.number for movement in swaying] == list(range(len(swaying)))
    assert all(movement.over > movement.onset for movement in swaying)
