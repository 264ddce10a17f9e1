"""Exit codes: 0 for success, 1 for failures, 2 for the operator's mistakes; each with one line and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from programs import simulated

from nictate import __version__
from nictate.cli import app, main
from nictate.signals import ConfigError, StreamError


@dataclass(frozen=True, slots=True)
class Told:
    code: int
    out: str
    lines: list[str]
    """On stderr, those with nothing in them left out."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the operator sits: a good recording, and a file that is none."""
    folder = tmp_path_factory.mktemp("desk")
    simulated(folder / "x_eeg.fif", 4.0)
    (folder / "foreign.edf").write_text("nothing of the kind", encoding="utf-8")
    (folder / "empty").mkdir()
    return folder


MISTAKES = [
    ("annotate x_eeg.fif --out new --channels Fp9", "no channel Fp9"),
    ("annotate x_eeg.fif", "x_events.tsv exists already"),
    ("annotate x_eeg.fif --out new --model gone.json", "gone.json"),
    ("annotate x_eeg.fif --out new --channels ,", "--channels"),
    ("annotate x_eeg.fif empty/x_eeg.fif --out new", "both be written"),
    ("annotate", "files"),
    ("annotate x_eeg.fif --nope", "--nope"),
    ("annotate x_eeg.fif --jobs 0", "--jobs"),
    ("nope", "nope"),
    ("replay x_eeg.fif --speed fast", "--speed fast"),
    ("replay x_eeg.fif --speed 0", "above 0"),
    ("replay x_eeg.fif --speed nan", "above 0"),
    ("replay x_eeg.fif --channels Fp9", "no channel Fp9"),
    ("evaluate gone", "gone: no such folder"),
    ("train gone", "gone: no such folder"),
    ("bench --channels two", "--channels"),
    ("bench --channels 1000 --rates 250", "1000"),
    ("bench --channels 1 --rates 10", "10 Hz"),
    ("simulate --montage nope", "nope"),
    ("simulate --rate 5", "5 Hz"),
    ("simulate --seed -1", "seed"),
    ("demo --rate 5", "5 Hz"),
    ("run --model gone.json", "gone.json"),
]
FAILURES = [
    ("annotate foreign.edf --out new", "foreign.edf"),
    ("annotate gone.edf --out new", "gone.edf"),
    ("replay foreign.edf", "foreign.edf"),
    ("replay gone.edf", "gone.edf"),
]


def tell(arguments: str, desk: Path) -> Told:
    done = subprocess.run(
        [sys.executable, "-m", "nictate", *arguments.split()],
        capture_output=True,
        encoding="utf-8",
        check=False,
        cwd=desk,
        timeout=60,
        env={**os.environ, "COLUMNS": "200"},
    )
    return Told(done.returncode, done.stdout, [line for line in done.stderr.splitlines() if line.strip()])


@pytest.fixture
def inside(desk: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In this process: one of its own takes a second to start, and there is much to get wrong."""
    monkeypatch.chdir(desk)
    yield
    assert not (desk / "new").exists() or not list((desk / "new").iterdir())


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize(
    ("arguments", "words", "code"), [(*told, 2) for told in MISTAKES] + [(*told, 1) for told in FAILURES]
)
def test_a_mistake_is_one_line_and_2_and_a_failure_one_line_and_1(
    arguments: str, words: str, code: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["nictate", *arguments.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capfd.readouterr()
    assert ended.value.code == code, err
    # Within pytest, MNE also writes its warnings to the standard output; not so in a process of its own.
    assert code == 1 or out.strip() == ""
    (line,) = [line for line in err.splitlines() if line.strip()]
    assert line.startswith("nictate: ")
    assert words in line


@pytest.mark.parametrize(("told", "code"), [(MISTAKES[0], 2), (MISTAKES[6], 2), (FAILURES[0], 1)])
def test_so_it_is_in_a_process_of_its_own(told: tuple[str, str], code: int, desk: Path) -> None:
    arguments, words = told
    found = tell(arguments, desk)
    assert (found.code, found.out) == (code, ""), found
    (line,) = found.lines
    assert words in line


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("a reason"), 2),
        (StreamError("a reason"), 1),
        (PermissionError(13, "a reason"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_error_has_its_exit_code(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr("nictate.edges.lsl.streams", fail)
    monkeypatch.setattr("nictate.edges.lsl.now", fail)
    monkeypatch.setattr(sys, "argv", ["nictate", "simulate"])
    with pytest.raises(SystemExit) as ended:
        main()
    err = capfd.readouterr().err
    assert ended.value.code == code
    assert ("a reason" in err) == (code != 130)
    assert "Traceback" not in err


def test_what_is_a_bug_is_not_dressed_up_as_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("nictate.edges.lsl.now", fail)
    monkeypatch.setattr(sys, "argv", ["nictate", "simulate"])
    with pytest.raises(ZeroDivisionError):
        main()


def test_version_and_help_are_successes(desk: Path) -> None:
    assert tell("--version", desk) == Told(0, f"nictate {__version__}\n", [])
    told = tell("-h", desk)
    assert told.code == 0
    for command in app.registered_commands:
        assert command.callback is not None
        assert command.callback.__name__ in told.out
