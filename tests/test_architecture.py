"""Who may import whom, and what else holds for every source file. The rules are the table below."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SOURCES = {
    ".".join(path.relative_to(TESTS.parent / "src/nictate").with_suffix("").parts): path
    for path in sorted((TESTS.parent / "src/nictate").rglob("*.py"))
}

# In the order of the flow: each may import those before it.
UNMIXING = ("kept", "passband", "drift", "unmixing", "refit", "orica")
OCULAR = ("survey", "gate", "ocular", "members", "succession", "standing")
SIGNAL_PATH = (
    "signals",
    "framing",
    "quality",
    *UNMIXING,
    *OCULAR,
    "ica",
    "filters",
    "rereference",
    "scaling",
    "windows",
)
STREAM_PATH = ("units", "stream", "dejitter", "reception")
SIMULATION = ("electrodes", "profile", "head", "waveforms", "scenario", "background", "simulate")
EVENTS = ("apex", "features", "decision", "patterns", "closures", "status", "tally", "wire", "tables", "scene")
PURE = (*SIGNAL_PATH, "habits", *EVENTS, "card", *STREAM_PATH, *SIMULATION, "detector", "config")
# What would tie the core to a clock, a thread, another process, the network or a log.
IMPURE = {"asyncio", "datetime", "logging", "multiprocessing", "socket", "subprocess", "threading", "time"}
WRITES_DATES = {"wire"}  # datetime, to write a given time for people and machines.
SCIENCE = ("numpy", "scipy")


@dataclass(frozen=True, slots=True)
class Rule:
    package: tuple[str, ...] = ()
    """Modules and subpackages of nictate that may be imported."""
    libraries: tuple[str, ...] = ()
    """Top-level names that may be imported beside the standard library."""


# A file obeys the first row that its name matches. A library in one row only has its one home there.
RULES = {
    **{name: Rule(PURE[:rank], SCIENCE) for rank, name in enumerate(PURE)},
    "refit": Rule(("signals", *UNMIXING[:4]), (*SCIENCE, "picard")),
    "edges.lsl.*": Rule((*PURE, "edges.lsl"), (*SCIENCE, "pylsl")),
    "edges.onnx": Rule(PURE, (*SCIENCE, "onnxruntime")),
    "edges.recordings.mne_files": Rule((*PURE, "edges.recordings"), (*SCIENCE, "mne")),
    "edges.recordings.browser": Rule((*PURE, "edges.recordings"), (*SCIENCE, "matplotlib", "mne")),
    "edges.recordings.cleaned": Rule((*PURE, "edges.recordings"), (*SCIENCE, "mne")),
    "edges.recordings.xdf": Rule((*PURE, "edges.recordings"), (*SCIENCE, "pyxdf")),
    "edges.recordings.*": Rule((*PURE, "edges.recordings"), SCIENCE),
    "edges.journal.*": Rule((*PURE, "edges.journal"), SCIENCE),
    "edges.mqtt": Rule(PURE, (*SCIENCE, "paho")),
    "edges.subscribe": Rule(PURE, ("websockets",)),
    "edges.web.server": Rule((*PURE, "edges.web"), ("starlette", "uvicorn")),
    "edges.web.metrics": Rule((*PURE, "edges.web"), ("prometheus_client", "starlette")),
    "edges.web.*": Rule((*PURE, "edges.web"), (*SCIENCE, "starlette")),
    "cli.*": Rule(
        (
            *PURE,
            "__version__",
            "edges",
            "training",
            "comparison",
            "exercises",
            "service",
            "station",
            "serving",
            "bench",
            "latency",
            "demo",
            "cli",
        ),
        ("numpy", "rich", "typer"),
    ),
    "*.__init__": Rule(),
    "edges.*": Rule(PURE, SCIENCE),
    "training.unmixed": Rule((*PURE, "training", "edges.recordings"), (*SCIENCE, "threadpoolctl")),
    "training.*": Rule(
        (*PURE, "training", "edges.onnx", "edges.recordings", "edges.state"),
        (*SCIENCE, "matplotlib", "onnx", "onnxscript", "torch"),
    ),
    "comparison.*": Rule(
        (*PURE, "comparison", "edges.recordings", "service"), (*SCIENCE, "matplotlib", "meegkit", "mne")
    ),
    "exercises.twins": Rule((*PURE, "exercises", "edges.onnx"), (*SCIENCE, "onnx", "torch")),
    "exercises.shipped": Rule((*PURE, "exercises"), (*SCIENCE, "onnx")),
    "exercises.figures": Rule((*PURE, "exercises", "service"), (*SCIENCE, "matplotlib")),
    # The case study is the product itself, but for what needs torch.
    "exercises.*case_study": Rule(
        (*PURE, "exercises", "service", "training.corpus", "training.evaluate", "training.scores", "training.unmixed"),
        SCIENCE,
    ),
    "exercises.lessons.*": Rule((*PURE, "exercises"), (*SCIENCE, "torch")),
    "peers.packages": Rule((*PURE, "peers", "edges.recordings.complaints"), (*SCIENCE, "mne", "neurokit2")),
    "peers.ourselves": Rule(
        (
            *PURE,
            "peers",
            *(f"training.{name}" for name in ("corpus", "evaluate", "heard", "judge", "scores")),
        ),
        SCIENCE,
    ),
    "peers.*": Rule(
        (*PURE, "peers", "training.corpus", "training.evaluate", "training.scores"), (*SCIENCE, "matplotlib")
    ),
    "exercises.*": Rule((*PURE, "exercises"), SCIENCE),
    "service": Rule((*PURE, "edges"), (*SCIENCE, "threadpoolctl")),
    "bench": Rule((*PURE, "service"), SCIENCE),
    "latency": Rule((*PURE, "edges.lsl", "service"), SCIENCE),
    "station": Rule((*PURE, "edges", "service"), SCIENCE),
    "serving": Rule(("__version__", "edges.journal", "edges.lsl", "edges.web", "station")),
    "demo": Rule((*PURE, "edges", "service", "serving", "station", "training.evaluate"), SCIENCE),
    "__main__": Rule(("cli",)),
    "__init__": Rule((*PURE, "edges.subscribe", "service")),
}
PRINTS = {"cli.run", "cli.shell"}
WITHOUT_TESTS_OF_THEIR_OWN = {
    "__init__",
    "cli.__init__",
    "edges.__init__",
    "edges.journal.__init__",
    "edges.lsl.__init__",
    "edges.web.__init__",
    "edges.recordings.__init__",
    "comparison.__init__",
    "peers.__init__",
    "training.__init__",
    "exercises.__init__",
    "exercises.lessons.__init__",
    "__main__",
}
LONGEST_MODULE_LINES = 400


def imports(tree: ast.AST) -> Iterator[str]:
    """Every name imported, dotted, wherever in the file: ``from a.b import c`` is ``a.b.c``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ("." * node.level + f"{node.module or ''}.{alias.name}" for alias in node.names)


