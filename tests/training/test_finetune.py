from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_models import Exported
from made_people import nobody, person, write_person

from nictate.decision import NEVER
from nictate.edges.onnx import load_model
from nictate.service import shipped_card
from nictate.signals import ConfigError
from nictate.training import finetune as tuning
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import Truth
from nictate.training.finetune import GAP_S, GAP_SHARE, FineTuned, finetune, in_time, parts_of, recipe_of, stretch
from nictate.training.recipe import Recipe


def blinking(name: str, subject: str, lasting_s: float = 60.0, every_s: float = 3.0) -> LabelledSignal:
    """A recording of 10 samples a second, which are their times, and of blinks that last from x.0 to x.3 s."""
    at = np.arange(2.0, lasting_s - 1.0, every_s)
    times = np.arange(0.0, lasting_s, 0.1)
    return dataclasses.replace(
        nobody(name, subject, "lab", lasting_s),
        samples=times[:, None].astype(np.float32),
        times=times,
        truth=Truth(np.column_stack((at, at + 0.1, at + 0.3)), np.array([[20.0, 21.0]]), lasting_s),
    )


STEADY = settings(max_examples=40, deadline=None, derandomize=True)


@STEADY
@given(start=st.floats(0.0, 50.0), span=st.floats(1.0, 30.0))
def test_a_stretch_is_a_part_on_a_clock_of_its_own(start: float, span: float) -> None:
    whole = blinking("a", "ann")
    end = min(60.0, start + span)
    part = stretch(whole, start, end)
    assert part is not None
    np.testing.assert_allclose(part.samples[:, 0], part.times + start, atol=1e-4)
    assert np.all((part.times >= 0.0) & (part.times < end - start))
    assert part.duration_s == end - start
    onset, _, off = whole.truth.blinks.T
    kept = whole.truth.blinks[(onset >= start) & (off <= end)]
    np.testing.assert_allclose(part.truth.blinks, kept - start)
    # Whatever of a blink is left at an edge is ignored, and nothing else but what was.
    halves = np.count_nonzero(((onset < start) & (off > start)) | ((onset < end) & (off > end)))
    assert len(part.truth.ignore) == halves + (start < 21.0 and end > 20.0)
    assert np.all((part.truth.ignore >= 0.0) & (part.truth.ignore <= end - start))
    assert stretch(whole, start, start) is None


def spans(part: tuple[LabelledSignal, ...], order: dict[str, float]) -> list[tuple[float, float]]:
    """Where on the one person's time a part is, by its samples."""
    at = [(order[s.name.split(" from ")[0]], float(s.samples[0, 0]), float(s.samples[-1, 0])) for s in part]
    return [(origin + first, origin + last) for origin, first, last in at]


@STEADY
@given(lengths=st.lists(st.floats(30.0, 200.0), min_size=1, max_size=4))
def test_one_person_is_cut_in_time_with_a_gap(lengths: list[float]) -> None:
    signals = [blinking(f"r{k}", "ann", lasting) for k, lasting in enumerate(lengths)]
    origins = np.concatenate(([0.0], np.cumsum(lengths)))
    order = {s.name: float(at) for s, at in zip(signals, origins, strict=False)}
    parts = in_time(signals, (0.5, 0.65))
    ends = [spans(part, order) for part in parts]
    gap = min(GAP_S, GAP_SHARE * float(origins[-1]))
    for before, after in pairwise(ends):
        if before and after:
            assert min(first for first, _ in after) - max(last for _, last in before) >= gap - 0.2
    used = sum(last - first for part in ends for first, last in part)
    assert used >= origins[-1] - 2 * gap - 0.3 * sum(map(len, parts))


@pytest.mark.parametrize("people", [1, 2, 3, 5, 12])
def test_people_are_kept_apart_where_there_are_several(people: int) -> None:
    signals = [blinking(f"{who}-{k}", f"p{who}") for who in range(people) for k in range(2)]
    parts = parts_of(signals, 1)
    held = {s.subject for s in parts.test}
    known = {s.subject for s in (*parts.learn, *parts.validate)}
    assert all(part for part in (parts.learn, parts.validate, parts.test))
    if people == 1:
        assert parts.by == "time"
        assert held == known
    else:
        assert parts.by == "person"
        assert not held & known
        assert held | known == {s.subject for s in signals}
        assert [s.name for s in parts_of(signals, 1).test] == [s.name for s in parts.test]
    apart = not {s.subject for s in parts.learn} & {s.subject for s in parts.validate}
    assert apart == (people >= 5)


def test_a_recipe_comes_back_from_its_card(exported: Exported) -> None:
    recipe = Recipe(seed=4, batch=3)
    about = json.loads(json.dumps({"recipe": dataclasses.asdict(recipe)}))
    card = dataclasses.replace(exported.card, about=about)
    assert recipe_of(card) == recipe
    about["recipe"]["architecture"]["depth"] = 3
    with pytest.raises(ConfigError, match="another version of nictate"):
        recipe_of(card)
    with pytest.raises(ConfigError, match="does not say what the model was made with"):
        recipe_of(exported.card)


