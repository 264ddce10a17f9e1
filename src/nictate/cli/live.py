"""Commands on live streams: streams, run, replay, simulate, demo."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from nictate.cli.shell import Channels, Ica, Model, Seconds, app, named_channels, out, say, until
from nictate.detector import Detector
from nictate.signals import BlinkEvent, ConfigError, Montage


@app.command()
def streams(
    wait: Annotated[float, typer.Option(min=0.1, help="Seconds to listen for streams.")] = 2.0,
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
        say("no stream found; is the headset's software running, and its LSL output switched on?")
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
    ica: Ica = "auto",
    clean: Annotated[
        bool, typer.Option("--clean", help="Publish the EEG without blinks as '<name> cleaned', in µV.")
    ] = False,
    state: Annotated[
        Path | None,
        typer.Option(help="Keep what the ICA learns in this file, and go on from it. [default: none]"),
    ] = None,
    model: Model = None,
    seconds: Seconds = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object an event.")] = False,
) -> None:
    """Connect to a headset, print each blink as it is detected, and publish it on LSL. Ctrl-C ends it."""
    from nictate.edges.lsl import CLEANED, EegOutlet, LslSource, MarkerOutlet, Query
    from nictate.edges.onnx import load_model
    from nictate.service import CLEANING, Learned, beside, channels_for, ica_for, shipped_card, watch
    from nictate.wire import marker_of

    card, network = load_model(model or shipped_card())
    named = named_channels(channels)
    learned = Learned(state) if state is not None else None
    query = Query(name=name, type=kind, source_id=source_id, hostname=hostname, uid=uid)
    with (
        until(seconds) as stop,
        LslSource(query, channels=named, unit=unit, restamp=restamp, say=say) as source,
        ExitStack() as outlets,
        beside() as submit,
    ):
        montage = source.open(stop)
        if montage is None:
            return
        told = source.stream
        say(f"connected to {told}: {len(montage.names)} channels at {montage.rate_hz:g} Hz")
        cleaned = outlets.enter_context(ExitStack())
        latest: list[Detector] = []
        tell_ica = _teller()

        def build(montage: Montage) -> Detector:
            looked_at, said = channels_for(montage, named)
            known = None
            if learned is not None:
                known = learned.after(latest[0], montage) if latest else learned.state
            unmixing = ica_for(
                card, montage, looked_at, ica, clean=clean or learned is not None, submit=submit, state=known
            )
            on_clean = None
            if clean:
                cleaned.close()
                outlet = EegOutlet(
                    montage,
                    f"{told.name} cleaned",
                    f"{told.source_id or told.name}{CLEANED}",
                    like=source.described,
                    note=CLEANING,
                )
                on_clean = cleaned.enter_context(outlet).push
            detector = Detector(card, network, montage, looked_at, on_clean, unmixing)
            for line in said:
                say(line)
            say(f"looking at {', '.join(montage.names[k] for k in detector.channels[:12])}")
            latest[:] = [detector]
            return detector

        def each(detector: Detector) -> None:
            tell_ica(detector)
            if learned is not None:
                learned.each(detector)

        sinks: list[Callable[[BlinkEvent], None]] = [_printer(as_json)]
        if markers:
            marks = outlets.enter_context(MarkerOutlet(markers, f"{markers}-{told.source_id or told.name}"))
            sinks.append(lambda event: marks.push(*marker_of(event)))
        try:
            watch(source, build, sinks, stop, each)
        finally:
            if learned is not None and latest:
                learned.write(latest[0])


def _teller() -> Callable[[Detector], None]:
    """Says where the ICA stands whenever that has become something else; numbers alone are no news."""
    told = ""

    def tell(detector: Detector) -> None:
        nonlocal told
        line = detector.ica.status.line
        if (gist := re.sub(r"[\d.]+", "", line)) != told:
            told = gist
            say(line)

    return tell


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
    from nictate.edges.lsl import EegOutlet, MarkerOutlet, play

    try:
        pace = float("inf") if speed == "max" else float(speed)
    except ValueError:
        raise ConfigError(f"--speed {speed}: a number, or max") from None
    if not pace > 0.0:
        raise ConfigError(f"--speed {speed}: it must be above 0")
    recording = recordings.read(file, channels=named_channels(channels))
    for line in recording.warnings:
        say(line)
    labels = [
        (label.onset if label.peak is None else label.peak, label.kind)
        for label in recordings.labels_beside(file)
        if label.kind == "blink"
    ]
    name = name or file.name
    source_id = source_id or f"nictate-replay-{file.name}"
    with until(None) as stop, EegOutlet(recording.montage, name, source_id, model=file.name) as outlet:
        marks = MarkerOutlet(f"{name} labels", f"{source_id}-labels") if labels else None
        say(
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
    channels: Annotated[
        int | None,
        typer.Option(min=1, max=128, help="So many channels of a usual montage. [default: those of --montage]"),
    ] = None,
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
    from nictate.edges.lsl import EegOutlet, MarkerOutlet, now
    from nictate.service import transmit
    from nictate.simulate import Simulator

    simulator = Simulator(channels or montage, rate, seed=seed, start_s=now())
    with (
        until(seconds) as stop,
        EegOutlet(simulator.montage, name, source_id, model="simulator") as outlet,
        MarkerOutlet(f"{name} truth", f"{source_id}-truth") as truth,
    ):
        say(f"streaming {name}: {len(simulator.montage.names)} channels at {rate:g} Hz; Ctrl-C ends it")
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

    with until(seconds) as stop:
        for line in run_demo(channels, rate, seed, model, stop, _printer(as_json=False), say):
            out.print(escape(line))
