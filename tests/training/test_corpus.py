from __future__ import annotations

import itertools
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_people import nobody, write_fif

from nictate.edges.recordings import Label
from nictate.signals import ConfigError
from nictate.training.corpus import LabelledSignal, load, split_people, truth_of

RATE_HZ = 128.0
NAMES = ("Fp1", "Cz", "Fp2")

# How many people each set has, and how many recordings each of them.
crowds = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 14), min_size=1)


def recorded(crowd: dict[str, int]) -> list[LabelledSignal]:
    return [
        nobody(f"r{k}-{session}", f"p{k}", of)
        for of, people in crowd.items()
        for k in range(people)
        for session in range(1 + k % 3)
    ]


@settings(deadline=None)
@given(crowd=crowds, seed=st.integers(0, 2**32), order=st.randoms(use_true_random=False))
def test_people_are_kept_apart_whatever_the_order_of_recordings(
    crowd: dict[str, int], seed: int, order: random.Random
) -> None:
    signals = recorded(crowd)
    split = split_people(signals, seed)
    people = {s.subject for s in signals}
    assert sorted((*split.train, *split.validate, *split.test)) == sorted(people)  # Each person in one part.
    order.shuffle(signals)
    assert split_people(signals, seed) == split


@settings(deadline=None)
@given(crowd=crowds, seed=st.integers(0, 1000))
def test_three_tenths_of_each_set_are_tested(crowd: dict[str, int], seed: int) -> None:
    split = split_people(recorded(crowd), seed)
    small = sum(people for people in crowd.values() if people < 3)
    groups = [({of}, people) for of, people in crowd.items() if people >= 3]
    groups.append(({of for of, people in crowd.items() if people < 3}, small))
    for sets, people in groups:
        tested, validated, trained = (
            sum(person.split("/")[0] in sets for person in part) for part in (split.test, split.validate, split.train)
        )
        assert abs(tested - 0.3 * people) <= 0.5
        assert abs(validated - 0.2 * (people - tested)) <= 0.5
        assert trained >= (people > 0)
        assert tested >= (people >= 3)


def test_another_seed_draws_other_people() -> None:
    signals = recorded({"a": 12})
    assert len({split_people(signals, seed) for seed in range(8)}) > 4


def test_a_person_of_two_sets_is_one_person() -> None:
    """As where one laboratory recorded the same people at two tasks."""
    signals = [nobody("r", f"p{k}", "lab") for k in range(6)]
    again = [
        LabelledSignal(f"lab_b/r{k}", "lab_b", s.subject, "", s.montage, s.samples, s.times, s.truth, 1.0)
        for k, s in enumerate(signals)
    ]
    split = split_people(signals + again, 0)
    for one, other in itertools.combinations((split.train, split.validate, split.test), 2):
        assert not set(one) & set(other)
    assert len(split.train + split.validate + split.test) == 6


def test_labels_as_arrays() -> None:
    labels = (
        Label("blink", 1.0, 1.4, 1.1),
        Label("ignore", 2.0, 3.0, None),
        Label("blink", 5.0, 5.2, None),
        Label("chewing", 6.0, 7.0, None),
    )
    truth = truth_of(labels, 10.0)
    np.testing.assert_array_equal(truth.blinks, [[1.0, 1.1, 1.4], [5.0, np.nan, 5.2]])
    np.testing.assert_array_equal(truth.ignore, [[2.0, 3.0]])
    np.testing.assert_allclose(truth.peaks, [1.1, 5.1])
    empty = truth_of((), 10.0)
    assert (empty.blinks.shape, empty.ignore.shape, empty.peaks.shape) == ((0, 3), (0, 2), (0,))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    for k, name in enumerate(("lab_a/r1", "lab_a/r2", "lab_b/r3", "lab_b/r4")):
        x = np.random.default_rng(k).integers(-200, 200, size=(1280, 3)).astype(np.float64)
        blinks = [] if name == "lab_b/r4" else [(1.0, 0.3, "blink", 1.1), (7.0, 0.3, "blink", None)]
        ignored = [(0.0, 9.5, "ignore", None)] if name == "lab_b/r4" else [(3.0, 0.5, "ignore", None)]
        pauses = [(4.0, 2.0)] if name == "lab_a/r2" else []
        write_fif(folder / f"{name}_eeg.fif", x, NAMES, RATE_HZ, [*blinks, *ignored], pauses)
    rows = ("lab_a\tr1\tann\t-1\tCC0", "lab_a\tr2\tbob\t1\tCC0", "lab_b\tr3\tann\tn/a\tMIT", "lab_b\tr4\tbob\tn/a\tMIT")
    table = "\n".join(("set\trecording\tsubject\tblink_polarity\tlicence", *rows))
    (folder / "recordings.tsv").write_text(table + "\n", encoding="utf-8")
    return folder


def test_a_folder_in_memory(folder: Path) -> None:
    heard: list[tuple[int, int]] = []
    signals = load(folder, lambda done, of: heard.append((done, of)))
    assert heard == [(k, 4) for k in range(5)]
    # Of r4 nothing but "ignore" is labelled.
    assert [(s.name, s.set, s.subject, s.licence, s.polarity) for s in signals] == [
        ("lab_a/r1_eeg.fif", "lab_a", "lab/ann", "CC0", -1.0),
        ("lab_a/r2_eeg.fif", "lab_a", "lab/bob", "CC0", 1.0),
        ("lab_b/r3_eeg.fif", "lab_b", "lab/ann", "MIT", 1.0),
    ]
    for s in signals:
        assert s.montage.names == ("Fp1", "Cz", "Fp2")
        assert s.channels == (0, 2)  # Those that can show a blink.
        assert (s.montage.rate_hz, s.duration_s) == (RATE_HZ, 10.0)
        np.testing.assert_allclose(s.truth.blinks, [[1.0, 1.1, 1.3], [7.0, np.nan, 7.3]])
        np.testing.assert_allclose(s.truth.ignore, [[3.0, 3.5]])


def test_samples_are_those_of_the_file_and_pauses_stay_holes(folder: Path) -> None:
    for k, s in enumerate(load(folder, lambda *_: None)):
        x = np.random.default_rng(k).integers(-200, 200, size=(1280, 3))
        kept = np.r_[0:512, 768:1280] if k == 1 else np.arange(1280)
        assert s.samples.dtype == np.float32
        np.testing.assert_allclose(s.samples, x[kept], rtol=0, atol=1e-3)
        assert np.array_equal(s.times, kept / RATE_HZ)
        block = s.block()
        assert block.samples.dtype == np.float64
        assert np.array_equal(block.times, s.times)
        assert np.array_equal(block.samples, s.samples)


def test_an_empty_folder_is_the_operators_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no recording"):
        load(tmp_path, lambda *_: None)