class Tuned(NamedTuple):
    start: Path
    data: Path
    model: Path
    done: FineTuned
    said: list[str]
    shares: list[float]


def tune(start: Path, data: Path, model: Path, epochs: int = 1) -> Tuned:
    said: list[str] = []
    shares: list[float] = []
    done = finetune(start, data, model, 1, epochs, 2, said.append, lambda share, _: shares.append(share))
    return Tuned(start, data, model, done, said, shares)


@pytest.fixture(scope="module")
def small() -> Iterator[None]:
    """What takes minutes in earnest, in seconds."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "Recipe", _smaller)
        yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


def _smaller(**told: object) -> Recipe:
    return Recipe(**{**told, "batch": 2, "example_s": 8.0})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    for seed in (1, 2):
        write_person(folder, person(seed, lasting_s=60.0, of="lab"))
    return folder


@pytest.fixture(scope="module")
def deaf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped model, with thresholds that nothing reaches."""
    folder = tmp_path_factory.mktemp("deaf")
    card, _ = load_model(shipped_card())
    never = (NEVER,) * len(card.looks_s)
    decision = dataclasses.replace(card.decision, start=never, confirm=never)
    (folder / "blink.json").write_text(dataclasses.replace(card, decision=decision).to_json(), encoding="utf-8")
    (folder / "blink.onnx").write_bytes(shipped_card().with_suffix(".onnx").read_bytes())
    return folder / "blink.json"


@pytest.mark.usefixtures("small")
def test_a_better_model_is_written_with_what_was_done(lab: Path, deaf: Path, tmp_path: Path) -> None:
    tuned = tune(deaf, lab, tmp_path / "models")
    before, after = tuned.done.before, tuned.done.after
    assert before.hits == 0 < after.hits
    assert before.hits + before.misses == after.hits + after.misses
    assert tuned.done.by == "person"
    assert tuned.done.written == tmp_path / "models" / "blink.json"
    assert f"F1 0.000 before ({before.misses} missed, 0 false), {after.f1:.3f} after" in tuned.done.line
    assert sum(tuned.shares) == pytest.approx(1.0)
    card, _ = load_model(tuned.done.written)
    base, _ = load_model(deaf)
    kept = {field.name for field in dataclasses.fields(card)} - {"sha256", "decision", "about"}
    assert all(getattr(card, name) == getattr(base, name) for name in kept)
    assert card.sha256 != base.sha256
    assert card.about["fine_tuned"]["from"] == base.sha256
    assert card.about["fine_tuned"]["after"]["f1"] == after.f1
    assert len(card.about["split"]["test"]) == 1
    # And on from there.
    assert recipe_of(card) == recipe_of(base)


@pytest.mark.usefixtures("small")
def test_a_model_that_is_no_better_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps so large that all is forgotten; one label is wrong, so that there is something to improve."""
    monkeypatch.setattr(tuning, "LEARNING_RATE", 1.0)
    for seed in (1, 2):
        s = person(seed, lasting_s=60.0, of="lab")
        wrong = np.array([[38.0, 38.1, 38.2]])
        write_person(
            tmp_path / "own",
            dataclasses.replace(s, truth=Truth(np.vstack((s.truth.blinks, wrong)), s.truth.ignore, 40.0)),
        )
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "blink.json").write_text("mine", encoding="utf-8")
    tuned = tune(shipped_card(), tmp_path / "own", tmp_path / "models")
    assert tuned.done.after is not None
    assert 0.8 < tuned.done.before.f1 < 1.0
    assert not tuned.done.after.f1 > tuned.done.before.f1
    assert tuned.done.written is None
    assert tuned.done.line.endswith("no better, nothing written")
    assert [path.read_text(encoding="utf-8") for path in (tmp_path / "models").iterdir()] == ["mine"]


def test_where_nothing_is_wrong_nothing_is_learned(lab: Path, tmp_path: Path) -> None:
    """Simulated people blink so clearly that the shipped model finds all."""
    tuned = tune(shipped_card(), lab, tmp_path)
    assert tuned.done == FineTuned(tuned.done.before, None, "person", None)
    assert tuned.done.line.endswith("F1 1.000 before: nothing to improve, nothing written")
    assert list(tmp_path.iterdir()) == []


def test_too_few_labels_are_refused(tmp_path: Path) -> None:
    write_person(tmp_path, person(1, lasting_s=20.0, of="lab"))
    with pytest.raises(ConfigError, match=r"labelled blinks to \w+ with; at least 5 are needed"):
        tune(shipped_card(), tmp_path, tmp_path / "models")
    assert not (tmp_path / "models").exists()
