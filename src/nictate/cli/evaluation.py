"""The command that judges a model by labels, or the way of making it by cross-validation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from nictate.cli.shell import Model, app, out, parts_of, progress, say
from nictate.signals import ConfigError

if TYPE_CHECKING:
    from nictate.training.corpus import LabelledSignal
    from nictate.training.crossvalidate import CrossValidation
    from nictate.training.judge import Judged, Trial

WORK = Path("crossvalidation")

TIMES = {
    "start_latency": "start\nafter peak",
    "blink_latency": "blink\nafter peak",
    "blink_after_end": "blink\nafter end",
    "peak_error": "peak\nerror",
    "duration_error": "duration\nerror",
}
"""Heads by their names in `Score.to_dict`."""


@app.command()
def evaluate(
    data: Annotated[Path, typer.Argument(help="Folder of labelled recordings.")],
    model: Model = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Only the people that the model's card keeps for the test.")
    ] = False,
    cross_validate: Annotated[
        bool,
        typer.Option(
            "--cross-validate", help="Train without some of the people and judge by them, until all are judged."
        ),
    ] = False,
    folds: Annotated[int | None, typer.Option(min=2, help="Parts that the people are dealt to. [default: 4]")] = None,
    leave_one_out: Annotated[bool, typer.Option("--leave-one-out", help="As many folds as there are people.")] = False,
    seed: Annotated[int | None, typer.Option(min=0, help="Of folds and training. [default: 1]")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Folds at a time, each two processes. [default: 1]")] = None,
    work: Annotated[
        Path | None,
        typer.Option(help="Folder that the folds are kept in; goes on where it broke off. [default: crossvalidation]"),
    ] = None,
    doubt: Annotated[
        str | None,
        typer.Option(help="Learn nothing from recordings with one of these in their names. [default: none]"),
    ] = None,
    without: Annotated[
        str | None,
        typer.Option(help="Leave out recordings with one of these in their names: Fp1_006. [default: none]"),
    ] = None,
    robust: Annotated[
        bool,
        typer.Option("--robust", help="Also as on other amplifiers, and on simulated saccades: ten times the work."),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(help="Also write a page with curves, which --json then has too, and a picture of every mistake."),
    ] = None,
    as_json: Annotated[Path | None, typer.Option("--json", help="Also write everything to this file.")] = None,
    skip_start: Annotated[float, typer.Option(min=0.0, help="Seconds not scored at the start of a recording.")] = 1.0,
    skip_end: Annotated[float, typer.Option(min=0.0, help="Seconds not scored at its end.")] = 0.3,
) -> None:
    """Compare detected with labelled blinks, per recording, per person, per set and overall."""
    from nictate.edges.onnx import load_model
    from nictate.training.corpus import load
    from nictate.training.judge import Judged

    if not cross_validate:
        given = {
            "--folds": folds,
            "--leave-one-out": leave_one_out,
            "--seed": seed,
            "--jobs": jobs,
            "--work": work,
            "--doubt": doubt,
        }
        for name, value in given.items():
            if value not in (None, False):
                raise ConfigError(f"{name} belongs to --cross-validate")
    elif model is not None or held_out:
        raise ConfigError("--cross-validate trains its own models: leave out --model and --held-out")
    elif leave_one_out and folds is not None:
        raise ConfigError("--folds and --leave-one-out contradict each other")
    with progress(1.0, "") as advance:
        signals = load(data, lambda done, of: advance(1.0 / of if done else 0.0, "reading"), say)
    judged = _judgeable(signals, without)
    if cross_validate:
        people = len({s.subject for s in signals})
        count = people if leave_one_out else folds or 4
        made = _cross_validated(signals, count, 1 if seed is None else seed, parts_of(doubt), jobs or 1, work or WORK)
        models = [Judged(*load_model(fold.card), tuple(fold.tested(judged))) for fold in made.folds]
        names = {s.name for s in judged}
        trials = [trial for trial in made.trials if trial.heard.signal.name in names]
        about = f"Cross-validation over {people} people in {count} folds."
    else:
        models, trials = [_chosen(judged, model, held_out)], None
        about = f"Model {models[0].card.sha256[:12]}{', on people whom it has never seen' if held_out else ''}."
    found = _examined(models, trials, (skip_start, skip_end), report, robust, about)
    if as_json is not None:
        as_json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    _print(found)
    if report is not None:
        say(f"{report / 'index.html'} written")


def _chosen(signals: Sequence[LabelledSignal], model: Path | None, held_out: bool) -> Judged:
    from nictate.edges.onnx import load_model
    from nictate.service import shipped_card
    from nictate.training.judge import Judged

    card, network = load_model(model or shipped_card())
    people = card.about.get("split", {}).get("test", []) if held_out else {s.subject for s in signals}
    chosen = tuple(s for s in signals if s.subject in people)
    if not chosen:
        raise ConfigError("none of the people that the card keeps for the test is in this folder")
    return Judged(card, network, chosen)


def _examined(
    models: Sequence[Judged],
    trials: Sequence[Trial] | None,
    skip_s: tuple[float, float],
    report: Path | None,
    robust: bool,
    about: str,
) -> dict[str, Any]:
    from nictate.training.examine import examine

    try:
        return examine(models, trials, skip_s, report, robust, about, progress)
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is missing: install nictate[train]") from None


def _judgeable(signals: Sequence[LabelledSignal], without: str | None) -> list[LabelledSignal]:
    from nictate.training.corpus import without_parts

    left = without_parts(signals, parts_of(without))
    if not left:
        raise ConfigError("--without leaves no recording to judge by")
    return left


def _cross_validated(
    signals: Sequence[LabelledSignal], count: int, seed: int, doubted: Sequence[str], jobs: int, work: Path
) -> CrossValidation:
    try:
        from nictate.training.crossvalidate import cross_validate
        from nictate.training.recipe import Recipe
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is missing: install nictate[train]") from None
    say(f"{len({s.subject for s in signals})} people, {len(signals)} recordings, {count} folds, kept in {work}")
    with progress(1.0, "") as advance:
        return cross_validate(signals, work, Recipe(seed=seed), count, doubted, jobs, say, advance)


def _print(found: dict[str, Any]) -> None:
    sure = found["intervals"]
    out.print(_table("recording", found["recordings"], {}))
    out.print(_table("person", found["people"], {}))
    if found["conditions"]:
        out.print(_table("recordings", found["conditions"], {}))
    out.print(_table("set", {**found["sets"], "all": found["overall"]}, {**sure["sets"], "all": sure["overall"]}))
    each = found["per_person"]["overall"]["f1"]
    if each["people"]:
        mean, median = (_cell(each[of], ".3f", each[f"{of}_interval"]) for of in ("mean", "median"))
        out.print(f"F1 of each of the {each['people']} people who blink: mean {mean}, median {median}")
    if "robustness" in found:
        _print_robust(found)


def _print_robust(found: dict[str, Any]) -> None:
    table = Table("the same recordings", "people", "F1 as they are", "F1 changed", "falls by")
    for row in found["robustness"]:
        f1 = [_cell(row[key], ".3f") for key in ("before", "after")]
        table.add_row(row["name"], str(row["people"]), *f1, _cell(row["fall"], ".3f", row["interval"]))
    out.print(table)
    table = Table("simulated", "false/min", "among blinks", "recall between saccades", "of the same without")
    for row in found["gaze"]:
        recall = [_cell(row[key], ".3f") for key in ("recall", "recall_without_saccades")]
        false = [_cell(row[f"false_alarms_{what}per_minute"], ".2f") for what in ("", "among_blinks_")]
        table.add_row(row["script"], *false, *recall)
    out.print(table)


def _table(what: str, rows: dict[str, dict[str, Any]], sure: dict[str, dict[str, Any]]) -> Table:
    """Measures by name; ``sure`` has the intervals of some."""
    caption = "Times in ms: median (95th percentile). Vain starts: completed by no blink."
    sure_of = " In brackets: 95 % interval over people." if sure else ""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption=caption + sure_of, caption_justify="left")
    table.add_column(what, no_wrap=True)
    for name in ("blinks", "precision", "recall", "F1", "false/min", "vain\nstarts", *TIMES.values()):
        table.add_column(name, justify="right", no_wrap=True)
    for name, row in rows.items():
        of = sure.get(name, {})
        table.add_row(
            escape(name),
            str(row["blinks"]),
            *(_cell(row[key], ".3f") for key in ("precision", "recall")),
            _cell(row["f1"], ".3f", of.get("f1")),
            _cell(row["false_alarms_per_minute"], ".2f", of.get("false_alarms_per_minute")),
            _cell(row["unconfirmed_starts_share"], ".0%"),
            *(_cell(row[f"{key}_median_ms"], ".0f", p95=row.get(f"{key}_p95_ms")) for key in TIMES),
        )
    return table


def _cell(value: float | None, form: str, interval: Sequence[float] | None = None, p95: float | None = None) -> str:
    """A measure, with its interval and its 95th percentile where there are such."""
    if value is None:
        return "-"
    sure = f" [{interval[0]:{form}}, {interval[1]:{form}}]" if interval else ""
    return escape(format(value, form) + sure + (f" ({p95:{form}})" if p95 is not None else ""))
