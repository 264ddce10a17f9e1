from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from made_people import person
from made_words import deflected, spoken

from nictate.decision import NEVER, DecisionRules
from nictate.training.choose import ALIKE, CONFIRMS, STARTS, UNCONFIRMED, choose, choose_start, smooth, startings
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import Score
from nictate.training.heard import Heard, outcome
from stand_in import CARD

AT = np.arange(2.0, 28.0, 1.2).tolist()
PEAKS, OTHERS = AT[::2], AT[1::2]


@pytest.fixture(scope="module")
def someone() -> LabelledSignal:
    """Half of the deflections are blinks. The others look the same: nothing but the network can tell."""
    return deflected(person(5, lasting_s=30.0), PEAKS, OTHERS, 1.0)


@pytest.mark.parametrize(("true", "false"), [(0.62, 0.37), (0.78, 0.57), (0.43, 0.16)])
def test_what_can_be_told_apart_is(someone: LabelledSignal, true: float, false: float) -> None:
    words = {**dict.fromkeys(OTHERS, false), **dict.fromkeys(PEAKS, true)}
    heard = [spoken(CARD, someone, (words, words))]
    assert outcome(CARD, choose(CARD, heard), heard).f1 == 1.0


@pytest.mark.parametrize(("looks_s", "asked"), [((0.14, 0.4), 2), ((0.12, 0.4), 2), ((0.1, 0.4), 1), ((0.06, 0.1), 1)])
def test_look_aheads_that_have_seen_enough_confirm_together(
    someone: LabelledSignal, looks_s: tuple[float, float], asked: int
) -> None:
    """Each is silent of every other blink; the longest is always asked."""
    card = dataclasses.replace(CARD, looks_s=looks_s)
    heard = [spoken(card, someone, (dict.fromkeys(PEAKS[::2], 0.9), dict.fromkeys(PEAKS[1::2], 0.9)))]
    rules = choose(card, heard)
    assert sum(p < NEVER for p in rules.confirm) == asked
    assert rules.confirm[-1] < NEVER
    assert outcome(card, rules, heard).recall == pytest.approx(asked / 2, abs=0.05)


def test_what_has_seen_too_little_confirms_nothing(someone: LabelledSignal) -> None:
    """It is as sure as the longest one, of what is none."""
    heard = [spoken(CARD, someone, (dict.fromkeys(AT, 0.9), dict.fromkeys(PEAKS, 0.9)))]
    assert outcome(CARD, choose(CARD, heard), heard).f1 == 1.0


