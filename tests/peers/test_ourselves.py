from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from made_recordings import person, scored

from nictate.peers.contest import groups_of
from nictate.peers.ourselves import NAME, cost_ms, cross_validated, held_out
from nictate.signals import ConfigError
from nictate.training.corpus import LabelledSignal
from nictate.training.scores import Score, add, delays
from stand_in import CARD, matched_filter


@pytest.fixture(scope="module")
def signals() -> list[LabelledSignal]:
    return [person(1, of="a"), person(2, of="a"), person(3, of="b")]


def scores(signals: list[LabelledSignal]) -> dict[str, Score]:
    return {s.name: scored(10 * k, 1, 2) for k, s in enumerate(signals, start=1)}


def verdict(signals: list[LabelledSignal]) -> dict[str, Any]:
    """As `nictate.training.judge.Verdict` tells it, as far as it is asked for."""
    found = scores(signals)
    sets = {name: add(found[s.name] for s in signals if s.set == name) for name in ("a", "b")}
    return {
        "recordings": {
            name: {
                **one.to_dict(),
                "delays_ms": {key: [1e3 * delay_s for delay_s in of] for key, of in delays(one).items()},
            }
            for name, one in found.items()
        },
        "sets": {name: one.to_dict() for name, one in sets.items()},
        "overall": add(found.values()).to_dict(),
    }


def test_held_out_and_cross_validated_figures_are_told_alike(signals: list[LabelledSignal], tmp_path: Path) -> None:
    groups = groups_of(signals, ["a/sub-2"])
    (tmp_path / "all.json").write_text(json.dumps(verdict(signals)), encoding="utf-8")
    ours, crossed = held_out(scores(signals), groups), cross_validated(tmp_path / "all.json", groups)
    assert ours.method == crossed.method == NAME
    assert ours.overall == crossed.overall
    assert {g: ours.groups[g] for g in ("a", "b")} == {g: crossed.groups[g] for g in ("a", "b")}
    # Of parts only what adds up is known.
    assert crossed.groups["a, certain labels"]["f1"] == ours.groups["a, certain labels"]["f1"]
    assert crossed.groups["a, certain labels"]["blink_latency_median_ms"] is None


@pytest.mark.parametrize("zero_phase", [(), ("a",), ("b",), ("a", "b"), ("c",)])
def test_sets_whose_filter_has_shifted_blinks_tell_no_delays(
    signals: list[LabelledSignal], tmp_path: Path, zero_phase: tuple[str, ...]
) -> None:
    """As for its peers."""
    groups = groups_of(signals)
    (tmp_path / "all.json").write_text(json.dumps(verdict(signals)), encoding="utf-8")
    ours, crossed = (
        held_out(scores(signals), groups, zero_phase),
        cross_validated(tmp_path / "all.json", groups, zero_phase),
    )
    assert crossed.overall == pytest.approx(ours.overall)
    for group in ("a", "b"):
        assert crossed.groups[group] == pytest.approx(ours.groups[group])
    told = [crossed.groups[group]["start_latency_median_ms"] is not None for group in ("a", "b")]
    assert told == [group not in zero_phase for group in ("a", "b")]


def test_a_file_without_each_delay_tells_none_where_some_are_left_out(
    signals: list[LabelledSignal], tmp_path: Path
) -> None:
    told = verdict(signals)
    del told["recordings"][signals[2].name]["delays_ms"]
    (tmp_path / "old.json").write_text(json.dumps(told), encoding="utf-8")
    row = cross_validated(tmp_path / "old.json", groups_of(signals), ["a"])
    assert row.overall["start_latency_median_ms"] is row.groups["a"]["start_latency_p95_ms"] is None
    assert row.overall["f1"] == told["overall"]["f1"]


def test_parts_of_sets_are_left_out_where_recordings_are_not_told_of(
    signals: list[LabelledSignal], tmp_path: Path
) -> None:
    told = {key: value for key, value in verdict(signals).items() if key != "recordings"}
    (tmp_path / "sets.json").write_text(json.dumps(told), encoding="utf-8")
    row = cross_validated(tmp_path / "sets.json", groups_of(signals, ["a/sub-2"]))
    assert set(row.groups) == {"a", "b"}


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ("{", "no figures of a cross-validation"),
        ("[]", "'sets' and 'overall' are wanted"),
        ({"sets": {}}, "'sets' and 'overall' are wanted"),
        ({"sets": {"a": {}}, "overall": {}}, "no figures of b: cross-validate on the same folder"),
        (None, "no figures of a cross-validation"),
    ],
)
def test_a_file_that_tells_too_little_is_named(
    signals: list[LabelledSignal], tmp_path: Path, told: Any, complaint: str
) -> None:
    path = tmp_path / "figures.json"
    if told is not None:
        path.write_text(told if isinstance(told, str) else json.dumps(told), encoding="utf-8")
    with pytest.raises(ConfigError, match=complaint) as caught:
        cross_validated(path, groups_of(signals))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_cost_is_that_of_the_detector_on_one_channel(signals: list[LabelledSignal]) -> None:
    heard: list[int] = []

    def network(
        channels: npt.NDArray[np.float32], source: npt.NDArray[np.float32], trusted: bool
    ) -> npt.NDArray[np.float64]:
        heard.append(len(channels))
        return matched_filter(channels, source, trusted)

    assert cost_ms(CARD, network, signals, at_least_s=1.0) > 0.0
    assert set(heard) == {1}
