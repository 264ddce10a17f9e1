"""The command as its user starts it: a process of its own, with what it says."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import mne
import numpy as np
import pytest

from nictate.cli import main
from nictate.signals import FloatArray
from nictate.simulate import Simulator

PATIENCE_S = 60.0
"""Only a test that fails takes so long."""

MODULES = """if True:
    import atexit, sys
    atexit.register(lambda: print("loaded:", *sorted({"torch", "matplotlib"} & set(sys.modules)), file=sys.stderr))
    from nictate.__main__ import main
    main()
"""
"""The command, telling at its end which of the libraries that it must not need it has loaded."""


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", MODULES, *map(str, arguments)]


def nictate(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        [sys.executable, "-m", "nictate", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        check=False,
        cwd=cwd,
        timeout=PATIENCE_S,
    )


def call(arguments: Sequence[object], monkeypatch: pytest.MonkeyPatch) -> int:
    """In this process, which has everything loaded."""
    monkeypatch.setattr(sys, "argv", ["nictate", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "300")
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


class Program:
    """It runs, and each of its lines can be awaited."""

    def __init__(self, *arguments: object) -> None:
        pipe = subprocess.PIPE
        # Unbuffered, as a terminal would see it.
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
        self._home = tempfile.TemporaryDirectory(prefix="nictate-home-")  # A journal of its own.
        environment |= {"XDG_STATE_HOME": self._home.name, "HOME": self._home.name, "LOCALAPPDATA": self._home.name}
        self.process = subprocess.Popen(
            command(*arguments), stdout=pipe, stderr=pipe, encoding="utf-8", env=environment
        )
        self.out: list[str] = []
        self.err: list[str] = []
        self._news = threading.Condition()
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._readers = [
            threading.Thread(target=self._read, args=pair)
            for pair in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, pipe: IO[str], lines: list[str]) -> None:
        with pipe:
            for line in pipe:
                with self._news:
                    lines.append(line.rstrip("\n"))
                    self._news.notify_all()

    def until(self, done: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(done, PATIENCE_S), (self.out, self.err)

    def says(self, words: str) -> None:
        """Wait for a line on stderr."""
        self.until(lambda: any(words in line for line in self.err))

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in list(self.out)]

    def ends(self) -> int:
        """Wait for its end; the exit code."""
        code = self.process.wait(PATIENCE_S)
        for reader in self._readers:
            reader.join()
        self._home.cleanup()
        return code

    def interrupt(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.ends()


@contextmanager
def running(*arguments: object) -> Iterator[Program]:
    """Never outlives the test."""
    program = Program(*arguments)
    try:
        yield program
    finally:
        if program.process.poll() is None:
            program.process.kill()
        program.ends()


def save(path: Path, names: list[str], samples_uv: FloatArray, rate_hz: float) -> Path:
    raw = mne.io.RawArray(1e-6 * samples_uv.T, mne.create_info(names, rate_hz, "eeg"), verbose="error")
    raw.save(path, verbose="error")
    return path


def simulated(path: Path, seconds: float, seed: int = 1, montage: Sequence[str] = ("Fp1", "Fp2", "Cz")) -> Simulator:
    """Write a simulated recording as FIF, and its blinks as the labels beside it, those of no usual kind as ignored."""
    simulator = Simulator(montage, 250.0, seed=seed)
    block = simulator.pull(round(seconds * 250.0))
    save(path, list(simulator.montage.names), block.samples, 250.0)
    rows = [
        f"{b.onset:.4f}\t{b.end - b.onset:.4f}\t{b.kind if b.kind == 'blink' else 'ignore'}\t{b.peak:.4f}"
        for b in simulator.blinks()
    ]
    labels = path.with_name(path.name.replace("_eeg.fif", "_events.tsv"))
    labels.write_text("\n".join(["onset\tduration\ttrial_type\tpeak", *rows]) + "\n", encoding="utf-8")
    return simulator


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def column(rows: list[dict[str, Any]], name: str, kind: str = "blink") -> FloatArray:
    """The numbers of a column, in the rows of one kind."""
    return np.array([float(row[name]) for row in rows if row.get("trial_type", row.get("kind")) == kind])