def test_of_thresholds_that_do_alike_the_middle_is_taken(
    someone: LabelledSignal, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {**dict.fromkeys(OTHERS, 0.15), **dict.fromkeys(PEAKS, 0.97)}
    heard = [spoken(CARD, someone, (words, words))]
    figures = [0.0, 0.8, 0.9, 0.9 - 0.9 * ALIKE, 0.9, 0.9 - 1.1 * ALIKE, 0.1, 0.0]
    monkeypatch.setattr("nictate.training.choose.smooth", lambda _: figures)
    assert choose(CARD, heard).confirm[-1] == CONFIRMS[3]
    monkeypatch.setattr("nictate.training.choose.smooth", lambda _: [1.0] * len(figures))
    assert choose(CARD, heard).confirm[-1] == CONFIRMS[len(CONFIRMS) // 2]


def test_each_threshold_is_judged_with_those_next_to_it() -> None:
    assert smooth([0.9] * 5) == pytest.approx([0.9] * 5)
    spike, slope = smooth([0.8, 0.8, 0.95, 0.8, 0.9, 0.9, 0.89]), smooth([0.1, 0.4, 0.7])
    assert int(np.argmax(spike)) == 5  # One blink more at a single threshold is no reason to take it.
    assert slope == pytest.approx([0.25, 0.4, 0.55])


def test_it_is_the_smoothed_figures_by_which_thresholds_are_chosen(
    someone: LabelledSignal, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = [spoken(CARD, someone, (dict.fromkeys(PEAKS, 0.97), dict.fromkeys(PEAKS, 0.99)))]
    monkeypatch.setattr("nictate.training.choose.smooth", lambda of: [float(k == 2) for k in range(len(of))])
    assert choose(CARD, heard).confirm[-1] == CONFIRMS[2]


def hasty(s: LabelledSignal, false: float) -> Heard:
    """First the network is half sure of a blink, later quite; and early it is somewhat sure of what is none."""
    early = {**dict.fromkeys(OTHERS, false), **dict.fromkeys(PEAKS, 0.73)}
    return spoken(CARD, s, (early, dict.fromkeys(PEAKS, 0.9)))


def tried(heard: list[Heard], rules: DecisionRules) -> dict[tuple[float, ...], tuple[float, float]]:
    """Share of the starts that nothing completes, and mean delay, by what may start."""

    def measured(s: Score) -> tuple[float, float]:
        assert s.hits
        return s.unconfirmed / (s.hits + s.false_alarms + s.unconfirmed), float(np.mean(s.start_latency_s))

    confirm = rules.confirm[1]
    options = {(p, min(q, confirm)) for p in STARTS for q in STARTS if q <= p}
    return {p: measured(outcome(CARD, dataclasses.replace(rules, start=p), heard)) for p in options}


@pytest.mark.parametrize("false", [0.02, 0.55, 0.72])
def test_a_start_is_as_early_as_can_be_trusted(someone: LabelledSignal, false: float) -> None:
    heard = [hasty(someone, false)]
    rules = dataclasses.replace(CARD.decision, confirm=(NEVER, 0.7))
    rules = dataclasses.replace(rules, start=choose_start(CARD, rules, heard))
    known = tried(heard, rules)
    unconfirmed, delay_s = known[rules.start]
    trusted = [late for share, late in known.values() if share <= UNCONFIRMED]
    assert unconfirmed <= UNCONFIRMED
    assert delay_s == min(trusted)
    assert rules.start[0] > false
    # There was something to choose from: earlier ones that cannot be trusted, or later ones that can.
    assert len({share > UNCONFIRMED for share, _ in known.values()}) + len(set(trusted)) >= 3


@pytest.mark.parametrize("confirm", [(NEVER, NEVER, 0.4, 0.4), (0.5, 0.5, 0.5, 0.5), (NEVER, 0.7), (0.3,)])
def test_the_later_a_word_the_less_sure_it_must_be_and_what_confirms_starts(confirm: tuple[float, ...]) -> None:
    options = startings(confirm)
    assert len(set(options)) > 1 or confirm == (0.3,)
    for start in options:
        assert len(start) == len(confirm)
        assert list(start) == sorted(start, reverse=True)
        assert all(a <= b for a, b in zip(start, confirm, strict=True))
    assert confirm in options


def test_where_no_early_word_can_be_trusted_a_start_comes_with_what_confirms(someone: LabelledSignal) -> None:
    early = {**dict.fromkeys(OTHERS, 0.99), **dict.fromkeys(OTHERS[::2], 0.58)}
    heard = [spoken(CARD, someone, (early, dict.fromkeys(PEAKS, 0.9)))]
    rules = choose(CARD, heard)
    shares = {start: share for start, (share, _) in tried(heard, rules).items()}
    assert rules.start[0] == NEVER
    assert shares[rules.start] <= UNCONFIRMED
    assert all(share > UNCONFIRMED for start, share in shares.items() if start[0] < NEVER)


def test_nothing_but_thresholds_and_the_weights_of_habits_is_chosen(someone: LabelledSignal) -> None:
    words = {**dict.fromkeys(OTHERS, 0.4), **dict.fromkeys(PEAKS, 0.8)}
    rules, old = choose(CARD, [spoken(CARD, someone, (words, words))]), CARD.decision
    assert rules.habits.weights != old.habits.weights
    habits = dataclasses.replace(rules.habits, weights=old.habits.weights)
    assert dataclasses.replace(rules, start=old.start, confirm=old.confirm, habits=habits) == old


def test_each_look_ahead_has_its_thresholds_and_the_same_words_give_the_same(someone: LabelledSignal) -> None:
    words = {**dict.fromkeys(OTHERS, 0.4), **dict.fromkeys(PEAKS, 0.8)}
    looks_s = (0.1, 0.2, 0.3, 0.4)
    card = dataclasses.replace(
        CARD, looks_s=looks_s, decision=dataclasses.replace(CARD.decision, start=(0.5,) * 4, confirm=(0.5,) * 4)
    )
    heard = [spoken(card, someone, (words,) * 4)]
    rules = choose(card, heard)
    asked_of = [p for p in rules.confirm if p < NEVER]
    assert len(set(asked_of)) == 1
    assert rules.confirm == (NEVER,) * (4 - len(asked_of)) + tuple(asked_of)
    assert rules.start in startings(rules.confirm)
    card = dataclasses.replace(card, decision=rules)
    assert type(card).from_json(card.to_json()) == card
    assert choose(card, heard) == rules
