from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch
from made_people import person
from scipy.stats import mannwhitneyu

from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import Truth
from nictate.training.fit import Epoch, Fitted
from nictate.training.judge import Verdict, judge
from nictate.training.network import BlinkNet
from nictate.training.recipe import Recipe
from nictate.training.report import _area, _roc, write_report
from stand_in import STAND_IN

PICTURES = ("losses.png", "curves.png", "misses.png", "false_alarms.png")


@pytest.fixture(scope="module")
def people() -> list[LabelledSignal]:
    """One of them makes a pause, longer than what was recorded, and has a label in it; one has a hostile name.

    Of the first one's blinks one has no label, so that there is a false alarm.
    """
    one, two = person(1, lasting_s=25.0, of="<b>a"), person(2, lasting_s=25.0, of="b")
    one = dataclasses.replace(one, truth=dataclasses.replace(one.truth, blinks=np.delete(one.truth.blinks, 3, axis=0)))
    pause = np.where(two.times >= 12.0, 40.0, 0.0)
    blinks = two.truth.blinks + np.where(two.truth.blinks >= 12.0, 40.0, 0.0)
    within = np.array([[30.0, 30.1, 30.3], [60.0, 60.1, 60.3]])  # Of the second nothing is to be seen either.
    truth = Truth(np.vstack((blinks, within)), np.array([[5.0, 6.0]]), two.duration_s + 40.0)
    return [one, dataclasses.replace(two, name="b/$sub$2_$.fif", times=two.times + pause, truth=truth)]


def reported(folder: Path, people: list[LabelledSignal]) -> tuple[str, Verdict]:
    torch.manual_seed(0)
    recipe = Recipe()
    fitted = Fitted(BlinkNet(recipe.architecture), (Epoch(1, 0.5, 0.6), Epoch(2, 0.4, 0.7)), 1)
    verdict = judge(*STAND_IN[:2], people, (1.0, 0.3))
    write_report(folder, recipe, STAND_IN.card, STAND_IN.network, fitted, people, verdict)
    return (folder / "index.html").read_text(encoding="utf-8"), verdict


def test_a_report_has_its_pictures_and_tells_the_verdict(tmp_path: Path, people: list[LabelledSignal]) -> None:
    page, verdict = reported(tmp_path / "new" / "report", people)
    assert set(re.findall(r'src="([^"]+)"', page)) == set(PICTURES)
    for name in PICTURES:
        picture = matplotlib.image.imread(tmp_path / "new" / "report" / name)
        assert min(picture.shape[:2]) > 50
        assert np.ptp(picture[..., :3]) > 0.5  # Not one colour.
    assert f"Misses ({verdict.overall.misses}," in page
    assert f"False alarms ({verdict.overall.false_alarms}," in page
    assert verdict.overall.misses >= 2
    assert verdict.overall.false_alarms >= 1
    for name, found in (("all", verdict.overall), ("b", verdict.sets["b"])):
        assert f"<td>{name}</td><td>{found.hits + found.misses}</td><td>{found.precision:.3g}</td>" in page
    assert "<b>" not in page
    assert "&lt;b&gt;a" in page


def test_a_report_without_mistakes(tmp_path: Path) -> None:
    """All blinks that the detector says are true by definition: galleries of nothing."""
    s = person(1, lasting_s=20.0)
    said = [e for e in STAND_IN.events(s.montage, s.block()) if e.kind == "blink"]
    blinks = np.array([(e.onset, e.peak, e.end) for e in said], dtype=np.float64)
    page, verdict = reported(tmp_path, [dataclasses.replace(s, truth=dataclasses.replace(s.truth, blinks=blinks))])
    assert verdict.overall.f1 == 1.0
    assert "Misses (0," in page
    assert "False alarms (0," in page


def test_the_area_under_the_curve_is_the_chance_to_rank_a_pair_rightly() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random(500) < 0.2).astype(np.float64)
    p = rng.random(500) + 0.3 * truth
    pairs = truth.sum() * (1 - truth).sum()
    expected = mannwhitneyu(p[truth > 0], p[truth == 0]).statistic / pairs
    assert 0.6 < expected < 0.9
    assert _area(*_roc(p, truth)) == pytest.approx(expected, abs=1e-9)
    assert _area(*_roc(truth, truth)) == 1.0
    assert _area(*_roc(-truth, truth)) == 0.0
