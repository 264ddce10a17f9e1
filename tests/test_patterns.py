"""Patterns: what holds of any blinks, then the rules one by one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nictate.patterns import BOUNDS, BY_COUNT, TOLD_S, PatternRules, Patterns
from nictate.signals import BlinkEvent, ConfigError

EARLY = PatternRules()
LATE = PatternRules(exclusive=True)
each_rules = pytest.mark.parametrize("rules", [EARLY, LATE])


def blink(onset: float, amplitude: float = -100.0, confidence: float = 0.9, late_s: float = 0.25) -> BlinkEvent:
    """0.2 s long, its peak in the middle, told ``late_s`` after its onset."""
    return BlinkEvent(
        "blink", onset, onset + 0.1, onset + 0.2, amplitude, confidence, onset + late_s, completes=onset + 0.1
    )


def patterns(rules: PatternRules, events: Sequence[BlinkEvent]) -> list[BlinkEvent]:
    """All of a stream that goes on for a while after its last event."""
    followed = Patterns(rules)
    told = [pattern for event in events for pattern in followed.push(event)]
    return told + followed.advance(events[-1].decided + 10.0) if events else told


def after(pauses: Sequence[float]) -> list[BlinkEvent]:
    """Blinks with these pauses from the end of one to the onset of the next; one more than pauses."""
    onset, events = 10.0, [blink(10.0)]
    for pause in pauses:
        onset += 0.2 + pause
        events.append(blink(onset))
    return events


@st.composite
def streams(draw: st.DrawFn) -> list[BlinkEvent]:
    events, onset = [], 0.0
    for pause in draw(st.lists(st.one_of(st.integers(5, 60), st.integers(60, 400)), max_size=25)):
        onset += 0.2 + pause / 100.0
        height = draw(st.sampled_from([-100.0, -70.0, 90.0, -30.0]))
        events.append(blink(onset, height, draw(st.sampled_from([0.4, 0.6, 0.99])), draw(st.sampled_from([0.2, 0.25]))))
    return events


# --- laws -------------------------------------------------------------------------------------------------------------


@each_rules
@given(events=streams(), data=st.data())
def test_how_often_time_is_told_changes_nothing(
    rules: PatternRules, events: list[BlinkEvent], data: st.DataObject
) -> None:
    """The stream may come in blocks of any length: `advance` is called after each with what has been seen so far."""
    followed = Patterns(rules)
    told, now = [], 0.0
    for event in events:
        for share in sorted(data.draw(st.lists(st.floats(0.0, 1.0), max_size=3))):
            told += followed.advance(now + share * (event.decided - now))
            assert all(pattern.decided <= event.decided for pattern in told)
        told += followed.push(event)
        assert all(pattern.decided <= event.decided for pattern in told)
        now = event.decided
    assert told + followed.advance(now + 10.0) == patterns(rules, events)


@each_rules
@given(events=streams(), data=st.data())
def test_the_patterns_of_a_prefix_are_a_prefix_of_the_patterns(
    rules: PatternRules, events: list[BlinkEvent], data: st.DataObject
) -> None:
    followed = Patterns(rules)
    some = events[: data.draw(st.integers(0, len(events)))]
    of_prefix = [pattern for event in some for pattern in followed.push(event)]
    assert patterns(rules, events)[: len(of_prefix)] == of_prefix


@each_rules
@given(events=streams())
def test_each_pattern_is_made_of_blinks_that_belong_together(rules: PatternRules, events: list[BlinkEvent]) -> None:
    told = patterns(rules, events)
    assert [pattern.decided for pattern in told] == sorted(pattern.decided for pattern in told)
    for pattern in told:
        count = {kind: count for count, kind in BY_COUNT.items()}[pattern.kind]
        (last,) = (k for k, e in enumerate(events) if e.peak == pattern.peak)
        sure = [e for e in events[: last + 1] if e.confidence >= rules.least_confidence]
        parts = sure[-count:]
        assert len(parts) == count
        assert pattern.onset == parts[0].onset
        assert pattern.end == parts[-1].end
        assert pattern.amplitude in {e.amplitude for e in parts}
        assert abs(pattern.amplitude or 0.0) == max(abs(e.amplitude or 0.0) for e in parts)
        assert pattern.confidence == min(e.confidence for e in parts)
        assert pattern.decided >= parts[-1].decided
        assert pattern.completes is pattern.features is None
        for first, second in pairwise(parts):
            assert first.end is not None
            assert second.onset - first.end <= rules.within_s


@given(streams(), st.sampled_from([0.5, 64.0, 2.0**20]))
def test_shifted_blinks_give_shifted_patterns(events: list[BlinkEvent], shift_s: float) -> None:
    for rules in (EARLY, LATE):
        # Off the very border of the rule, where rounding would decide.
        rules = dataclasses.replace(rules, within_s=0.355)
        there = patterns(rules, [event.shifted(shift_s) for event in events])
        here = patterns(rules, events)
        assert [(p.kind, p.confidence) for p in there] == [(p.kind, p.confidence) for p in here]
        assert [p.onset for p in there] == pytest.approx([p.onset + shift_s for p in here], rel=0, abs=1e-6)


@given(streams())
def test_who_waits_tells_only_what_was_told_at_once(events: list[BlinkEvent]) -> None:
    at_once = {(p.kind, p.peak) for p in patterns(EARLY, events)}
    assert {(p.kind, p.peak) for p in patterns(LATE, events)} <= at_once


def test_these_streams_have_patterns() -> None:
    """Or else the laws would hold of nothing."""
    assert [p.kind for p in patterns(EARLY, after([0.1, 0.1]))] == ["blink/double", "blink/triple"]
    assert [p.kind for p in patterns(LATE, after([0.1, 0.1]))] == ["blink/triple"]


# --- rules ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pauses", "early", "late"),
    [
        ([], [], []),
        ([0.34], ["double"], ["double"]),
        ([0.36], [], []),
        ([0.2, 0.2], ["double", "triple"], ["triple"]),
        ([0.2, 0.2, 0.2], ["double", "triple"], []),
        ([0.2, 0.2, 0.2, 0.2, 0.2], ["double", "triple"], []),
        ([0.2, 2.0, 0.2, 0.2], ["double", "double", "triple"], ["double", "triple"]),
    ],
)
def test_so_many_in_succession(pauses: list[float], early: list[str], late: list[str]) -> None:
    assert [p.kind.removeprefix("blink/") for p in patterns(EARLY, after(pauses))] == early
    assert [p.kind.removeprefix("blink/") for p in patterns(LATE, after(pauses))] == late


def test_a_double_is_told_at_its_second_blink() -> None:
    events = after([0.2])
    followed = Patterns(EARLY)
    assert followed.push(events[0]) == []
    (pattern,) = followed.push(events[1])
    assert pattern.decided == events[1].decided
    assert followed.advance(100.0) == []


def test_who_waits_tells_it_when_no_third_can_come_any_more() -> None:
    events = after([0.2])
    followed = Patterns(LATE)
    assert [p for event in events for p in followed.push(event)] == []
    assert events[1].end is not None
    limit = events[1].end + LATE.within_s + TOLD_S
    assert followed.advance(limit) == []
    (pattern,) = followed.advance(limit + 1.0)
    assert pattern.decided == limit
    assert followed.advance(limit + 2.0) == []


def test_who_waits_tells_it_at_once_when_the_next_is_another() -> None:
    events = after([0.2, 0.4])
    followed = Patterns(LATE)
    told = [(p, event) for event in events for p in followed.push(event)]
    assert [(p.kind, p.peak, p.decided) for p, _ in told] == [("blink/double", events[1].peak, events[2].decided)]


def test_nothing_reaches_over_a_hole() -> None:
    for rules in (EARLY, LATE):
        first, second = after([0.2])
        followed = Patterns(rules)
        assert followed.push(first) == []
        followed.restart()
        assert followed.push(second) + followed.advance(100.0) == []
    followed = Patterns(LATE)
    assert followed.push(first) + followed.push(second) == []
    followed.restart()
    assert followed.advance(100.0) == []


@each_rules
def test_what_is_not_sure_makes_no_pattern(rules: PatternRules) -> None:
    first, second = after([0.2])
    assert patterns(rules, [first, dataclasses.replace(second, confidence=0.49)]) == []
    assert patterns(
        dataclasses.replace(rules, least_confidence=0.4), [first, dataclasses.replace(second, confidence=0.49)]
    )


@each_rules
def test_blinks_that_belong_together_are_alike(rules: PatternRules) -> None:
    first, second = after([0.2])
    for height, told in ((-39.0, 0), (-41.0, 1), (-240.0, 1), (-260.0, 0)):
        assert len(patterns(rules, [first, dataclasses.replace(second, amplitude=height)])) == told


@each_rules
def test_other_events_are_no_blinks(rules: PatternRules) -> None:
    first, second = after([0.2])
    start = BlinkEvent("blink/start", second.onset, None, None, None, 0.9, second.onset + 0.1)
    long = dataclasses.replace(second, kind="blink/long")
    assert [p.kind for p in patterns(rules, [first, start, second])] == ["blink/double"]
    assert patterns(rules, [first, start, long]) == []


@each_rules
def test_what_is_held_does_not_grow(rules: PatternRules) -> None:
    followed = Patterns(rules)
    for event in after([0.1] * 500):
        followed.push(event)
        assert len(followed._chain) <= 3


@pytest.mark.parametrize("name", BOUNDS)
def test_a_rule_that_cannot_be_is_named(name: str) -> None:
    low, high = BOUNDS[name]
    for value in (low - 0.1, high + 0.1, float("nan"), "0.4", True, None):
        with pytest.raises(ConfigError, match=f"^{name} = "):
            dataclasses.replace(EARLY, **{name: value})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="exclusive = 1: true or false"):
        PatternRules(exclusive=1)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="longest_s"):
        PatternRules(long_s=2.0, longest_s=1.5)
