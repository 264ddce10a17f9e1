"""Headsets that are sold, on simulated heads."""

from __future__ import annotations

from pathlib import Path

import pytest

from nictate.edges.onnx import load_model
from nictate.service import shipped_card
from nictate.signals import Montage
from nictate.training.headsets import HEADSETS, Headset, Worn, table, wear, wear_all
from nictate.training.scores import Score
from stand_in import STAND_IN


@pytest.mark.parametrize("headset", HEADSETS, ids=lambda headset: headset.name)
def test_the_detector_looks_at_what_its_names_say(headset: Headset) -> None:
    worn = wear(*STAND_IN[:2], headset, (150.0,), 1.0)
    montage = Montage(headset.channels, headset.rate_hz, reference=headset.reference)
    assert worn.looked_at == tuple(headset.channels[k] for k in montage.blink_channels)
    assert worn.looked_at


@pytest.mark.parametrize("headset", [h for h in HEADSETS if len(h.channels) <= 14], ids=lambda headset: headset.name)
def test_the_shipped_model_finds_blinks_on_it(headset: Headset) -> None:
    """Most of those that are as high as blinks usually are, and hardly anything else."""
    worn = wear(*load_model(shipped_card()), headset, heights_uv=(200.0, 270.0), lasting_s=60.0)
    assert worn.score.hits + worn.score.misses > 15
    assert worn.score.precision > 0.85
    # Where a blink is little higher than the waves of the background, it is the highest alone that are found.
    assert worn.score.recall > (0.8 if worn.height_uv > 80.0 else 0.25)


def test_who_wears_it_is_the_same_on_each_and_each_time() -> None:
    model = STAND_IN[:2]
    one, again, other = (wear(*model, h, (150.0,), 20.0) for h in (HEADSETS[0], HEADSETS[0], HEADSETS[2]))
    assert one == again
    assert one.score.hits + one.score.misses == other.score.hits + other.score.misses > 0


def test_blinks_are_measured_where_they_are_seen_best() -> None:
    near, far, against = (
        wear(*STAND_IN[:2], Headset("x", names, reference, 250.0), (150.0,), 2.0)
        for names, reference in ((("Fp1",), "linked-ears"), (("F3", "F4"), "linked-ears"), (("Fp1", "O1"), "Fpz"))
    )
    assert near.height_uv == pytest.approx(150.0, rel=0.05)
    assert far.height_uv < 0.5 * near.height_uv
    assert against.looked_at == ("Fp1", "O1")
    assert against.height_uv > 0.5 * near.height_uv


def test_each_headset_has_a_row_of_its_own() -> None:
    names: list[str] = []
    short = [wear(*STAND_IN[:2], headset, (150.0,), 4.0) for headset in HEADSETS[:2]]
    names += [worn.headset.name for worn in short]
    rows = [line.strip("| ").split(" | ") for line in table(short).splitlines()]
    assert [row[0] for row in rows] == ["headset", "---", *names]
    assert len({len(row) for row in rows}) == 1
    assert rows[2][4] == "Fp1, Fp2"
    many = Worn(HEADSETS[-1], HEADSETS[-1].channels, 140.0, Score(hits=3, misses=1, false_alarms=2, scored_s=60.0))
    assert (
        table([many]).splitlines()[-1]
        == "| BioSemi 64 | 64 | average | 512 | 64 channels | 140 | 4 | 1 | 2.00 | 0.667 |"
    )


def test_all_are_worn_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr("nictate.training.headsets.wear", lambda _c, _n, headset: headset.name)
    assert wear_all(*STAND_IN[:2], heard.append) == heard == [headset.name for headset in HEADSETS]


def test_the_page_has_all_headsets() -> None:
    """`scripts/bench-headsets --markdown` writes it."""
    page = (Path(__file__).parents[2] / "docs/headsets.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("|")]
    assert [row[0] for row in rows[2:]] == [headset.name for headset in HEADSETS]
