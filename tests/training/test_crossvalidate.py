from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_models import Exported
from made_people import nobody, person

from nictate.card import ModelCard
from nictate.decision import DecisionRules
from nictate.edges.onnx import load_model
from nictate.signals import ConfigError
from nictate.training import crossvalidate
from nictate.training.corpus import LabelledSignal
from nictate.training.crossvalidate import CrossValidation, cross_validate, fold_people, reopen
from nictate.training.fit import Epoch, Fitted
from nictate.training.heard import Heard
from nictate.training.judge import judge, judge_trials
from nictate.training.recipe import Recipe
from nictate.training.train import Made

RECIPE = Recipe(seed=2, epochs=3, gazing_s=0.0)
SKIP_S = (1.0, 0.3)


def crowd(sizes: list[int]) -> list[LabelledSignal]:
    return [
        nobody(f"{of}-{k}-{r}", f"p{k}", f"set{of}") for of, n in enumerate(sizes) for k in range(n) for r in (1, 2)
    ]


@settings(deadline=None, max_examples=60)
@given(sizes=st.lists(st.integers(1, 12), min_size=1, max_size=6), folds=st.integers(2, 6), seed=st.integers(0, 5))
def test_everybody_is_tested_once_and_never_by_who_has_learned_from_him(
    sizes: list[int], folds: int, seed: int
) -> None:
    signals = crowd(sizes)
    people = {s.subject for s in signals}
    if len(people) < folds:
        with pytest.raises(ConfigError, match=f"{folds} folds of {len(people)} people"):
            fold_people(signals, folds, seed)
        return
    splits = fold_people(signals, folds, seed)
    assert sorted(person for split in splits for person in split.test) == sorted(people)
    for split in splits:
        assert sorted((*split.train, *split.validate, *split.test)) == sorted(people)
        assert not split.validate
    tested = [len(split.test) for split in splits]
    assert max(tested) - min(tested) <= 1
    for of in {s.set for s in signals}:
        shares = [sum(person.startswith(f"{of}/") for person in split.test) for split in splits]
        assert max(shares) - min(shares) <= 1


def test_small_sets_are_spread() -> None:
    splits = fold_people(crowd([1, 1, 1, 1]), 4, seed=1)
    assert [len(split.test) for split in splits] == [1, 1, 1, 1]


def test_the_seed_deals() -> None:
    signals = crowd([12, 5])
    assert fold_people(signals, 4, 1) == fold_people(signals[::-1], 4, 1)
    assert fold_people(signals, 4, 1) != fold_people(signals, 4, 2)


class Run(NamedTuple):
    people: list[LabelledSignal]
    made: CrossValidation
    said: list[str]
    shares: list[float]


class Lab:
    """Where networks are trained in no time, always the same one, and thresholds tell whom they were chosen by."""

    def __init__(self, work: Path, exported: Exported) -> None:
        self.work = work
        self.trained: list[tuple[Recipe, set[str]]] = []
        self.chosen_by: list[set[str]] = []
        self.looking: list[list[float]] = []
        self._exported = exported
        people = [person(seed, lasting_s=15.0, of="lab") for seed in (1, 2, 3, 4)]
        self.people = [*people, dataclasses.replace(person(5, lasting_s=10.0, of="lab"), subject=people[0].subject)]

    def make(
        self,
        recipe: Recipe,
        train: list[LabelledSignal],
        validate: list[LabelledSignal],
        say: Callable[[str], None],
        hear: Callable[[Epoch], None],
    ) -> Made:
        assert not validate
        self.trained.append((recipe, {s.name for s in train}))
        say("trained")
        for k in range(recipe.epochs):
            hear(Epoch(k + 1, 0.1, 0.1))
        fitted = Fitted(self._exported.network, (), 1)
        return Made(self._exported.card, self._exported.weights, self._exported.deployed, fitted)

    def choose(self, card: ModelCard, heard: list[Heard], looking: list[Heard]) -> DecisionRules:
        self.chosen_by.append({h.signal.name for h in heard})
        self.looking.append([h.signal.duration_s for h in looking])
        level = 0.2 + 0.01 * len(self.chosen_by)
        return dataclasses.replace(card.decision, confirm=(level,) * len(card.looks_s))

    def run(
        self,
        recipe: Recipe = RECIPE,
        folds: int = 2,
        jobs: int = 1,
        people: list[LabelledSignal] | None = None,
        doubted: tuple[str, ...] = (),
    ) -> Run:
        said: list[str] = []
        shares: list[float] = []
        signals = self.people if people is None else people
        made = cross_validate(
            signals, self.work, recipe, folds, doubted, jobs, said.append, lambda share, _: shares.append(share)
        )
        return Run(signals, made, said, shares)

    def written(self) -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in self.work.rglob("*") if path.is_file()}


@pytest.fixture
def lab(tmp_path: Path, exported: Exported, monkeypatch: pytest.MonkeyPatch) -> Lab:
    lab = Lab(tmp_path / "work", exported)
    monkeypatch.setattr(crossvalidate, "make", lab.make)
    monkeypatch.setattr(crossvalidate, "choose", lab.choose)
    return lab


def names(run: Run, people: tuple[str, ...]) -> set[str]:
    return {s.name for s in run.people if s.subject in people}


