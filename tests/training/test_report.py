from __future__ import annotations

import base64
import dataclasses
import io
import re
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from made_people import person

from nictate.training.analysis import Analysis, analyse
from nictate.training.corpus import LabelledSignal
from nictate.training.evaluate import Truth
from nictate.training.heard import listen
from nictate.training.judge import Trial
from nictate.training.report import measure, robust_sections, write_report
from stand_in import STAND_IN

SKIP_S = (1.0, 0.3)


def analysed(people: list[LabelledSignal]) -> Analysis:
    return analyse([Trial(STAND_IN.card, listen(STAND_IN.card, STAND_IN.network, s)) for s in people], SKIP_S)


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    """One of them has a hostile name and makes a pause, longer than what was recorded, with a label in it."""
    one, two = person(1, lasting_s=15.0, of="<b>a"), person(2, lasting_s=15.0, of="b")
    pause = np.where(two.times >= 8.0, 40.0, 0.0)
    blinks = two.truth.blinks + np.where(two.truth.blinks >= 8.0, 40.0, 0.0)
    within = np.array([[20.0, 20.1, 20.3], [30.0, 30.1, 30.3]])
    truth = Truth(np.vstack((blinks, within)), np.array([[5.0, 6.0]]), two.duration_s + 40.0)
    return analysed([one, dataclasses.replace(two, name="b/$sub$2_$.fif", times=two.times + pause, truth=truth)])


def test_a_report_is_one_page_with_its_pictures_in_it(tmp_path: Path, analysis: Analysis) -> None:
    shares: list[float] = []
    path = write_report(
        tmp_path / "new" / "report",
        analysis,
        "Of <i>nobody</i>.",
        [("More", "<p>more</p>")],
        lambda share, _: shares.append(share),
    )
    page = path.read_text(encoding="utf-8")
    assert [file.name for file in path.parent.iterdir()] == ["index.html"]
    assert sum(shares) == pytest.approx(1.0)
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    wrong = [finding for finding in analysis.found if finding.mistakes]
    assert len(pictures) == 2 + len(wrong)
    for content in pictures:
        picture = matplotlib.image.imread(io.BytesIO(base64.b64decode(content)))
        assert min(picture.shape[:2]) > 50
        assert np.ptp(picture[..., :3]) > 0.5  # Not one colour.
    assert "src=" not in page.replace('src="data:image/png;base64', "")
    assert "Of &lt;i&gt;nobody&lt;/i&gt;." in page
    assert "<p>more</p>" in page
    assert "<b>a" not in page
    assert "&lt;b&gt;a" in page


def test_a_report_tells_the_verdict(tmp_path: Path, analysis: Analysis) -> None:
    page = write_report(tmp_path, analysis, "").read_text(encoding="utf-8")
    for name, found in (("all", analysis.verdict.overall), ("b", analysis.verdict.sets["b"])):
        counts = (f"{found.scored_s / 60:.1f}", found.hits + found.misses, found.misses, found.false_alarms)
        row = "".join(f"<td>{count}</td>" for count in (name, *counts))
        assert row in page
    for anchor in re.findall(r'href="#([^"]+)"', page):
        assert f'id="{anchor}"' in page
    for finding in analysis.found:
        kinds = [mistake.kind for mistake in finding.mistakes]
        assert f"{kinds.count('missed')} missed, {kinds.count('false alarm')} false alarms" in page or not kinds


def test_a_report_without_mistakes(tmp_path: Path) -> None:
    """All blinks that the detector says are true by definition."""
    s = person(1, lasting_s=15.0)
    said = [e for e in STAND_IN.events(s.montage, s.block()) if e.kind == "blink"]
    blinks = np.array([(e.onset, e.peak, e.end) for e in said], dtype=np.float64)
    found = analysed([dataclasses.replace(s, truth=dataclasses.replace(s.truth, blinks=blinks))])
    assert found.verdict.overall.f1 == 1.0
    assert "<details" not in write_report(tmp_path, found, "").read_text(encoding="utf-8")


def test_other_amplifiers_and_saccades_have_sections_where_they_were_asked_for() -> None:
    assert robust_sections({}) == []
    variant = {"name": "x<3", "people": 4, "before": 0.9, "after": None, "fall": None, "interval": None}
    false = {"false_alarms_per_minute": 0.5, "false_alarms_among_blinks_per_minute": 1.5}
    script = {"script": "reading", **false, "recall": 0.8, "recall_without_saccades": 0.9}
    (_, one), (_, two) = robust_sections({"robustness": [variant], "gaze": [script]})
    assert "<td>x&lt;3</td><td>4</td><td>0.900</td><td>-</td><td>-</td>" in one
    assert "<td>reading</td><td>0.50</td><td>1.50</td><td>0.800</td><td>0.900</td>" in two
    assert measure(0.5, ".2f", (0.4, 0.6)) == "0.50 <i>[0.40, 0.60]</i>"
