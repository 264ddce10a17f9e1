from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_recordings import RATE_HZ, Above, channel, flipped, labelled, person

from nictate.peers.peer import Found
from nictate.peers.threshold import Level, Threshold
from nictate.peers.trial import MEAN, View, common, cost_ms, events, outcome, shown, tally, views
from nictate.signals import Montage
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import Truth

SKIP_S = (1.0, 0.3)
NOTHING = Truth(np.empty((0, 3)), np.empty((0, 2)), 10.0)


def with_channels(*names: str) -> LabelledSignal:
    x = np.random.default_rng(len(names)).standard_normal((1280, len(names)))
    return labelled("-".join(names), "x", x, Montage(names, RATE_HZ), NOTHING)


def test_the_mean_and_the_channels_of_all_are_shown_in_both_polarities() -> None:
    both = [with_channels("Fp1", "Fp2", "Cz"), with_channels("Fp2", "Fp1", "AF3")]
    assert [str(view) for view in views(both)] == [
        *("mean up", "mean down", "Fp1 up", "Fp1 down", "Fp2 up", "Fp2 down"),
    ]
    # Where there is one channel, it is the mean.
    assert [str(view) for view in views([with_channels("Fp1")])] == ["mean up", "mean down"]
    assert [str(view) for view in views([with_channels("Fp1"), with_channels("Fp2")])] == ["mean up", "mean down"]


@pytest.mark.parametrize(
    "recordings",
    [[("Fp1", "Fp2")], [("Fp1", "Fp2", "Cz"), ("Fp2", "Fp1", "AF3")], [("Fp1",)], [("Fp1",), ("Fp2",)]],
)
def test_what_is_common_is_what_is_shown_beside_the_mean(recordings: list[tuple[str, ...]]) -> None:
    some = [with_channels(*names) for names in recordings]
    assert (MEAN, *common(some)) == tuple(dict.fromkeys(view.channel for view in views(some)))


def test_a_channel_that_some_lack_is_not_common() -> None:
    some = [with_channels("Fp1", "Fp2", "Cz"), with_channels("Fp2")]
    assert common(some) == common(some[::-1]) == ("Fp2",)


def test_a_view_is_of_those_channels_that_can_show_a_blink() -> None:
    s = with_channels("Cz", "Fp1", "Fp2")
    x = s.samples.astype(np.float64)
    assert np.array_equal(shown(s, View("Fp2", 1.0)), x[:, 2])
    assert np.allclose(shown(s, View(MEAN, -1.0)), -(x[:, 1] + x[:, 2]) / 2.0)


def test_missing_values_are_bridged() -> None:
    s = with_channels("Fp1")
    s.samples[:5] = [[1.0], [np.nan], [np.inf], [4.0], [0.0]]
    assert shown(s, View(MEAN, 1.0))[:5].tolist() == [1.0, 2.0, 3.0, 4.0, 0.0]
    s.samples[:] = np.nan
    assert (shown(s, View(MEAN, 1.0)) == 0.0).all()


def test_positions_become_times_of_the_recording() -> None:
    s = with_channels("Fp1")
    s.times[600:] += 7.0
    first, second = events(Found(np.array([10.5, 640.0]), np.array([20.0, 650.0])), s)
    assert first.peak == pytest.approx(10.5 / RATE_HZ)
    assert second.peak == pytest.approx(640.0 / RATE_HZ + 7.0)
    assert (first.decided, second.decided) == pytest.approx((20.0 / RATE_HZ, 650.0 / RATE_HZ + 7.0))
    (batch,) = events(Found(np.array([3.0])), s)
    assert np.isnan(batch.decided)


def test_upside_down_recordings_give_the_same_in_the_other_polarity() -> None:
    people = [person(1), person(2)]
    settings = [Level(0.5, 60.0, "µV", 0.3, 0.15), Level(0.5, 100.0, "µV", 0.5, 0.3)]
    up = tally(Threshold("µV"), settings, people, SKIP_S)
    down = tally(Threshold("µV"), settings, [flipped(s) for s in people], SKIP_S)
    assert up.views == down.views
    other = [up.views.index(View(view.channel, -view.sign)) for view in up.views]
    assert np.array_equal(up.counts, down.counts[other])
    assert not np.array_equal(up.counts, down.counts)
    assert up.f1[0, 0] == 1.0


def test_a_tally_counts_what_the_outcome_scores() -> None:
    people = [person(1), person(2)]
    peer = Above()
    found = tally(peer, peer.settings, people, SKIP_S)
    for v, view in enumerate(found.views):
        for k, setting in enumerate(peer.settings):
            scores = outcome(peer, setting, view, people, SKIP_S).scores.values()
            summed = [sum(getattr(s, key) for s in scores) for key in ("hits", "misses", "false_alarms")]
            assert found.counts[v, k].tolist() == summed
    assert found.counts.sum() > 50


def test_the_order_of_recordings_changes_nothing() -> None:
    people = [person(1), person(2), with_channels("Fp1", "Fp2")]
    one, other = (tally(Above(), Above().settings, some, SKIP_S) for some in (people, people[::-1]))
    assert np.array_equal(one.counts, other.counts)


def test_where_a_peer_fails_it_has_found_nothing_and_that_is_told() -> None:
    s, good = person(1), person(2)
    loud = replace(s, samples=s.samples + 1e8)
    found = outcome(Above(), 80.0, View(MEAN, 1.0), [loud, good], SKIP_S)
    assert found.failures == (f"{s.name}: too large at 128 Hz",)
    assert (found.scores[s.name].hits, found.scores[s.name].false_alarms) == (0, 0)
    assert found.scores[s.name].misses > 10
    assert found.scores[good.name].hits > 10
    assert tally(Above(), [80.0], [loud], SKIP_S).counts[0, 0].tolist() == [0, found.scores[s.name].misses, 0]


def test_the_cost_is_measured_where_there_is_something_to_measure() -> None:
    s = person(1)
    ms = cost_ms(Above(), 80.0, [s], at_least_s=1.0)
    assert ms is not None
    assert ms >= 0.0
    assert cost_ms(Above(), 80.0, [replace(s, samples=s.samples + 1e8)]) is None
    assert channel(s).shape == (len(s.times),)
