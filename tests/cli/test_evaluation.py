"""The command that judges."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from programs import call, save

from nictate.simulate import Simulator

NAMES = ["Fp1", "Fp2", "Cz"]


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Two people, whose labels are what the simulator knows."""
    for person, seed in (("p1", 1), ("p2", 2)):
        simulator = Simulator(NAMES, 250.0, seed=seed)
        samples = simulator.pull(250 * 20).samples
        (tmp_path / "set").mkdir(exist_ok=True)
        save(tmp_path / f"set/{person}_eeg.fif", NAMES, samples, 250.0)
        rows = [f"{b.onset:.3f}\t{b.end - b.onset:.3f}\tblink\t{b.peak:.3f}" for b in simulator.blinks()]
        text = "\n".join(["onset\tduration\ttrial_type\tpeak", *rows]) + "\n"
        (tmp_path / f"set/{person}_events.tsv").write_text(text, encoding="utf-8")
    return tmp_path


def test_evaluate_says_how_well_each_recording_and_all_of_them_are_served(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "scores.json"
    assert call(["evaluate", labelled, "--json", report], monkeypatch) == 0
    shown = capfd.readouterr().out
    scores = json.loads(report.read_text(encoding="utf-8"))
    assert scores.keys() == {"overall", "recordings", "people", "sets", "conditions", "per_person", "intervals"}
    assert len(scores["recordings"]) == 2
    for name in scores["recordings"]:
        assert name in shown
    counts = ("blinks", "hits", "misses", "false_alarms")
    for key in counts:
        assert scores["overall"][key] == sum(row[key] for row in scores["recordings"].values())
    overall = scores["overall"]
    assert overall["blinks"] == overall["hits"] + overall["misses"] > 0
    assert overall["recall"] == pytest.approx(overall["hits"] / overall["blinks"])
    assert f"{overall['f1']:.3f}" in shown


def test_the_margins_of_a_recording_are_not_scored(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    minutes = []
    for name, options in (("a", ()), ("b", ("--skip-start", "5", "--skip-end", "2.3"))):
        report = tmp_path / f"{name}.json"
        assert call(["evaluate", labelled, "--json", report, *options], monkeypatch) == 0
        minutes.append(60.0 * json.loads(report.read_text(encoding="utf-8"))["overall"]["minutes"])
    assert minutes == pytest.approx([2 * (20.0 - 1.3), 2 * (20.0 - 7.3)])


def test_nobody_who_was_held_out_is_in_a_folder_of_strangers(
    labelled: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert call(["evaluate", labelled, "--held-out"], monkeypatch) == 2
    assert "none of the people" in capfd.readouterr().err
