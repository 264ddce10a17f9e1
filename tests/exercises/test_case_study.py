from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from nictate.exercises import case_study
from nictate.exercises.case_study import (
    accuracy_of_never,
    at_random,
    average_precision,
    baseline,
    by_heart,
    by_person,
    cleaned,
    events_above,
    frontal,
    kept_apart,
    labels,
    matched,
    people,
    roc_area,
    windows,
)
from nictate.simulate import Profile, Simulator
from nictate.training.corpus import LabelledSignal
from nictate.training.dataset import answers
from nictate.training.evaluate import Truth, score
from nictate.training.recipe import Recipe

RATE_HZ = 128.0


def person(seed: int, *, channels: int = 4, lasting_s: float = 20.0, inverted: bool = False) -> LabelledSignal:
    profile = Profile(blinks_per_min=24, half_share=0, double_share=0, long_share=0, inverted=inverted)
    simulator = Simulator(channels, RATE_HZ, seed=seed, profile=profile)
    block = simulator.pull(round(lasting_s * RATE_HZ))
    blinks = np.array([(b.onset, b.peak, b.end) for b in simulator.blinks()]).reshape(-1, 3)
    return LabelledSignal(
        name=f"made/{seed}",
        set="made",
        subject=f"made/{seed}",
        licence="simulated",
        montage=simulator.montage,
        samples=block.samples.astype(np.float32),
        times=block.times,
        truth=Truth(blinks, np.empty((0, 2)), lasting_s),
        polarity=-1.0 if inverted else 1.0,
    )


@pytest.fixture(scope="module")
def few() -> Iterator[None]:
    """Fewer people, who are there for a shorter time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(case_study, "PEOPLE", 3)
        patch.setattr(case_study, "LASTING_S", 12.0)
        for cached in (people, windows):
            cached.cache_clear()
        yield
    for cached in (people, windows):
        cached.cache_clear()


def test_labels_are_those_that_the_network_is_taught() -> None:
    recipe = Recipe()
    truth = person(1).truth
    times = np.arange(0.0, truth.duration_s, 0.02)
    card = recipe.card()
    late = answers(recipe, card, times + card.looks_s[-1], truth.spans, truth.ignore, truth.duration_s)[0][-1]
    valley = late != labels(truth, times, 2.0 * recipe.core_s)  # Between two blinks that are close it is taught none.
    assert valley.mean() < 0.01
    assert late.any()


def test_one_sample_a_blink_and_never_is_nearly_always_right() -> None:
    truth = Truth(np.array([[1.0, 1.1, 1.3], [5.0, 5.1, 5.3]]), np.empty((0, 2)), 8.0)
    found = labels(truth, np.arange(2000) / 250.0, 1.0 / 250.0)
    assert np.flatnonzero(found).tolist() == [275, 1275]
    assert accuracy_of_never(found) == pytest.approx(0.999)


def test_areas_by_their_definitions() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(300) < 0.1
    p = rng.random(300) + 0.3 * truth
    pairs = p[truth][:, np.newaxis] - p[~truth]
    assert roc_area(p, truth) == pytest.approx((pairs > 0).mean())
    assert roc_area(np.zeros(300), truth) == pytest.approx(0.5)
    assert roc_area(-p, truth) == pytest.approx(1.0 - roc_area(p, truth))
    at_each = [truth[p >= threshold].mean() for threshold in p[truth]]
    assert average_precision(p, truth) == pytest.approx(np.mean(at_each))
    assert average_precision(truth.astype(float), truth) == 1.0


def test_more_negatives_leave_roc_alone_and_take_precision_away() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(2000) < 0.1
    p = rng.standard_normal(2000) + 2.0 * truth
    more = np.concatenate((truth, np.zeros(20 * int((~truth).sum()), dtype=np.bool_)))
    q = np.concatenate((p, np.tile(p[~truth], 20)))
    assert roc_area(q, more) == pytest.approx(roc_area(p, truth), abs=1e-9)
    assert average_precision(q, more) < 0.6 * average_precision(p, truth)


def test_what_is_known_by_heart_is_right_where_it_was_seen() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 6)).astype(np.float32), rng.random(40) < 0.5
    test = np.arange(80) < 40
    twice, answer = np.tile(x, (2, 1)), np.tile(y, 2)
    assert by_heart(twice, answer, test) == 1.0
    assert by_heart(twice, np.concatenate((y, ~y)), test) == 0.0


@pytest.mark.usefixtures("few")
def test_splits_keep_people_apart_or_not() -> None:
    learn, test = kept_apart(people())
    assert {s.subject for s in learn} | {s.subject for s in test} == {s.subject for s in people()}
    assert not {s.subject for s in learn} & {s.subject for s in test}
    seen = windows()
    assert set(seen.person) == set(range(3))
    assert np.all(np.diff(seen.x, axis=1) >= 0.0)
    tested = {people()[k].name for k in seen.person[by_person()]}
    assert tested == {s.name for s in test}
    assert len({people()[k].name for k in seen.person[~at_random()]} & tested) == len(tested)
    assert at_random().mean() == pytest.approx(0.3, abs=0.05)
    assert seen.blink.any()


def test_the_baseline_finds_blinks_of_either_polarity_whatever_the_gain() -> None:
    up, down = person(2), person(2, inverted=True)
    loud = dataclasses.replace(up, samples=10.0 * up.samples)
    found = [[e.peak for e in events_above(s, matched(s), 6.0)] for s in (up, down, loud)]
    np.testing.assert_allclose(found[0], found[1], atol=1e-9)
    np.testing.assert_allclose(found[0], found[2], atol=1e-9)
    threshold, judged = baseline([person(3), person(4)], [up, down])
    assert 3.0 <= threshold <= 12.0
    assert judged.f1 > 0.8
    assert judged.hits + judged.misses == score([], up.truth).misses + score([], down.truth).misses


def test_only_frontal_channels_are_looked_at() -> None:
    many = person(5, channels=19, lasting_s=2.0)
    few_channels = frontal(many)
    assert few_channels.montage.names == ("Fp1", "Fp2")
    np.testing.assert_array_equal(few_channels.samples, many.samples[:, list(many.channels)])


def test_cleaned_is_as_long_as_what_came_and_the_same_before_the_ica_has_learned() -> None:
    signal = person(6, channels=8, lasting_s=4.0)
    after = cleaned(signal)
    assert after.samples.shape == signal.samples.shape
    np.testing.assert_array_equal(after.samples, signal.samples)