def violations(module: str, source: str) -> list[str]:
    """What `source`, as the text of nictate's `module`, does against the rules; one line each."""
    rule = next((rule for pattern, rule in RULES.items() if fnmatch(module, pattern)), None)
    if rule is None:
        return ["has no place in RULES"]
    tree = ast.parse(source)
    found = []
    for name in imports(tree):
        top, _, inner = name.partition(".")
        if top == "nictate":
            if not any(inner == allowed or inner.startswith(f"{allowed}.") for allowed in rule.package):
                found.append(f"may not import {name}")
        elif top in sys.stdlib_module_names or top == "__future__":
            if module in PURE and top in IMPURE and not (top == "datetime" and module in WRITES_DATES):
                found.append(f"is pure and may not import {top}")
        elif top not in rule.libraries:
            found.append(f"may not import {name}")
    if module not in PRINTS:
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id == "print":
                found.append(f"prints, in line {node.lineno}")
            if isinstance(node, ast.Attribute) and ast.unparse(node) in {"sys.stdout", "sys.stderr"}:
                found.append(f"uses {ast.unparse(node)}, in line {node.lineno}")
    return found


@pytest.mark.parametrize("module", SOURCES)
def test_each_module_imports_only_what_its_place_allows(module: str) -> None:
    assert violations(module, SOURCES[module].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("module", sorted(SOURCES.keys() - WITHOUT_TESTS_OF_THEIR_OWN))
def test_each_module_has_its_own_test_file(module: str) -> None:
    *folders, name = module.split(".")
    assert TESTS.joinpath(*folders, f"test_{name}.py").is_file()


@pytest.mark.parametrize("module", SOURCES)
def test_each_module_reads_in_one_sitting(module: str) -> None:
    lines = SOURCES[module].read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST_MODULE_LINES


@pytest.mark.parametrize(
    ("module", "source", "found"),
    [
        ("framing", "from nictate.signals import Block", []),
        ("framing", "from nictate import signals\nimport numpy.typing as npt", []),
        ("framing", "from nictate.detector import Detector", ["may not import nictate.detector.Detector"]),
        ("framing", "from nictate import Block", ["may not import nictate.Block"]),
        ("framing", "from . import signals", ["may not import ..signals"]),
        ("signals", "def late():\n    import time", ["is pure and may not import time"]),
        ("signals", "from asyncio.events import get_event_loop", ["is pure and may not import asyncio"]),
        ("wire", "from datetime import UTC", []),
        ("decision", "from datetime import UTC", ["is pure and may not import datetime"]),
        ("quality", "import pandas", ["may not import pandas"]),
        ("edges.lsl.source", "import pylsl, time", []),
        ("edges.journal", "import pylsl", ["may not import pylsl"]),
        ("edges.onnx", "from mne.io import read_raw", ["may not import mne.io.read_raw"]),
        ("edges.recordings.edf", "import mne", ["may not import mne"]),
        ("edges.recordings.mne_files", "import mne, pyxdf", ["may not import pyxdf"]),
        ("edges.lsl.source", "from nictate.edges import onnx", ["may not import nictate.edges.onnx"]),
        ("edges.lsl.source", "import nictate.service", ["may not import nictate.service"]),
        ("training.fit", "import torch\nfrom nictate.edges.recordings import read", []),
        ("training.fit", "from nictate.edges.lsl import Inlet", ["may not import nictate.edges.lsl.Inlet"]),
        ("service", "import torch", ["may not import torch"]),
        ("service", "from nictate.cli import main", ["may not import nictate.cli.main"]),
        ("service", "print('started')", ["prints, in line 1"]),
        ("edges.lsl.source", "import sys\nsys.stderr.write('lost')", ["uses sys.stderr, in line 2"]),
        ("cli.run", "import sys, rich\nprint('started', file=sys.stderr)", []),
        ("exercises.bayes", "import torch", ["may not import torch"]),
        ("service", "from nictate.exercises import bayes", ["may not import nictate.exercises.bayes"]),
        ("training.fit", "import nictate.exercises.tape", ["may not import nictate.exercises.tape"]),
        ("utils", "", ["has no place in RULES"]),
    ],
)
def test_the_checker_finds_what_it_is_for(module: str, source: str, found: list[str]) -> None:
    assert violations(module, source) == found


HEAVY = {"matplotlib", "mne", "onnx", "onnxruntime", "onnxscript", "pylsl", "pyxdf", "scipy", "torch"}
TRAINING_ONLY = {"matplotlib", "onnx", "onnxscript", "torch"}


@pytest.mark.parametrize(
    ("module", "absent"),
    [("nictate", HEAVY), ("nictate.service", TRAINING_ONLY), ("nictate.cli", TRAINING_ONLY)],
)
def test_importing_loads_no_library_that_it_does_not_need(module: str, absent: set[str]) -> None:
    program = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout))
    assert absent & loaded == set()
    assert not [name for name in loaded if name.startswith("nictate.exercises")]
