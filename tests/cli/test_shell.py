"""What every command needs."""

from __future__ import annotations

import os
import signal
import threading

import pytest
import typer

from nictate.cli import app, shell
from nictate.cli.shell import named_channels, progress, say, until
from nictate.signals import ConfigError

PATIENCE_S = 20.0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_what_runs_and_no_more(number: signal.Signals) -> None:
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    with until(None) as stop:
        assert not stop()
        os.kill(os.getpid(), number)
        assert stop()
    assert {n: signal.getsignal(n) for n in before} == before


def test_a_second_ctrl_c_interrupts_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)

    def insist() -> None:
        with until(None):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        insist()
    assert signal.getsignal(signal.SIGINT) is before


def test_the_time_that_was_given_runs_out() -> None:
    waiting = threading.Event()
    with until(0.1) as stop:
        for _ in range(round(PATIENCE_S / 0.02)):
            if stop():
                break
            waiting.wait(0.02)
        assert stop()


def test_the_clock_does_not_outlive_what_it_ends() -> None:
    threads = set(threading.enumerate())
    with until(3600.0) as stop:
        assert len(set(threading.enumerate()) - threads) == 1
        assert not stop()
    for thread in set(threading.enumerate()) - threads:
        thread.join(PATIENCE_S)
    assert set(threading.enumerate()) <= threads


@pytest.mark.parametrize(
    ("text", "names"),
    [(None, None), ("Fp1", ("Fp1",)), (" Fp1 ,, EEG Fp2-REF,", ("Fp1", "EEG Fp2-REF"))],
)
def test_channels_are_named_with_commas(text: str | None, names: tuple[str, ...] | None) -> None:
    assert named_channels(text) == names


@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_naming_no_channel_is_a_mistake(text: str) -> None:
    with pytest.raises(ConfigError, match="--channels"):
        named_channels(text)


@pytest.mark.parametrize("text", ["[bold]x[/bold]", "[/]", "a [link=file:///x] b", "Fp1 [µV] \\[", "x" * 500])
def test_what_is_said_is_said_as_it_is_on_one_line_beside_the_results(
    text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    say(text)
    assert capfd.readouterr() == ("", f"nictate: {text}\n")


def test_progress_leaves_nothing_behind_where_there_is_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with progress(2.0, "files") as advance:
        advance(1.0, "[/] half [bold]")
    out, err = capfd.readouterr()
    assert (out, err.strip()) == ("", "")


def test_long_work_says_in_a_log_how_far_it_is(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell, "LINE_EVERY_S", 0.0)
    with progress(4.0, "files") as advance:
        advance(1.0, "[/] half")
        advance(3.0, "")
    assert capfd.readouterr() == ("", "nictate: 25% done, [/] half\nnictate: 100% done\n")


def commands() -> dict[str, typer.core.TyperCommand]:
    group = typer.main.get_command(app)
    return {
        f"{name} {inner}".strip(): command
        for name, outer in group.commands.items()  # type: ignore[attr-defined]
        for inner, command in getattr(outer, "commands", {"": outer}).items()
    }


UNITS = {
    "annotate": ["s, amplitude in µV"],
    "evaluate": ["Seconds not scored at the start", "Seconds not scored at its end"],
    "bench": ["Seconds of signal", "rates in Hz"],
    "streams": ["Seconds to listen"],
    "run": ["after so many seconds", "V, mV, uV, nV"],
    "replay": ["Times real time"],
    "simulate": ["rate in Hz", "after so many seconds"],
    "demo": ["rate in Hz", "after so many seconds"],
    "train": [],
    "ica compare": ["so many seconds", "second of signal"],
    "label": [],
    "listen": ["after so many seconds"],
    "log": ["older than so many days", "so many MB"],
    **{f"exercises {command}": [] for command in ("list", "show", "check", "plot")},
}


@pytest.mark.parametrize("name", sorted(commands()))
def test_help_says_units_and_what_happens_by_default(name: str) -> None:
    command = commands()[name]
    text = " ".join(command.get_help(typer.Context(command, info_name=name)).split())
    for words in UNITS[name]:
        assert words in text
    for option in command.params:
        if option.param_type_name == "argument":
            continue
        assert max(option.opts, key=len) in text
        assert option.help, (name, option.name)  # type: ignore[attr-defined]
        # What a number or a text is when nobody says is shown, or the help says it in words.
        if not option.is_flag and option.default is None:  # type: ignore[attr-defined]
            assert "[default: " in option.help or option.help.startswith("Also"), (name, option.name)  # type: ignore[attr-defined]