def test_each_recording_is_heard_by_a_network_that_knows_it_not(lab: Lab) -> None:
    run = lab.run()
    assert [trial.heard.signal for trial in run.made.trials] == run.people
    assert lab.trained == [(RECIPE, names(run, fold.split.train)) for fold in run.made.folds]
    for fold in run.made.folds:
        card, network = load_model(fold.card)
        trials = [trial for trial in run.made.trials if trial.heard.signal.subject in fold.split.test]
        assert {trial.card.decision.confirm for trial in trials} == {card.decision.confirm}
        assert judge_trials(trials, SKIP_S) == judge(card, network, fold.tested(run.people), SKIP_S)
    assert len({trial.card.decision.confirm for trial in run.made.trials}) == 2


def test_thresholds_are_chosen_by_what_other_networks_said_of_people_new_to_them(lab: Lab) -> None:
    run = lab.run()
    assert lab.chosen_by == [names(run, fold.split.train) for fold in run.made.folds]


def test_thresholds_are_chosen_by_people_who_look_about_too(lab: Lab) -> None:
    lab.run(dataclasses.replace(RECIPE, gazing_s=3.0))
    assert lab.looking == [[3.0] * 4] * 2


def test_doubted_labels_are_judged_by_and_teach_nothing(lab: Lab) -> None:
    run = lab.run(doubted=("sub-3",))
    doubted = {s.name for s in run.people if "sub-3" in s.name}
    assert doubted
    for of in (*(names for _, names in lab.trained), *lab.chosen_by):
        assert not of & doubted
    assert doubted <= {trial.heard.signal.name for trial in run.made.trials}
    with pytest.raises(ConfigError, match="it doubts sub-3"):
        lab.run()


def test_one_that_is_done_can_be_opened_again(lab: Lab) -> None:
    with pytest.raises(ConfigError, match="cross-validate first"):
        reopen(lab.people, lab.work)
    made = lab.run().made
    again = reopen(lab.people, lab.work)
    assert again.folds == made.folds
    assert judge_trials(again.trials, SKIP_S) == judge_trials(made.trials, SKIP_S)
    made.folds[0].heard(made.folds[0].tested(lab.people)[0]).unlink()
    with pytest.raises(ConfigError, match="not finished"):
        reopen(lab.people, lab.work)


def test_progress_is_told_to_the_end(lab: Lab) -> None:
    run = lab.run()
    assert sum(run.shares) == pytest.approx(1.0)
    assert [line for line in run.said if "trained" in line] == ["fold 1: trained", "fold 2: trained"]


def test_what_is_there_is_not_made_again(lab: Lab) -> None:
    run = lab.run()
    before = lab.written()
    second = lab.run()
    assert lab.written() == before
    assert judge_trials(second.made.trials, SKIP_S) == judge_trials(run.made.trials, SKIP_S)
    assert sum(second.shares) == pytest.approx(1.0)
    assert "2 of 2 folds" in second.said[0]
    # Mended labels need no other network, nor does another recipe as long as nothing is to be trained by it.
    mended = [dataclasses.replace(s, truth=dataclasses.replace(s.truth, blinks=s.truth.blinks[1:])) for s in run.people]
    assert lab.run(people=mended).made.trials[0].heard.signal is mended[0]
    lab.run(dataclasses.replace(RECIPE, epochs=9))
    assert lab.written() == before


def test_a_broken_run_goes_on_where_it_was(lab: Lab) -> None:
    run = lab.run()
    before = lab.written()
    fold, other = run.made.folds
    fold.card.unlink()
    lost = other.heard(other.tested(run.people)[0])
    lost.unlink()
    with pytest.raises(ConfigError, match="another recipe"):
        lab.run(dataclasses.replace(RECIPE, epochs=9))
    second = lab.run()
    assert len(lab.trained) == 3
    after = lab.written()
    assert after.keys() == before.keys()
    assert {path for path, at in after.items() if at != before[path]} == {
        fold.card,
        fold.card.with_suffix(".onnx"),
        lost,
    }
    assert sum(second.shares) == pytest.approx(1.0)


def test_another_cross_validation_is_not_mixed_with_it(lab: Lab) -> None:
    lab.run()
    for recipe, folds, people in (
        (dataclasses.replace(RECIPE, seed=3), 2, lab.people),
        (RECIPE, 3, lab.people),
        (RECIPE, 2, lab.people[:3]),
    ):
        with pytest.raises(ConfigError, match="holds another cross-validation"):
            lab.run(recipe, folds, people=people)
    (lab.work / "plan.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match="not JSON"):
        lab.run()


def test_folds_beside_each_other_give_the_same(lab: Lab) -> None:
    """In processes of their own, which know nothing of the lab: they are to hear what has been trained."""
    alone = lab.run()
    for fold in alone.made.folds:
        for s in fold.tested(lab.people):
            fold.heard(s).unlink()
    beside = lab.run(jobs=2)
    assert len(lab.trained) == 2
    assert judge_trials(beside.made.trials, SKIP_S) == judge_trials(alone.made.trials, SKIP_S)
    assert sum(beside.shares) == pytest.approx(1.0)


def test_a_fold_without_blinks_to_learn_from_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="fold 1 has no labelled blinks to train with"):
        cross_validate(crowd([4]), tmp_path, RECIPE, 2, (), 1, lambda _: None, lambda *_: None)


def test_who_is_in_several_sets_is_one_person() -> None:
    signals = [nobody(f"r{k}-{of}", f"p{k}", of) for k in range(6) for of in ("lab_open", "lab_closed")]
    signals = [dataclasses.replace(s, subject=s.subject.replace("_open", "").replace("_closed", "")) for s in signals]
    assert Counter(person for split in fold_people(signals, 3, 1) for person in split.test).most_common(1)[0][1] == 1
