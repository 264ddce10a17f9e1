from __future__ import annotations

from dataclasses import replace

import pytest
from made_recordings import CLEAR, Above, flipped, person, scored

from nictate.peers.contest import Group, Row, groups_of, row_of, rows_of
from nictate.peers.threshold import Level, Threshold
from nictate.profile import Profile
from nictate.training.corpus import LabelledSignal

SKIP_S = (1.0, 0.3)
NONE = Profile(**{**{f: getattr(CLEAR, f) for f in CLEAR.__slots__}, "blinks_per_min": 0.0})


@pytest.fixture(scope="module")
def signals() -> list[LabelledSignal]:
    down = [replace(flipped(person(seed, of="down")), set="down") for seed in (3, 4)]
    return [person(1, of="up"), person(2, of="up"), *down, person(5, of="down", profile=NONE)]


def told(rows: list[Row]) -> list[dict[str, object]]:
    return [{key: value for key, value in row.to_dict().items() if key != "ms_per_minute"} for row in rows]


def test_groups_are_the_sets_and_what_is_left_of_them_without_doubt(signals: list[LabelledSignal]) -> None:
    groups = groups_of(signals[::-1], ["up/sub-2", "up/sub", "elsewhere/x"])
    assert [(g.name, [s.name for s in g.signals], g.within) for g in groups] == [
        ("down", ["down/sub-3_eeg.fif", "down/sub-4_eeg.fif", "down/sub-5_eeg.fif"], ""),
        ("up", ["up/sub-1_eeg.fif", "up/sub-2_eeg.fif"], ""),
        ("up, certain labels", ["up/sub-1_eeg.fif"], "up"),
    ]


def test_a_peer_is_told_as_it_comes_and_at_its_best_each_set_in_the_polarity_that_suits_it(
    signals: list[LabelledSignal],
) -> None:
    rows = rows_of(Above(), groups_of(signals), SKIP_S)
    assert [row.setting for row in rows] == ["as it comes", "best for all", "best for each"]
    default, for_all, for_each = rows
    assert default.overall["f1"] == 0.0
    for group in ("up", "down"):
        assert (for_all.groups[group]["f1"] or 0.0) > 0.95
    assert {name: chosen.split(";")[0].split()[1] for name, chosen in for_all.chosen.items()} == {
        "up": "up",
        "down": "down",
    }
    for group in ("up", "down"):
        assert (for_each.groups[group]["f1"] or 0.0) >= (for_all.groups[group]["f1"] or 0.0)
    assert (for_all.overall["f1"] or 0.0) >= (default.overall["f1"] or 0.0)
    assert for_all.blink_free is not None
    assert for_all.blink_free["blinks"] == 0


def test_the_order_of_recordings_changes_nothing(signals: list[LabelledSignal]) -> None:
    one, other = (rows_of(Above(), groups_of(some), SKIP_S) for some in (signals, signals[::-1]))
    assert told(one) == told(other)


def test_a_part_of_a_set_is_told_but_counts_once(signals: list[LabelledSignal]) -> None:
    plain = rows_of(Above(), groups_of(signals), SKIP_S)
    besides = rows_of(Above(), groups_of(signals, ["up/sub-2"]), SKIP_S)
    assert [row.overall for row in plain] == [row.overall for row in besides]
    assert [row.blink_free for row in plain] == [row.blink_free for row in besides]
    assert 0 < (besides[0].groups["up, certain labels"]["blinks"] or 0) < (plain[0].groups["up"]["blinks"] or 0)


def test_latencies_are_those_of_causal_peers_on_sets_without_zero_phase(signals: list[LabelledSignal]) -> None:
    peer = Threshold("µV", settings=(Level(0.5, 60.0, "µV", 0.3, 0.15),))
    assert rows_of(peer, groups_of(signals), SKIP_S) == []  # One setting that nobody has set is none.
    peer = replace(peer, default=peer.settings[0])
    (row,) = rows_of(peer, groups_of(signals), SKIP_S, zero_phase=["down"])
    assert 30.0 < (row.overall["blink_latency_median_ms"] or 0.0) < 400.0
    assert row.groups["up"]["blink_latency_median_ms"] == row.overall["blink_latency_median_ms"]
    assert row.groups["down"]["blink_latency_median_ms"] is None
    assert row.groups["down"]["f1"] == 1.0
    batch = rows_of(Above(), groups_of(signals), SKIP_S)[1]
    assert batch.overall["blink_latency_median_ms"] is None


def test_each_group_is_heard_of(signals: list[LabelledSignal]) -> None:
    heard: list[str] = []
    rows_of(Above(), groups_of(signals), SKIP_S, heard=heard.append)
    assert heard == ["down", "up"]


def test_a_row_adds_up_its_recordings(signals: list[LabelledSignal]) -> None:
    up = [s for s in signals if s.set == "up"]
    row = row_of(
        "x", "as it comes", True, {"up": {s.name: scored(3, 1, 2) for s in up}}, [Group("up", tuple(up))], ["up"]
    )
    assert (row.overall["hits"], row.overall["misses"], row.overall["minutes"]) == (6, 2, 1.0)
    assert row.overall["start_latency_median_ms"] is None
    assert row.blink_free is None
