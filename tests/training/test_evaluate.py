from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from nictate.signals import BlinkEvent, FloatArray
from nictate.training.evaluate import TOLERANCE_S, Truth, match, score

NONE = np.empty((0, 2))
WHOLE = (0.0, 0.0)
Span = tuple[float, float]

# Crowded, so that detections have choices, and on a grid that makes ties.
instants = st.integers(-20, 320).map(lambda k: k / 100)
spans = st.tuples(st.integers(0, 280), st.integers(0, 40)).map(lambda s: (s[0] / 100, sum(s) / 100))


def truth(blinks: list[Span], ignore: list[Span] | None = None) -> Truth:
    rows = np.array([(a, 0.5 * (a + b), b) for a, b in blinks]).reshape(-1, 3)
    return Truth(rows, np.array(ignore or []).reshape(-1, 2), 10.0)


def fits(peak: float, blink: FloatArray) -> bool:
    return bool(blink[0] - TOLERANCE_S <= peak <= blink[2] + TOLERANCE_S)


def blink(peak: float, decided: float | None = None, completes: float | None = None) -> BlinkEvent:
    decided = peak + 0.4 if decided is None else decided
    return BlinkEvent("blink", peak - 0.1, peak, peak + 0.2, 100.0, 0.9, decided, completes)


def start(onset: float, decided: float) -> BlinkEvent:
    return BlinkEvent("blink/start", onset, None, None, None, 0.8, decided)


@settings(deadline=None, max_examples=300)
@given(peaks=st.lists(instants, max_size=9), blinks=st.lists(spans, max_size=9))
def test_matching_is_one_to_one_and_as_large_as_any(peaks: list[float], blinks: list[Span]) -> None:
    said, there = np.array(peaks, dtype=np.float64), truth(blinks)
    found = match(said, there, (-math.inf, -math.inf))
    for k, j in found.pairs:
        assert fits(said[k], there.blinks[j])
    assert sorted([k for k, _ in found.pairs] + list(found.false)) == list(range(len(peaks)))
    assert sorted([j for _, j in found.pairs] + list(found.missed)) == list(range(len(blinks)))
    possible = np.array([[fits(p, b) for b in there.blinks] for p in said]).reshape(len(said), len(there.blinks))
    rows, columns = linear_sum_assignment(possible, maximize=True)
    assert len(found.pairs) == possible[rows, columns].sum()


@settings(deadline=None, max_examples=100)
@given(
    peaks=st.lists(instants, max_size=9), blinks=st.lists(spans, max_size=9), order=st.randoms(use_true_random=False)
)
def test_neither_the_order_of_detections_nor_that_of_labels_matters(
    peaks: list[float], blinks: list[Span], order: random.Random
) -> None:
    before = match(np.array(peaks, dtype=np.float64), truth(blinks))
    order.shuffle(peaks)
    order.shuffle(blinks)
    after = match(np.array(peaks, dtype=np.float64), truth(blinks))
    assert [len(part) for part in (before.pairs, before.missed, before.false)] == [
        len(part) for part in (after.pairs, after.missed, after.false)
    ]


@pytest.mark.parametrize(("peak", "right"), [(4.8999, False), (4.9001, True), (5.2999, True), (5.3001, False)])
def test_a_detection_is_right_within_a_tenth_of_a_second_of_the_span(peak: float, right: bool) -> None:
    assert TOLERANCE_S == 0.1
    found = score([blink(peak)], truth([(5.0, 5.2)]))
    assert (found.hits, found.misses, found.false_alarms) == ((1, 0, 0) if right else (0, 1, 1))


def test_of_two_detections_of_one_blink_one_is_false() -> None:
    found = score([blink(5.05), blink(5.15)], truth([(5.0, 5.2)]))
    assert (found.hits, found.misses, found.false_alarms) == (1, 0, 1)


def test_ignored_time_counts_neither_way() -> None:
    there = truth([(5.0, 5.2)], [(3.0, 4.0), (3.5, 4.5)])
    found = score([blink(2.99), blink(3.0), blink(4.5), blink(4.51), start(3.2, 3.3), start(2.0, 2.1)], there)
    assert (found.hits, found.misses, found.false_alarms) == (0, 1, 2)
    assert found.unconfirmed == 1
    assert found.scored_s == pytest.approx(10.0 - 1.3 - 1.5)


def test_a_labelled_blink_within_ignored_time_is_still_a_hit() -> None:
    assert score([blink(5.1)], truth([(5.0, 5.2)], [(4.0, 6.0)])).hits == 1


@pytest.mark.parametrize(("at", "counts"), [(0.99, False), (1.0, True), (9.7, True), (9.71, False)])
def test_the_margins_of_a_recording_count_neither_way(at: float, counts: bool) -> None:
    lone = score([blink(at)], truth([]))
    assert lone.false_alarms == counts
    missed = score([], truth([(at, at)]))
    assert missed.misses == counts
    assert score([start(at, at + 0.1)], truth([])).unconfirmed == counts
    assert score([blink(at)], truth([]), WHOLE).false_alarms == 1


def test_a_detection_of_a_blink_in_the_margin_is_not_a_false_alarm() -> None:
    found = score([blink(1.05)], truth([(0.8, 1.0)]))  # The label's peak, 0.9, is in the margin; the detection is not.
    assert (found.hits, found.misses, found.false_alarms) == (0, 0, 0)


@settings(deadline=None, max_examples=100)
@given(ignore=st.lists(st.tuples(st.integers(-50, 1100), st.integers(0, 300)), max_size=6))
def test_scored_time_is_what_no_margin_and_no_interval_covers(ignore: list[tuple[int, int]]) -> None:
    there = truth([], [(a / 100, (a + n) / 100) for a, n in ignore])
    slots = np.arange(1000)  # of 10 ms
    free = (slots >= 100) & (slots < 970)
    for a, n in ignore:
        free &= ~((slots >= a) & (slots < a + n))
    assert score([], there).scored_s == pytest.approx(free.sum() / 100, abs=1e-9)


def test_delays_are_measured_from_labelled_peaks() -> None:
    there = Truth(np.array([[2.0, 2.1, 2.3], [5.0, np.nan, 5.2]]), NONE, 10.0)
    events = [start(2.0, 2.2), blink(2.125, 2.5, 2.2), blink(5.1, 5.5, 5.5), start(5.0, 5.5), start(7.0, 7.2)]
    found = score(events, there)
    assert found.hits == 2
    assert found.unconfirmed == 1
    assert found.start_latency_s == pytest.approx([0.1])
    assert found.blink_latency_s == pytest.approx([0.4])
    assert found.peak_error_s == pytest.approx([0.025])
    # These need no peak of the label.
    assert found.start_after_onset_s == pytest.approx([0.2, 0.5])
    assert found.blink_after_onset_s == pytest.approx([0.5, 0.5])
    assert found.blink_after_end_s == pytest.approx([0.2, 0.3])
    assert found.duration_error_s == pytest.approx([0.0, 0.1])
    assert found.starts == 3
