"""Commands on ways of cleaning: ica compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from nictate.cli.shell import Model, app, named_channels, out, progress, say
from nictate.signals import ConfigError

ica = typer.Typer(help="Un-mixing of multichannel EEG.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(ica, name="ica")


@ica.command()
def compare(
    file: Annotated[Path, typer.Argument(help="A recording of several channels: any file that MNE reads, or XDF.")],
    channels: Annotated[str | None, typer.Option(help="Only these channels: Fp1,Fz,Cz. [default: all EEG]")] = None,
    eog: Annotated[
        str | None, typer.Option(help="Channels of the eyes: EOG1,EOG2. [default: what the file says]")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=10.0, help="Only so many seconds from the start. [default: all]")
    ] = None,
    start: Annotated[
        float | None,
        typer.Option("--from", min=0.0, help="Measure from this second on. [default: 30, or a third of the recording]"),
    ] = None,
    as_json: Annotated[Path | None, typer.Option("--json", help="Also write everything to this file.")] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Also draw maps, averages and distortions, as PNG, to this file.")
    ] = None,
    model: Model = None,
) -> None:
    """Compare ways to clean a recording of blinks: online ICA, ICA offline, ASR, regression (needs nictate[compare]).

    Residual of the blinks against the floor, distortion of the signal between them, and cost per second of signal.
    """
    try:
        from nictate.comparison.compare import HEADINGS, cells, usual_methods
        from nictate.comparison.compare import compare as compare_methods
        from nictate.comparison.material import gather
        from nictate.comparison.picture import draw
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is missing: install nictate[compare]") from None
    material = gather(file, named_channels(channels), named_channels(eog), seconds, model, say)
    methods = usual_methods(model)
    with progress(len(methods), "methods") as advance:
        comparison = compare_methods(material, methods, say, lambda name: advance(1.0, name), start)
    table = Table(*HEADINGS)
    for row in comparison.rows:
        table.add_row(*(escape(cell) for cell in cells(row)))
    out.print(table)
    for row in comparison.rows:
        for line in row.notes:
            say(f"{row.method}: {line}")
    if as_json is not None:
        as_json.write_text(json.dumps(comparison.to_dict(), indent=2) + "\n", encoding="utf-8")
    if picture is not None:
        draw(comparison, picture, say)
