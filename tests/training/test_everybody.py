from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from made_models import Exported
from made_people import person, write_person

from nictate.card import ModelCard
from nictate.decision import DecisionRules
from nictate.edges.onnx import load_model
from nictate.training import crossvalidate, everybody
from nictate.training.corpus import LabelledSignal, load
from nictate.training.everybody import SKIP_S, train_on_everybody
from nictate.training.fit import Epoch, Fitted
from nictate.training.heard import Heard
from nictate.training.judge import judge_trials
from nictate.training.recipe import Recipe
from nictate.training.train import Made

RECIPE = Recipe(epochs=2, gazing_s=3.0)
PEOPLE, DOUBTED = 4, "sub-2"


class Trained(NamedTuple):
    folder: Path
    card: ModelCard
    said: list[str]
    shares: list[float]
    taught: list[set[str]]
    """Whom each network has learned from; the last one is the one to keep."""
    chosen_by: list[set[str]]
    looking: list[list[float]]
    """How long each of those looked about who were simulated to choose by."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, exported: Exported) -> Trained:
    """With a network that is there already in the place of each that would be trained."""
    folder = tmp_path_factory.mktemp("everybody")
    for seed in range(1, PEOPLE + 1):
        write_person(folder / "data", person(seed, lasting_s=15.0, of="lab"))
    taught: list[set[str]] = []
    chosen_by: list[set[str]] = []
    looking: list[list[float]] = []

    def make(
        recipe: Recipe,
        train: list[LabelledSignal],
        validate: list[LabelledSignal],
        _say: Callable[[str], None],
        hear: Callable[[Epoch], None],
    ) -> Made:
        assert not validate
        taught.append({s.name for s in train})
        for k in range(recipe.epochs):
            hear(Epoch(k + 1, 0.1, None))
        fitted = Fitted(exported.network, (), recipe.epochs)
        return Made(exported.card, exported.weights, exported.deployed, fitted)

    def choose(card: ModelCard, heard: list[Heard], who_look_about: list[Heard]) -> DecisionRules:
        chosen_by.append({h.signal.name for h in heard})
        looking.append([h.signal.duration_s for h in who_look_about])
        return dataclasses.replace(card.decision, confirm=(0.5 + 0.1 * len(chosen_by),) * len(card.looks_s))

    said: list[str] = []
    shares: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        for module in (crossvalidate, everybody):
            patch.setattr(module, "make", make)
            patch.setattr(module, "choose", choose)
        train_on_everybody(
            folder / "data",
            folder / "models",
            folder / "report",
            RECIPE,
            folder / "work",
            2,
            (DOUBTED,),
            1,
            said.append,
            lambda share, _: shares.append(share),
        )
    card, _ = load_model(folder / "models" / "blink.json")
    return Trained(folder, card, said, shares, taught, chosen_by, looking)


def names(trained: Trained) -> set[str]:
    return {s.name for s in load(trained.folder / "data", lambda *_: None)}


def test_the_model_to_keep_has_learned_from_everybody_whose_labels_are_trusted(trained: Trained) -> None:
    trusted = {name for name in names(trained) if DOUBTED not in name}
    assert len(trusted) == PEOPLE - 1
    *folds, kept = trained.taught
    assert kept == trusted
    assert all(of < trusted for of in folds)


def test_its_thresholds_are_chosen_by_what_networks_said_of_people_new_to_them(trained: Trained) -> None:
    *folds, kept = trained.chosen_by
    assert len(folds) == 2
    assert kept == trained.taught[-1]
    assert set(trained.card.decision.confirm) == {0.5 + 0.1 * len(trained.chosen_by)}
    assert [set(durations) for durations in trained.looking] == [{RECIPE.gazing_s}] * 3


def test_its_card_gives_the_figures_of_the_cross_validation_and_says_so(trained: Trained) -> None:
    about = trained.card.about
    signals = load(trained.folder / "data", lambda *_: None)
    verdict = judge_trials(crossvalidate.reopen(signals, trained.folder / "work").trials, SKIP_S)
    assert about["test"]["overall"] == verdict.overall.to_dict()
    assert about["test"]["overall"]["blinks"] > 0
    assert about["tested_people"] == PEOPLE
    assert about["tested_by"].startswith("cross-validation over people in 2 folds")
    assert about["doubted"] == [DOUBTED]
    assert about["split"]["test"] == []
    assert len(about["split"]["train"]) == PEOPLE - 1
    assert sum(row["blinks"] for row in about["trained_on"]) < sum(row["blinks"] for row in about["tested_on"])


def test_the_report_and_the_progress_are_whole(trained: Trained) -> None:
    assert "Cross-validation in 2 folds" in (trained.folder / "report" / "index.html").read_text(encoding="utf-8")
    assert sum(trained.shares) == pytest.approx(1.0)
    assert "people never seen: F1" in trained.said[-1]
