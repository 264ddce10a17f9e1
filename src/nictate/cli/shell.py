"""What every command needs: the application, its consoles, Ctrl-C and progress."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from nictate import __version__
from nictate.signals import ConfigError

app = typer.Typer(
    help="Real-time blink detection on EEG: LSL in, blink events out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True, highlight=False, soft_wrap=True)

LINE_EVERY_S = 60.0
"""How long work is silent in a log: what is done sooner says only what it found."""

Model = Annotated[
    Path | None, typer.Option("--model", help="Model card (JSON, the .onnx beside it). [default: shipped]")
]
Ica = Annotated[
    Literal["auto", "on", "off"],
    typer.Option(help="Online ICA: auto, on (a blink source from 4 channels on, instead of 8), off."),
]
Channels = Annotated[
    str | None,
    typer.Option(help="Channels to look at, by label or number from 1: Fp1,Fp2. [default: the frontal ones]"),
]
Seconds = Annotated[float | None, typer.Option(min=0.1, help="End after so many seconds. [default: with Ctrl-C]")]


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


def say(line: str) -> None:
    """One line for the operator, beside the results."""
    err.print(f"nictate: {line}", markup=False)


def named_channels(channels: str | None) -> tuple[str, ...] | None:
    if channels is None:
        return None
    names = parts_of(channels)
    if not names:
        raise ConfigError("--channels names no channel")
    return names


def parts_of(listed: str | None) -> tuple[str, ...]:
    """What stands between the commas."""
    return tuple(part.strip() for part in (listed or "").split(",") if part.strip())


@contextmanager
def until(seconds: float | None) -> Iterator[Callable[[], bool]]:
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
def progress(total: float, unit: str) -> Iterator[Callable[[float, str], None]]:
    """A bar on the terminal, elsewhere a line from time to time: ``advance(amount, text)``."""
    if not err.is_terminal:
        yield _lines(total)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} " + unit),
    )
    with Progress(*columns, TimeRemainingColumn(), console=err, transient=True) as bar:
        task = bar.add_task("", total=total)

        def advance(amount: float, text: str) -> None:
            bar.update(task, advance=amount, description=escape(text))

        yield advance


def _lines(total: float) -> Callable[[float, str], None]:
    done, last = 0.0, time.monotonic()

    def advance(amount: float, text: str) -> None:
        nonlocal done, last
        done += amount
        if time.monotonic() - last >= LINE_EVERY_S:
            last = time.monotonic()
            say(f"{done / total:.0%} done{f', {text}' if text else ''}")

    return advance
