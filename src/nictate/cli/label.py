"""The command that helps a person to label blinks: label."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from nictate.cli.shell import Channels, Ica, Model, app, named_channels, out, progress, say
from nictate.detector import Detector
from nictate.ica import Mode
from nictate.signals import Block, ConfigError

if TYPE_CHECKING:
    from nictate.edges.recordings import Label, Recording


@app.command()
def label(
    file: Annotated[Path, typer.Argument(help="A recording: any file that nictate reads.")],
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Write the proposals as they are, for correction elsewhere.")
    ] = False,
    to: Annotated[
        Path | None,
        typer.Option(help="Write MNE's annotations, .txt or .fif, instead. [default: <name>_events.tsv]"),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace labels that exist; the browser starts from them.")
    ] = False,
    channels: Channels = None,
    ica: Ica = "auto",
    model: Model = None,
) -> None:
    """Propose blinks, show them in MNE's browser for correction, and write labels that train and evaluate take.

    The labels go beside the file, <name>_events.tsv. Those that are written without a look into the browser have the
    note 'proposed'; whoever corrects them elsewhere takes it away.
    """
    from nictate.edges import recordings

    browser = not no_browser and to is None
    target = to or recordings.events_path(file)
    if target.exists() and not overwrite:
        raise ConfigError(f"{target} exists already: --overwrite to correct or replace it")
    recording = recordings.read(file, channels=named_channels(channels))
    for line in recording.warnings:
        say(line)
    if browser and target.exists():
        labels = tuple(x for x in recordings.read_labels(target) if x.kind in ("blink", "ignore"))
        say(f"{len(labels)} labels so far")
    else:
        labels = _proposals(recording, channels, ica, model)
        say(f"{len(labels)} blinks proposed")
    if to is not None:
        recordings.save_annotations(to, labels, overwrite=overwrite)
    else:
        if browser:
            labels = recordings.browse(recording, labels)
        recordings.write_labels(target, labels, overwrite=overwrite)
    blinks = sum(x.kind == "blink" for x in labels)
    out.print(escape(f"{target}: {blinks} blinks" + ("" if browser else ", not yet looked at")))


def _proposals(recording: Recording, channels: str | None, ica: Mode, model: Path | None) -> tuple[Label, ...]:
    from nictate.edges.onnx import load_model
    from nictate.edges.recordings import PROPOSED, Label
    from nictate.service import channels_for, find_blinks, ica_for, shipped_card

    card, network = load_model(model or shipped_card())
    looked_at, said = channels_for(recording.montage, named_channels(channels))
    for line in said:
        say(line)
    detector = Detector(
        card, network, recording.montage, looked_at, None, ica_for(card, recording.montage, looked_at, ica)
    )
    with progress(recording.duration_s, "s") as advance:

        def heard(block: Block) -> None:
            advance(len(block) / recording.montage.rate_hz, recording.path.name)

        events = find_blinks(detector, recording.blocks(), heard)
    return tuple(
        Label("blink", event.onset, event.end, event.peak, PROPOSED)
        for event in events
        if event.kind == "blink" and event.end is not None
    )
