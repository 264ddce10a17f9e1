from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nictate.habits import OWN, SILENCE, TRUSTED, Features, HabitRules, Habits, log_odds

RULES = HabitRules(
    memory_s=120.0, usual_per_min=12.0, doubt=2.0, usual_uv=60.0, weights=(0.3, 1.2, 1.0, 0.7, 1.5, -1.0, 2.0)
)

blinks = st.lists(
    st.tuples(st.floats(0.2, 20.0), st.floats(0.01, 1.0), st.floats(5.0, 500.0), st.booleans()), min_size=1, max_size=20
)
"""Seconds since the last one, how sure the network is, height in µV and whether it goes down."""


def after(of: list[tuple[float, float, float, bool]], gain: float = 1.0) -> Habits:
    """What is known after some blinks, the signal multiplied."""
    habits = Habits(RULES)
    for since_s, sure, height_uv, down in of:
        habits.watch(since_s)
        habits.learn(sure, gain * (-height_uv if down else height_uv))
    return habits


def test_of_a_stranger_nothing_is_known_but_how_large_blinks_are_in_most_people() -> None:
    stranger = Habits(RULES)
    assert stranger.features(-60.0) == pytest.approx(Features(0.0, 0.0, 0.0, 1.0, 0.0), abs=1e-4)
    assert stranger.features(75.0).taller == pytest.approx(math.log(1.25), abs=1e-4)
    assert stranger.features(-48.0).taller == pytest.approx(-math.log(1.25), abs=1e-4)


@given(st.floats(-1e7, 1e7))
def test_no_unit_outweighs_all_else(height_uv: float) -> None:
    assert abs(Habits(RULES).features(height_uv).taller) <= TRUSTED


@given(blinks, st.floats(5.0, 500.0))
def test_the_better_a_person_is_known_the_less_others_count(
    of: list[tuple[float, float, float, bool]], height_uv: float
) -> None:
    seen = [after(of[:k]).features(height_uv) for k in (0, len(of))]
    assert seen[1].unknown < seen[0].unknown
    assert abs(seen[1].taller) <= abs(seen[0].taller)
    many = after([(1.0, 1.0, 100.0, False)] * 100).features(height_uv)
    assert many.unknown == pytest.approx(0.0, abs=0.02)
    assert many.taller == pytest.approx(0.0, abs=0.02)


def test_one_blink_tells_more_of_a_person_than_other_people_do() -> None:
    """Or an amplifier that delivers a third of everything would have its blinks doubted for minutes."""
    one, three = (after([(1.0, 1.0, 20.0, False)] * n).features(20.0) for n in (1, 3))
    assert OWN > 1.0
    assert one.unknown == pytest.approx(1.0 / (1.0 + OWN))
    assert one.taller == pytest.approx(-TRUSTED / (1.0 + OWN))
    assert three.unknown == pytest.approx(1.0 / (1.0 + 3.0 * OWN), rel=0.05)


def test_the_word_of_the_network_stands_where_nothing_else_weighs() -> None:
    habits = Habits(dataclasses.replace(RULES, weights=(0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)))
    habits.watch(5.0)
    habits.learn(1.0, 100.0)
    for p in (0.02, 0.5, 0.97):
        assert habits.log_odds(p, habits.features(-30.0)) == log_odds(p) == pytest.approx(math.log(p / (1 - p)))


@given(blinks)
def test_gain_and_polarity_do_not_matter(of: list[tuple[float, float, float, bool]]) -> None:
    """But for what is believed of strangers. A thousandth of a microvolt guards the logarithm."""
    louder, plain = after(of, gain=-3.0).features(-180.0), after(of).features(60.0)
    assert louder[:-1] == pytest.approx(plain[:-1], abs=1e-2)
    assert louder.taller - plain.taller == pytest.approx(plain.unknown * TRUSTED, abs=1e-2)
    assert after(of, gain=-1.0).features(-90.0).taller == pytest.approx(after(of).features(90.0).taller)


@given(blinks, st.floats(0.1, 100.0), st.integers(2, 30))
def test_how_time_is_cut_does_not_matter(of: list[tuple[float, float, float, bool]], seconds: float, n: int) -> None:
    at_once, bit_by_bit = after(of), after(of)
    at_once.watch(seconds)
    for _ in range(n):
        bit_by_bit.watch(seconds / n)
    assert bit_by_bit.features(60.0) == pytest.approx(at_once.features(60.0), abs=1e-6)


@given(st.floats(0.5, 30.0))
def test_who_blinks_more_is_believed_more(every_s: float) -> None:
    often = [after([(gap, 1.0, 100.0, False)] * 30).features(100.0).often for gap in (every_s, 2 * every_s)]
    assert often[0] > often[1] or often == [-SILENCE, -SILENCE]


def test_who_blinks_as_usual_is_no_exception() -> None:
    assert after([(5.0, 1.0, 100.0, False)] * 60).features(100.0).often == pytest.approx(0.0, abs=0.05)


def test_silence_tells_too_but_only_so_much() -> None:
    habits = Habits(RULES)
    often = []
    for seconds in (0.0, 2.0, 2.0, 50.0, 3600.0):
        habits.watch(seconds)
        often.append(habits.features(50.0).often)
    assert often[:3] == sorted(often[:3], reverse=True)
    assert often[2] == pytest.approx(math.log(2.0 / (120.0 * (1.0 - math.exp(-4.0 / 120.0)) * 0.2 + 2.0)))
    assert often[3:] == [-SILENCE, -SILENCE]


def test_polarity_and_size_of_what_is_known_count_for_a_candidate() -> None:
    habits = after([(3.0, 1.0, 200.0, False)] * 10)
    alike, dip, small, large = (habits.features(height) for height in (200.0, -200.0, 40.0, 900.0))
    assert alike.upright == -dip.upright > 2.0
    assert alike.smaller == pytest.approx(0.0, abs=1e-9)
    assert large.smaller == 0.0
    assert 0.8 < small.smaller / math.log(40 / 200) < 1.0


@given(blinks, st.floats(0.01, 1.0))
def test_a_word_about_what_has_no_height_teaches_nothing(
    of: list[tuple[float, float, float, bool]], sure: float
) -> None:
    taught, plain = after(of), after(of)
    taught.learn(sure, 0.0)
    taught.learn(sure, -0.0)
    assert taught.features(60.0) == plain.features(60.0)


@given(blinks)
def test_what_is_long_ago_is_forgotten(of: list[tuple[float, float, float, bool]]) -> None:
    habits, silent = after(of), Habits(RULES)
    for one in (habits, silent):
        one.watch(40 * RULES.memory_s)
    often, upright, smaller, unknown, taller = habits.features(1.0)
    assert (often, taller) == pytest.approx((silent.features(1.0).often, -TRUSTED), abs=1e-6)
    assert (upright, smaller, unknown) == pytest.approx((0.0, 0.0, 1.0), abs=1e-6)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_log_odds_grow_and_are_odd(p: float, q: float) -> None:
    assert (log_odds(p) <= log_odds(q)) == (min(max(p, 0.01), 0.99) <= min(max(q, 0.01), 0.99))
    assert log_odds(1.0 - p) == pytest.approx(-log_odds(p))
