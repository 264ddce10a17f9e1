"""The commands. Each reads its options, calls the service, and prints.

The operator's mistakes end with one line and exit code 2, failures with one line and exit code 1.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from nictate import __version__
from nictate.signals import BlinkEvent, Block, ConfigError, Montage, StreamError

app = typer.Typer(
    help="Real-time blink detection on EEG: LSL in, blink events out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Model = Annotated[
    Path | None, typer.Option("--model", help="Model card (JSON, the .onnx beside it). [default: shipped]")
]
Channels = Annotated[
    str | None,
    typer.Option(help="Channels to look at, by label or number from 1: Fp1,Fp2. [default: the frontal ones]"),
]
Seconds = Annotated[float | None, typer.Option(min=0.1, help="End after so many seconds. [default: with Ctrl-C]")]


def main() -> NoReturn:
    """The entry point: errors of ours become one line and an exit code."""
    try:
        app()
    except ConfigError as error:
        _say(str(error))
        sys.exit(2)
    except (StreamError, OSError) as error:
        _say(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"nictate {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def _say(line: str) -> None:
    """One line for the operator, beside the results."""
    err.print(f"nictate: {escape(line)}")


def _named(channels: str | None) -> tuple[str, ...] | None:
    if channels is None:
        return None
    names = tuple(name.strip() for name in channels.split(",") if name.strip())
    if not names:
        raise ConfigError("--channels names no channel")
    return names


@contextmanager
def _until(seconds: float | None) -> Iterator[Callable[[], bool]]:
    """Becomes true with Ctrl-C, a SIGTERM or after some seconds; a second Ctrl-C interrupts at once."""
    stopped = threading.Event()
    timer = threading.Timer(seconds, stopped.set) if seconds is not None else None

    def stop(number: int, _frame: FrameType | None) -> None:
        if stopped.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        yield stopped.is_set
    finally:
        if timer is not None:
            timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress(total: float, unit: str) -> Iterator[Callable[[float, str], None]]:
    """A bar on the terminal: ``advance(amount, text)``."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} " + unit),
    )
    with Progress(*columns, TimeRemainingColumn(), console=err, transient=True) as progress:
        task = progress.add_task("", total=total)

        def advance(amount: float, text: str) -> None:
            progress.update(task, advance=amount, description=escape(text))

        yield advance


# ------------------------------------------------------------------------------------------------------------- streams


