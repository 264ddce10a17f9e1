from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from made_recordings import person

from nictate.decision import NEVER
from nictate.peers.contest import Row, groups_of
from nictate.peers.ourselves import LEVELS, NAME, confirmed_from, cost_ms, rows_of_detector
from nictate.training.corpus import LabelledSignal
from nictate.training.judge import Judged, judge
from stand_in import CARD, matched_filter

SKIP_S = (1.0, 0.3)


def mistaken(s: LabelledSignal, other: LabelledSignal) -> LabelledSignal:
    """Its second channel shows the blinks of somebody else."""
    samples = s.samples.copy()
    samples[:, 1] = other.samples[:, 0]
    return replace(s, samples=samples)


@pytest.fixture(scope="module")
def signals() -> tuple[LabelledSignal, ...]:
    return (person(1, of="a"), person(2, of="a"), *(mistaken(person(k, of="b"), person(k + 2)) for k in (3, 4)))


@pytest.fixture(scope="module")
def rows(signals: tuple[LabelledSignal, ...]) -> list[Row]:
    return rows_of_detector([Judged(CARD, matched_filter, signals)], groups_of(signals, ["a/sub-2"]), SKIP_S)


def f1(row: Row, group: str) -> float:
    told = row.groups[group]["f1"]
    assert told is not None
    return told


def test_as_it_comes_it_is_the_detector_and_takes_nothing_from_labels(
    signals: tuple[LabelledSignal, ...], rows: list[Row]
) -> None:
    verdict = judge(CARD, matched_filter, signals, SKIP_S)
    row = rows[0]
    assert (row.method, row.setting, row.causal) == (NAME, "as it comes", True)
    assert row.overall == verdict.overall.to_dict()
    assert {name: row.groups[name] for name in ("a", "b")} == {n: s.to_dict() for n, s in verdict.sets.items()}
    assert set(row.chosen.values()) == {"all; as shipped"}


def test_the_more_it_may_choose_the_better_it_does(rows: list[Row]) -> None:
    own, for_all, for_each = rows
    assert [row.setting for row in rows] == ["as it comes", "best for all", "best for each"]
    assert (own.overall["f1"] or 0.0) <= (for_all.overall["f1"] or 0.0)
    for group in own.groups:
        assert max(f1(own, group), f1(for_all, group)) <= f1(for_each, group)


def test_it_chooses_the_channel_as_its_peers_do(rows: list[Row]) -> None:
    own, _, for_each = rows
    assert for_each.chosen["b"].startswith("Fp1; ")
    assert f1(own, "b") < 0.9 < f1(for_each, "b")


def test_one_setting_for_all_is_one_threshold(rows: list[Row]) -> None:
    assert len({chosen.split("; ")[1] for chosen in rows[1].chosen.values()}) == 1


def test_a_part_of_a_set_is_told_but_counts_once(signals: tuple[LabelledSignal, ...], rows: list[Row]) -> None:
    plain = rows_of_detector([Judged(CARD, matched_filter, signals)], groups_of(signals), SKIP_S)
    assert [row.overall for row in plain] == [row.overall for row in rows]
    part = rows[0].groups["a, certain labels"]
    assert part == judge(CARD, matched_filter, signals[:1], SKIP_S).overall.to_dict()


def test_each_recording_is_heard_by_its_own_model(signals: tuple[LabelledSignal, ...]) -> None:
    def deaf(
        channels: npt.NDArray[np.float32], source: npt.NDArray[np.float32], trusted: bool
    ) -> npt.NDArray[np.float64]:
        return np.zeros_like(matched_filter(channels, source, trusted))

    told: list[str] = []
    models = [Judged(CARD, matched_filter, signals[:1]), Judged(CARD, deaf, signals[1:2])]
    two = signals[:2]
    own, *_ = rows_of_detector(models, groups_of(two, ["a/sub-2"]), SKIP_S, heard=told.append)
    assert f1(own, "a, certain labels") > 0.9
    assert own.groups["a"]["hits"] == own.groups["a, certain labels"]["hits"]
    assert sorted(told) == [s.name for s in two]


def test_sets_whose_filter_has_shifted_blinks_tell_no_delays(signals: tuple[LabelledSignal, ...]) -> None:
    models = [Judged(CARD, matched_filter, signals)]
    for row in rows_of_detector(models, groups_of(signals), SKIP_S, zero_phase=["b"]):
        assert row.groups["b"]["start_latency_median_ms"] is None
        assert row.groups["a"]["start_latency_median_ms"] == row.overall["start_latency_median_ms"] is not None


@pytest.mark.parametrize("level", LEVELS)
def test_a_look_ahead_that_is_not_asked_stays_unasked(level: float | None) -> None:
    rules = CARD.decision
    assert confirmed_from(rules, level) == (
        rules if level is None else dataclasses.replace(rules, confirm=(NEVER, level))
    )


def test_the_cost_is_that_of_the_detector_on_one_channel(signals: tuple[LabelledSignal, ...]) -> None:
    heard: list[int] = []

    def network(
        channels: npt.NDArray[np.float32], source: npt.NDArray[np.float32], trusted: bool
    ) -> npt.NDArray[np.float64]:
        heard.append(len(channels))
        return matched_filter(channels, source, trusted)

    assert cost_ms(CARD, network, signals, at_least_s=1.0) > 0.0
    assert set(heard) == {1}
