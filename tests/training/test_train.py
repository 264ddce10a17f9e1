from __future__ import annotations

import base64
import dataclasses
import functools
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import matplotlib.image
import numpy as np
import pytest
import torch
from made_people import person, write_person

from nictate.card import ModelCard
from nictate.edges import recordings
from nictate.edges.onnx import OnnxNetwork, load_model
from nictate.signals import ConfigError
from nictate.training import train as training
from nictate.training.corpus import load
from nictate.training.export import OPSET
from nictate.training.judge import judge
from nictate.training.recipe import Recipe


class Trained(NamedTuple):
    data: Path
    model: Path
    report: Path
    said: list[str]
    shares: list[float]
    card: ModelCard
    network: OnnxNetwork


def write_people(folder: Path, count: int) -> None:
    people = [person(seed, lasting_s=24.0, of="lab") for seed in range(1, count + 1)]
    for s in people:
        write_person(folder, s)
    rows = [f"lab\tsub-{k}\tsub-{k}\tCC BY 4.0" for k in range(1, count + 1)]
    table = "\n".join(("set\trecording\tsubject\tlicence", *rows))
    (folder / "recordings.tsv").write_text(table + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    """What is trained for hours in earnest, in seconds."""
    folder = tmp_path_factory.mktemp("training")
    write_people(folder / "data", 4)
    said: list[str] = []
    shares: list[float] = []
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            training,
            "Recipe",
            functools.partial(Recipe, batch=3, example_s=8.0, imagined=2, imagined_s=30.0, gazing_s=3.0),
        )
        training.train(
            folder / "data",
            folder / "models",
            folder / "report",
            seed=2,
            epochs=1,
            batches=2,
            say=said.append,
            advance=lambda share, _: shares.append(share),
        )
    card, network = load_model(folder / "models" / "blink.json")
    yield Trained(folder / "data", folder / "models", folder / "report", said, shares, card, network)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


def test_a_model_and_its_card_are_written(trained: Trained) -> None:
    assert sorted(path.name for path in trained.model.iterdir()) == ["blink.json", "blink.onnx"]
    fresh = Recipe().card()
    kept = {field.name for field in dataclasses.fields(ModelCard)} - {"sha256", "decision", "about"}
    assert all(getattr(trained.card, name) == getattr(fresh, name) for name in kept)
    chosen = trained.card.decision
    habits = dataclasses.replace(chosen.habits, weights=fresh.decision.habits.weights)
    untouched = dataclasses.replace(chosen, start=fresh.decision.start, confirm=fresh.decision.confirm, habits=habits)
    assert untouched == fresh.decision
    shape = (fresh.scale.rows, fresh.window)
    said = trained.network(np.ones((2, *shape), np.float32), np.ones(shape, np.float32), True)
    assert said.shape == (len(fresh.looks_s), fresh.hop // fresh.step)


def test_the_card_tells_what_the_model_was_made_of(trained: Trained) -> None:
    about = trained.card.about
    split = about["split"]
    assert [len(split[part]) for part in ("train", "validate", "test")] == [2, 1, 1]
    assert sorted((*split["train"], *split["validate"], *split["test"])) == [f"lab/sub-{k}" for k in range(1, 5)]
    labelled = {f"lab/{item.subject}": len(item.labels) for item in recordings.index(trained.data)}
    for part, key in (("train", "trained_on"), ("validate", "validated_on"), ("test", "tested_on")):
        (row,) = about[key]
        assert (row["set"], row["licence"]) == ("lab", "CC BY 4.0")
        assert row["people"] == row["recordings"] == len(split[part])
        assert row["minutes"] == pytest.approx(0.4 * len(split[part]))
        assert row["blinks"] == sum(labelled[person] for person in split[part]) > 0
    assert about["opset"] == OPSET
    assert about["parameters"] > 1000
    assert about["best_epoch"] == 1
    assert {key: about["recipe"][key] for key in ("seed", "epochs", "batches")} == {
        "seed": 2,
        "epochs": 1,
        "batches": 2,
    }


def test_the_metrics_of_the_card_can_be_measured_again(trained: Trained) -> None:
    test = [s for s in load(trained.data, lambda *_: None) if s.subject in trained.card.about["split"]["test"]]
    found = judge(trained.card, trained.network, test, (1.0, 0.3))
    assert trained.card.about["test"]["overall"] == found.overall.to_dict()
    assert trained.card.about["test"]["lab"] == found.sets["lab"].to_dict()
    assert trained.card.about["test"]["overall"]["blinks"] > 0


def test_neither_machine_nor_hour_stands_in_what_is_shipped(trained: Trained) -> None:
    for path in trained.model.iterdir():
        content = path.read_bytes()
        assert str(trained.data).encode() not in content
        assert str(Path(training.__file__).parent).encode() not in content
    assert json.loads((trained.model / "blink.json").read_text(encoding="utf-8"))["format"] == 1


def test_the_report_shows_its_pictures(trained: Trained) -> None:
    page = (trained.report / "index.html").read_text(encoding="utf-8")
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(pictures) >= 3
    for picture in pictures:
        assert matplotlib.image.imread(io.BytesIO(base64.b64decode(picture)), format="png").size > 0
    assert trained.card.sha256[:12] in page
    assert "lab/sub-" in page


def test_progress_is_told_to_the_end(trained: Trained) -> None:
    assert sum(trained.shares) == pytest.approx(1.0)
    assert all(share >= 0.0 for share in trained.shares)
    assert trained.said[0].startswith("train: 2 people, 2 recordings, ")
    assert any(line.startswith("epoch 1/1: ") for line in trained.said)
    assert trained.said[-1].startswith("people never seen: F1 ")


@pytest.mark.parametrize(("people", "lacking"), [(1, "validate"), (2, "validate"), (3, "validate")])
def test_too_few_people_to_keep_apart(tmp_path: Path, people: int, lacking: str) -> None:
    write_people(tmp_path / "data", people)
    with pytest.raises(ConfigError, match=f"no labelled blinks left to {lacking} with; more people are needed"):
        training.train(tmp_path / "data", tmp_path / "m", tmp_path / "r", 1, 1, 1, lambda _: None, lambda *_: None)
    assert not (tmp_path / "m").exists()
