"""Commands on recordings and models: annotate, train, bench."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from nictate.cli.shell import Channels, Ica, Model, app, named_channels, out, parts_of, progress, say
from nictate.signals import Block, ConfigError


@app.command()
def annotate(
    files: Annotated[
        list[Path], typer.Argument(help="Recordings, or folders of them: text, XDF, or any file that MNE reads.")
    ],
    folder: Annotated[
        Path | None, typer.Option("--out", help="Folder for the events. [default: beside the file]")
    ] = None,
    starts: Annotated[bool, typer.Option("--starts", help="Also write the blink/start events.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace events files that exist.")] = False,
    channels: Channels = None,
    ica: Ica = "auto",
    clean: Annotated[
        bool, typer.Option("--clean", help="Also write the EEG without blinks, as <name>_desc-cleaned_eeg.fif.")
    ] = False,
    patterns: Annotated[
        bool, typer.Option("--patterns", help="Also write double, triple and long blinks, as rows of their own.")
    ] = False,
    features: Annotated[
        bool, typer.Option("--features", help="Also write the shape of each blink, as further columns.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Files at a time, each in a process of its own.")] = 1,
    model: Model = None,
) -> None:
    """Find the blinks in recordings and write them as BIDS events (onset, duration, peak ... in s, amplitude in µV)."""
    from nictate.edges.recordings import signals_in
    from nictate.service import Annotate, Annotation

    files = [path for named in files for path in signals_in(named)]
    if not files:
        raise ConfigError("no recordings in the folders that were named")
    task = Annotate(folder, starts, overwrite, named_channels(channels), model, ica, clean, patterns, features)
    codes = {0}

    def done(result: Annotation) -> None:
        if result.error:
            codes.add(2 if result.mistake else 1)
        for line in result.warnings:
            say(f"{result.path.name}: {line}")
        if result.error:
            say(result.error if result.path.name in result.error else f"{result.path}: {result.error}")
        if result.events is not None:
            out.print(escape(f"{result.events}: {result.blinks} blinks in {result.seconds:.1f} s"))
        advance(1.0, "")

    with progress(len(files), "files") as advance:
        heard_s = 0.0

        def heard(block: Block) -> None:
            nonlocal heard_s
            heard_s += float(block.times[-1] - block.times[0]) if len(block) else 0.0
            advance(0.0, f"{heard_s:.0f} s heard")

        task.many(files, jobs, heard, done)
    raise typer.Exit(1 if 1 in codes else max(codes))


@app.command()
def train(
    data: Annotated[Path, typer.Argument(help="Folder of labelled recordings.")],
    folder: Annotated[Path, typer.Option("--out", help="Folder for blink.onnx and blink.json.")] = Path("models"),
    start: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Train this model (its card) further, on DATA alone; keep it only if better. [default: from nothing]",
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder for the report with its pictures. [default: report]")
    ] = None,
    everybody: Annotated[
        bool,
        typer.Option("--everybody", help="Cross-validate, then train on everybody: how the shipped model is made."),
    ] = False,
    work: Annotated[
        Path, typer.Option(help="With --everybody: folder that the cross-validation is kept in, to go on or to reuse.")
    ] = Path("crossvalidation"),
    doubt: Annotated[
        str, typer.Option(help="With --everybody: learn nothing from recordings with one of these in their names.")
    ] = "",
    jobs: Annotated[int, typer.Option(min=1, help="With --everybody: folds at a time, each two processes.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same weights.")] = 1,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs. [default: the recipe's]")] = None,
    batches: Annotated[int | None, typer.Option(min=1, help="Batches an epoch. [default: the recipe's]")] = None,
) -> None:
    """Train the network on labelled recordings and write the model, its card and a report (needs nictate[train]).

    With --from, an existing model learns on from your own recordings. It is replaced only if it does better on a part
    of them that it has not learned from: exit code 1 when it does not.
    """
    try:
        from nictate.training.everybody import train_on_everybody
        from nictate.training.finetune import finetune
        from nictate.training.recipe import Recipe
        from nictate.training.train import train as train_model
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is missing: install nictate[train]") from None
    if not everybody and (doubt or jobs > 1):
        raise ConfigError("--doubt and --jobs belong to --everybody")
    if start is not None and (everybody or report is not None):
        raise ConfigError("--from goes with neither --everybody nor --report")
    with progress(1.0, "") as advance:
        if start is not None:
            done = finetune(start, data, folder, seed, epochs, batches, say, advance)
            say(done.line)
            raise typer.Exit(0 if done.written else 1)
        report = report or Path("report")
        if not everybody:
            train_model(data, folder, report, seed, epochs, batches, say, advance)
            return
        recipe = Recipe(seed=seed)
        recipe = dataclasses.replace(recipe, epochs=epochs or recipe.epochs, batches=batches or recipe.batches)
        train_on_everybody(data, folder, report, recipe, work, 4, parts_of(doubt), jobs, say, advance)


@app.command()
def bench(
    seconds: Annotated[float, typer.Option(min=1.0, help="Seconds of signal for each measurement.")] = 20.0,
    channels: Annotated[str, typer.Option(help="Numbers of channels.")] = "1,2,8,32,64,128",
    rates: Annotated[str, typer.Option(help="Sampling rates in Hz.")] = "250,500,1000",
    model: Model = None,
    as_json: Annotated[Path | None, typer.Option("--json", help="Also write everything to this file.")] = None,
    whole: Annotated[
        bool, typer.Option("--service", help="How long from a sample to the event at the subscribers of the service.")
    ] = False,
    subscribers: Annotated[int, typer.Option(min=1, max=250, help="With --service: so many that read.")] = 1,
    stalled: Annotated[int, typer.Option(min=0, max=200, help="With --service: so many more that read nothing.")] = 0,
) -> None:
    """Measure on this machine what a second of signal costs, per stage; or the latency of the whole service."""

    from nictate.bench import STAGES, cost, machine

    try:
        grid = [(int(c), float(r)) for c in channels.split(",") for r in rates.split(",")]
    except ValueError:
        raise ConfigError("--channels and --rates take numbers with commas between them") from None
    if whole:
        _bench_service(grid[0] if len(grid) == 1 else (8, 250.0), seconds, subscribers, stalled, as_json)
        return
    table = Table("channels", "rate", "ms per s", "x real time", *STAGES)
    costs = []
    with progress(len(grid), "measurements") as advance:
        for count, rate in grid:
            advance(0.0, f"{count} channels at {rate:g} Hz")
            one = cost(count, rate, seconds, model)
            costs.append({**dataclasses.asdict(one), "times_real_time": one.times_real_time})
            table.add_row(
                str(count),
                f"{rate:g} Hz",
                f"{one.total_ms:.2f}",
                f"{one.times_real_time:.0f}",
                *(f"{one.stages_ms[name]:.2f}" for name in STAGES),
            )
            advance(1.0, "")
    out.print(table)
    if as_json is not None:
        as_json.write_text(json.dumps({"machine": machine(), "costs": costs}, indent=2) + "\n", encoding="utf-8")


def _bench_service(
    stream: tuple[int, float], seconds: float, subscribers: int, stalled: int, as_json: Path | None
) -> None:

    from nictate.bench import machine
    from nictate.latency import measure

    channels, rate_hz = stream
    say(
        f"{channels} channels at {rate_hz:g} Hz for {seconds:g} s, {subscribers} subscribers and {stalled} stalled ones"
    )
    found = measure(channels, rate_hz, seconds, subscribers, stalled)
    table = Table("events", "subscribers", "stalled", "median", "p95", "largest", "missing")
    times = (f"{ms:.1f} ms" for ms in (found.median_ms, found.p95_ms, found.largest_ms))
    table.add_row(str(found.events), str(found.subscribers), str(found.stalled), *times, str(found.missing))
    out.print(table)
    if as_json is not None:
        told = {"machine": machine(), "channels": channels, "rate_hz": rate_hz, **dataclasses.asdict(found)}
        as_json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
