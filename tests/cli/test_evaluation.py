"""The command that judges."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from programs import call, save

from nictate.edges.onnx import load_model
from nictate.service import shipped_card
from nictate.simulate import Simulator
from nictate.training import hearings
from nictate.training.corpus import load
from nictate.training.crossvalidate import plan
from nictate.training.heard import listen
from nictate.training.recipe import Recipe

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


def test_recordings_can_be_left_out(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "a.json"
    assert call(["evaluate", labelled, "--json", report, "--without", "p1"], monkeypatch) == 0
    assert list(json.loads(report.read_text(encoding="utf-8"))["recordings"]) == ["set/p2_eeg.fif"]
    assert call(["evaluate", labelled, "--without", "p1,p2"], monkeypatch) == 2
    assert "leaves no recording" in capfd.readouterr().err
    assert call(["evaluate", labelled, "--without", "p3"], monkeypatch) == 2
    assert "p3: no recording has this in its name" in capfd.readouterr().err


def test_a_report_is_written_and_its_curves_are_in_the_json_too(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    options = ["--without", "p1", "--json", tmp_path / "a.json", "--report", tmp_path / "page"]
    assert call(["evaluate", labelled, *options], monkeypatch) == 0
    assert f"{tmp_path / 'page' / 'index.html'} written" in capfd.readouterr().err.replace("\n", "")
    assert "set/p2" in (tmp_path / "page" / "index.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["starts_front"]


def test_a_cross_validation_that_is_done_is_judged_without_training(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of two folds whose networks are both the shipped one."""
    work, signals = tmp_path / "work", load(labelled, lambda *_: None)
    card, network = load_model(shipped_card())
    for fold in plan(signals, work, Recipe(seed=1), 2, ()):
        (tested,) = fold.tested(signals)
        hearings.save(fold.heard(tested), listen(card, network, tested), card.hop)
        settled = dataclasses.replace(card, about={"settled": True})
        fold.card.write_text(settled.to_json(), encoding="utf-8")
        fold.card.with_suffix(".onnx").write_bytes(shipped_card().with_suffix(".onnx").read_bytes())
    found = []
    for options in ((), ("--cross-validate", "--folds", "2", "--work", work)):
        report = tmp_path / f"{len(found)}.json"
        assert call(["evaluate", labelled, *options, "--json", report], monkeypatch) == 0
        found.append(json.loads(report.read_text(encoding="utf-8")))
    assert found[0] == found[1]
    assert "2 of 2 folds" in capfd.readouterr().err
    other = ["--cross-validate", "--leave-one-out", "--seed", "7", "--work", work]
    assert call(["evaluate", labelled, *other], monkeypatch) == 2
    assert "another cross-validation" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--folds", "3"], "--folds belongs to --cross-validate"),
        (["--work", "x"], "--work belongs to --cross-validate"),
        (["--cross-validate", "--held-out"], "leave out --model and --held-out"),
        (["--cross-validate", "--folds", "3", "--leave-one-out"], "contradict each other"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], options: list[str], reason: str
) -> None:
    assert call(["evaluate", tmp_path, *options], monkeypatch) == 2
    assert reason in capfd.readouterr().err