@app.command()
def streams(
    wait: Annotated[float, typer.Option(min=0.1, help="Seconds to listen for streams.")] = 1.0,
    every: Annotated[bool, typer.Option("--all", help="Streams of every type, not only EEG.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the EEG streams on the network with their channels, rates and ids."""
    import dataclasses

    from nictate.edges import lsl

    found = lsl.streams(wait, every_type=every)
    if as_json:
        for stream in found:
            out.print_json(json.dumps(dataclasses.asdict(stream)), indent=None)
        return
    if not found:
        _say("no stream found; is the headset's software running, and its LSL output switched on?")
        return
    table = Table("name", "type", "channels", "rate", "host", "source_id", "uid")
    for stream in found:
        labels = ",".join(lsl.plain(label) for label in stream.labels if label)
        table.add_row(
            *(
                escape(text)
                for text in (
                    lsl.plain(stream.name),
                    lsl.plain(stream.type),
                    f"{stream.channel_count}: {labels[:200]}" if labels else str(stream.channel_count),
                    f"{stream.rate_hz:g} Hz",
                    lsl.plain(stream.hostname),
                    lsl.plain(stream.source_id),
                    stream.uid,
                )
            )
        )
    out.print(table)


@app.command()
def run(
    name: Annotated[str, typer.Option(help="Name of the stream.")] = "",
    kind: Annotated[str, typer.Option("--type", help="Type of the stream, capitals do not matter.")] = "EEG",
    source_id: Annotated[str, typer.Option(help="source_id of the stream.")] = "",
    hostname: Annotated[str, typer.Option(help="Machine that the stream comes from.")] = "",
    uid: Annotated[str, typer.Option(help="uid of the stream, which changes with every start of it.")] = "",
    channels: Channels = None,
    unit: Annotated[
        str | None, typer.Option(help="Unit of the samples: V, mV, uV, nV. [default: what the stream says]")
    ] = None,
    restamp: Annotated[
        bool, typer.Option(help="Stamp the samples anew, for drivers whose stamps are not on the LSL clock.")
    ] = False,
    markers: Annotated[str, typer.Option(help="Name of the LSL Markers outlet; empty for none.")] = "nictate",
    model: Model = None,
    seconds: Seconds = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object an event.")] = False,
) -> None:
    """Connect to a headset, print each blink as it is detected, and publish it on LSL. Ctrl-C ends it."""
    from nictate.edges.lsl import LslSource, Query
    from nictate.edges.onnx import load_model
    from nictate.edges.outlets import MarkerOutlet
    from nictate.service import detector_for, shipped_card, watch
    from nictate.wire import marker_of

    card, network = load_model(model or shipped_card())
    named = _named(channels)
    query = Query(name=name, type=kind, source_id=source_id, hostname=hostname, uid=uid)
    with (
        _until(seconds) as stop,
        LslSource(query, channels=named, unit=unit, restamp=restamp, say=_say) as source,
    ):
        montage = source.open(stop)
        if montage is None:
            return
        _say(f"connected to {source.stream}: {len(montage.names)} channels at {montage.rate_hz:g} Hz")

        def build(montage: Montage):  # type: ignore[no-untyped-def]
            detector, said = detector_for(card, network, montage, named)
            for line in said:
                _say(line)
            _say(f"looking at {', '.join(montage.names[k] for k in detector.channels[:12])}")
            return detector

        sinks: list[Callable[[BlinkEvent], None]] = [_printer(as_json)]
        if not markers:
            watch(source, build, sinks, stop)
            return
        told = source.stream
        with MarkerOutlet(markers, f"{markers}-{told.source_id or told.name}") as outlet:
            sinks.append(lambda event: outlet.push(*marker_of(event)))
            watch(source, build, sinks, stop)


def _printer(as_json: bool) -> Callable[[BlinkEvent], None]:
    """Prints each event at once; times count from now."""
    from nictate.edges.lsl import now
    from nictate.wire import line_of, to_json

    origin_s = now()

    def show(event: BlinkEvent) -> None:
        line = to_json(event) if as_json else line_of(event, origin_s, now())
        print(line, flush=True)  # noqa: T201  (results, for people and pipes, unstyled)

    return show


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A recording: any file that MNE reads, or XDF.")],
    speed: Annotated[
        str, typer.Option(help="Times real time, or max: as fast as a reader can be trusted to follow.")
    ] = "1",
    loop: Annotated[bool, typer.Option("--loop", help="Start again at the end.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a reader before starting.")] = False,
    name: Annotated[str, typer.Option(help="Name of the stream. [default: the file's]")] = "",
    source_id: Annotated[str, typer.Option(help="source_id of the stream. [default: from the file's name]")] = "",
    channels: Annotated[str | None, typer.Option(help="Only these channels: Fp1,Fp2. [default: all EEG]")] = None,
) -> None:
    """Play a recording as an LSL stream; blink labels beside the file become a Markers stream."""
    from nictate.edges import recordings
    from nictate.edges.outlets import EegOutlet, MarkerOutlet, play

    try:
        pace = float("inf") if speed == "max" else float(speed)
    except ValueError:
        raise ConfigError(f"--speed {speed}: a number, or max") from None
    recording = recordings.read(file, channels=_named(channels))
    for line in recording.warnings:
        _say(line)
    labels = [
        (label.onset if label.peak is None else label.peak, label.kind)
        for label in recordings.labels_beside(file)
        if label.kind == "blink"
    ]
    name = name or file.name
    source_id = source_id or f"nictate-replay-{file.name}"
    with _until(None) as stop, EegOutlet(recording.montage, name, source_id, model=file.name) as outlet:
        marks = MarkerOutlet(f"{name} labels", f"{source_id}-labels") if labels else None
        _say(
            f"streaming {name}: {len(recording.montage.names)} channels at {recording.montage.rate_hz:g} Hz, "
            f"{recording.duration_s:.0f} s" + (f", {len(labels)} labelled blinks" if labels else "")
        )
        while wait and not stop() and not outlet.wait_for_reader(0.2):
            pass
        while not stop():
            play(recording.blocks(), outlet, speed=pace, stop=stop, labels=sorted(labels), markers=marks)
            if not loop:
                break
        if marks is not None:
            marks.close()


@app.command()
def simulate(
    channels: Annotated[int | None, typer.Option(min=1, max=128, help="So many channels of a usual montage.")] = None,
    montage: Annotated[
        str, typer.Option(help="Montage: standard_1020, muse, openbci8, emotiv14, biosemi64 ...")
    ] = "standard_1020",
    rate: Annotated[float, typer.Option(help="Sampling rate in Hz.")] = 250.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same recording.")] = 0,
    name: Annotated[str, typer.Option(help="Name of the stream.")] = "nictate simulated headset",
    source_id: Annotated[str, typer.Option(help="source_id of the stream.")] = "nictate-simulate",
    seconds: Seconds = None,
) -> None:
    """A simulated headset as an LSL stream, with what really happened as a Markers stream."""
    from nictate.edges.lsl import now
    from nictate.edges.outlets import EegOutlet, MarkerOutlet
    from nictate.service import transmit
    from nictate.simulate import Simulator

    simulator = Simulator(channels or montage, rate, seed=seed, start_s=now())
    with (
        _until(seconds) as stop,
        EegOutlet(simulator.montage, name, source_id, model="simulator") as outlet,
        MarkerOutlet(f"{name} truth", f"{source_id}-truth") as truth,
    ):
        _say(f"streaming {name}: {len(simulator.montage.names)} channels at {rate:g} Hz; Ctrl-C ends it")
        transmit(simulator, outlet.push, truth.push, stop, now, time.sleep)


@app.command()
def demo(
    seconds: Seconds = None,
    channels: Annotated[int, typer.Option(min=1, max=128, help="Channels of the simulated headset.")] = 8,
    rate: Annotated[float, typer.Option(help="Its sampling rate in Hz.")] = 250.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same recording.")] = 0,
    model: Model = None,
) -> None:
    """A simulated headset streams over LSL, the detector listens to it and prints each blink as it finds it."""
    from nictate.demo import run_demo

    with _until(seconds) as stop:
        for line in run_demo(channels, rate, seed, model, stop, _printer(as_json=False), _say):
            out.print(escape(line))


# --------------------------------------------------------------------------------------------------------------- files


@app.command()
def annotate(
    files: Annotated[list[Path], typer.Argument(help="Recordings: any file that MNE reads, or XDF.")],
    folder: Annotated[
        Path | None, typer.Option("--out", help="Folder for the events. [default: beside the file]")
    ] = None,
    starts: Annotated[bool, typer.Option("--starts", help="Also write the blink/start events.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace events files that exist.")] = False,
    channels: Channels = None,
    jobs: Annotated[int, typer.Option(min=1, help="Files at a time, each in a process of its own.")] = 1,
    model: Model = None,
) -> None:
    """Find the blinks in recordings and write them as BIDS events (onset, duration, peak ... in s, amplitude in µV)."""
    from nictate.service import Annotate, Annotation

    task = Annotate(folder, starts, overwrite, _named(channels), model)
    failed = False

    def done(result: Annotation) -> None:
        nonlocal failed
        failed = failed or bool(result.error)
        for line in result.warnings:
            _say(f"{result.path.name}: {line}")
        if result.error:
            _say(result.error if result.path.name in result.error else f"{result.path}: {result.error}")
        if result.events is not None:
            out.print(escape(f"{result.events}: {result.blinks} blinks in {result.seconds:.1f} s"))
        advance(1.0, "")

    with _progress(len(files), "files") as advance:
        heard_s = 0.0

        def heard(block: Block) -> None:
            nonlocal heard_s
            heard_s += float(block.times[-1] - block.times[0]) if len(block) else 0.0
            advance(0.0, f"{heard_s:.0f} s heard")

        task.many(files, jobs, heard, done)
    if failed:
        raise typer.Exit(1)


@app.command()
def evaluate(
    data: Annotated[Path, typer.Argument(help="Folder of labelled recordings.")],
    model: Model = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Only the people that the model's card keeps for the test.")
    ] = False,
    as_json: Annotated[Path | None, typer.Option("--json", help="Also write everything to this file.")] = None,
    skip_start: Annotated[float, typer.Option(min=0.0, help="Seconds not scored at the start of a recording.")] = 1.0,
    skip_end: Annotated[float, typer.Option(min=0.0, help="Seconds not scored at its end.")] = 0.3,
) -> None:
    """Compare detected with labelled blinks, per recording, per person and overall."""
    from nictate.edges.onnx import load_model
    from nictate.service import shipped_card
    from nictate.training.corpus import load
    from nictate.training.judge import judge

    card, network = load_model(model or shipped_card())
    with _progress(1.0, "") as advance:
        signals = load(data, lambda done, of: advance(1.0 / of if done else 0.0, "reading"))
    if held_out:
        people = card.about.get("split", {}).get("test", [])
        signals = tuple(s for s in signals if s.subject in people)
        if not signals:
            raise ConfigError("none of the people that the card keeps for the test is in this folder")
    with _progress(len(signals), "recordings") as advance:
        verdict = judge(card, network, signals, (skip_start, skip_end), lambda name: advance(1.0, name))
    if as_json is not None:
        as_json.write_text(json.dumps(verdict.to_dict(), indent=2) + "\n", encoding="utf-8")
    out.print(_scores("recording", verdict.recordings))
    out.print(_scores("person", verdict.people))
    out.print(_scores("set", {**verdict.sets, "all": verdict.overall}))


def _scores(what: str, rows: dict) -> Table:  # type: ignore[type-arg]
    table = Table(
        what, "blinks", "precision", "recall", "F1", "false/min", "start after peak", "blink after peak", "peak error"
    )

    def cell(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    for name, found in rows.items():
        row = found.to_dict()
        table.add_row(
            escape(name),
            str(row["blinks"]),
            *(cell(row[key], ".3f") for key in ("precision", "recall", "f1")),
            cell(row["false_alarms_per_minute"], ".2f"),
            *(
                f"{cell(row[f'{key}_median_ms'], '.0f')} ms (p95 {cell(row[f'{key}_p95_ms'], '.0f')})"
                for key in ("start_latency", "blink_latency")
            ),
            f"{cell(row['peak_error_median_ms'], '.0f')} ms",
        )
    return table


@app.command()
def train(
    data: Annotated[Path, typer.Argument(help="Folder of labelled recordings.")],
    folder: Annotated[Path, typer.Option("--out", help="Folder for blink.onnx and blink.json.")] = Path("models"),
    report: Annotated[Path, typer.Option(help="Folder for the report with its pictures.")] = Path("report"),
    seed: Annotated[int, typer.Option(help="The same seed gives the same weights.")] = 1,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs. [default: the recipe's]")] = None,
    batches: Annotated[int | None, typer.Option(min=1, help="Batches an epoch. [default: the recipe's]")] = None,
) -> None:
    """Train the network on labelled recordings and write the model, its card and a report (needs nictate[train])."""
    try:
        from nictate.training.train import train as train_model
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is missing: install nictate[train]") from None
    with _progress(1.0, "") as advance:
        train_model(data, folder, report, seed, epochs, batches, _say, advance)


@app.command()
def bench(
    seconds: Annotated[float, typer.Option(min=1.0, help="Seconds of signal for each measurement.")] = 20.0,
    channels: Annotated[str, typer.Option(help="Numbers of channels.")] = "1,2,8,32,64,128",
    rates: Annotated[str, typer.Option(help="Sampling rates in Hz.")] = "250,500,1000",
    model: Model = None,
    as_json: Annotated[Path | None, typer.Option("--json", help="Also write everything to this file.")] = None,
) -> None:
    """Measure the cost per second of signal on this machine, per stage."""
    import dataclasses

    from nictate.bench import STAGES, cost, machine

    try:
        grid = [(int(c), float(r)) for c in channels.split(",") for r in rates.split(",")]
    except ValueError:
        raise ConfigError("--channels and --rates take numbers with commas between them") from None
    table = Table("channels", "rate", "ms per s", "x real time", *STAGES)
    costs = []
    with _progress(len(grid), "measurements") as advance:
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
