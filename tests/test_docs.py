"""What the README says is so: commands, options, code, files and figures."""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

from nictate import __version__
from nictate.card import ModelCard
from nictate.cli import app
from nictate.config import EXAMPLE
from nictate.habits import Habits, log_odds
from nictate.service import shipped_card
from nictate.simulate import Simulator
from nictate.wire import SCHEMA

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GROUP = typer.main.get_command(app)
COMMANDS: dict[str, Any] = {
    f"{name} {inner}".strip(): command
    for name, outer in GROUP.commands.items()  # type: ignore[attr-defined]
    for inner, command in getattr(outer, "commands", {"": outer}).items()
}
"""By name, those of groups too: ``ica compare``."""


def named(words: list[str]) -> tuple[str, list[str]]:
    """The command in the words after ``nictate``, and its arguments."""
    count = 2 if " ".join(words[:2]) in COMMANDS else 1
    return " ".join(words[:count]), words[count:]


def words_of(line: str) -> list[str]:
    """Of a shell command: `nictate ...` for whatever starts nictate, scripts included; empty when it is another."""
    words = shlex.split(line, comments=True)
    if not words:
        return []
    if words[0].startswith("scripts/"):
        script = ROOT / words[0]
        started = (
            re.search(r'bin/nictate" (\w+) "\$@"', script.read_text(encoding="utf-8")) if script.is_file() else None
        )
        return ["nictate", started[1], *words[1:]] if started else []
    return words if words[0] == "nictate" else []


def shown() -> Iterator[str]:
    """The commands of the README: lines of indented blocks, and code within sentences."""
    fenced = re.sub(r"^```.*?^```", "", README, flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"^ {4}((?:nictate|scripts/\S+)(?: .*)?)$", fenced, flags=re.MULTILINE)
    yield from re.findall(r"`((?:nictate|scripts/\S+) [^`]+)`", fenced.replace("\n", " "))


SHOWN = sorted({line for line in shown() if words_of(line)})


def test_the_readme_shows_commands() -> None:
    assert len(SHOWN) > 8


@pytest.mark.parametrize("line", SHOWN)
def test_each_command_and_option_that_is_shown_exists(line: str) -> None:
    name, arguments = named(words_of(line)[1:])
    assert name in COMMANDS
    options = {text: option for option in COMMANDS[name].params for text in option.opts if text.startswith("-")}
    values = iter(arguments)
    for word in values:
        if not word.startswith("-"):
            continue
        assert word in options, f"{name} has no option {word}"
        if not options[word].is_flag:
            value = next(values, None)
            assert value is not None, f"{word} needs a value"
            assert not value.startswith("-"), f"{word} needs a value"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_is_in_the_readme(name: str) -> None:
    assert any(named(words_of(line)[1:])[0] == name for line in SHOWN)


def test_each_file_that_is_named_is_there_and_each_script_can_be_started() -> None:
    named = set(re.findall(r"\b(?:src|tests|scripts|models)/[\w./-]*\w", README))
    named |= {target for target in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in target}
    assert {"scripts/demo", "scripts/test", "models/blink.json", "CHANGELOG.md"} <= named
    for name in named:
        assert (ROOT / name).exists(), name
        if name.startswith("scripts/") and "." not in name:
            assert os.access(ROOT / name, os.X_OK), name


def test_each_script_is_in_the_readme() -> None:
    layout = re.search(r"^ {4}scripts/ +(.+)$", README, flags=re.MULTILINE)
    assert layout
    for script in (ROOT / "scripts").iterdir():
        if os.access(script, os.X_OK) and script.is_file():
            assert re.search(rf"\b{script.name}\b", layout[1]), script.name


def test_each_module_of_the_core_that_is_named_exists() -> None:
    layout = re.search(r"^ {4}src/nictate/ (.+?)^ {4}src/nictate/edges/", README, flags=re.MULTILINE | re.DOTALL)
    assert layout
    names = {
        name
        for row in re.findall(r": ((?:[a-z_]+,\s+)+[a-z_]+)$", layout[1], flags=re.MULTILINE)
        for name in re.split(r",\s+", row)
    }
    assert {"signals", "card", "unmixing", "gate", "background"} <= names
    for name in names:
        assert (ROOT / f"src/nictate/{name}.py").is_file(), name


@pytest.mark.parametrize(
    "code",
    [
        code
        for code in re.findall(r"^```python\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
        if "subscribe" not in code  # Those are in test_readme.
    ],
)
def test_the_code_runs(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    simulator = Simulator(["Fp1", "Fp2"], 250.0, seed=1)
    blocks = [simulator.pull(n) for n in np.random.default_rng(1).integers(0, 80, 150)]
    assert "stream" in code
    exec(compile(code, "README.md", "exec"), {"stream": [(block.samples, block.times) for block in blocks]})
    told = capsys.readouterr().out.split("\n")
    assert any(line.startswith("blink ") for line in told)
    assert any(line.startswith("blink/start ") for line in told)


FIGURES = runpy.run_path(str(ROOT / "scripts/figures"))


def test_the_figures_are_those_of_the_shipped_model() -> None:
    card = json.loads(shipped_card().read_text(encoding="utf-8"))
    assert FIGURES["insert"](README, FIGURES["render"](card["about"])) == README


def least_sure(silent_s: float, height_uv: float) -> float | None:
    """How sure the network must be of a first blink, after so long, for the shipped model to tell it."""
    rules = ModelCard.from_json(shipped_card().read_text(encoding="utf-8")).decision
    habits = Habits(rules.habits)
    habits.watch(silent_s)
    asked = log_odds(min(rules.confirm))
    features = habits.features(height_uv)
    told = (k / 1000 for k in range(500, 1000) if habits.log_odds(k / 1000, features) >= asked)
    return next(told, None)


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_what_a_page_points_to_is_there(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    gone = [to for to in targets if not to.startswith(("http://", "https://")) and not (page.parent / to).exists()]
    assert not gone


def test_what_is_asked_of_a_first_blink_is_what_the_limits_say() -> None:
    limits = " ".join(README[README.index("## Limits") :].split())
    of_80, of_60 = ([least_sure(seconds, uv) for seconds in (2.0, 30.0)] for uv in (80.0, 60.0))
    assert (
        f"of a first blink of 80 µV the network must be {of_80[0]:.2f} sure after 2 s, and {of_80[1]:.2f} after 30 s "
        f"or ten hours; of one of 60 µV or less, {of_60[0]:.2f} and {of_60[1]:.2f}, as sure as can be."
    ) in limits
    assert least_sure(36_000.0, 80.0) == of_80[1]
    assert least_sure(36_000.0, 60.0) == least_sure(36_000.0, 5.0) == of_60[1]


def test_figures_are_shown_as_they_are() -> None:
    score = {
        "blinks": 7,
        "precision": 0.91249,
        "recall": 1.0,
        "f1": 0.95424,
        "false_alarms_per_minute": 0.126,
        "start_latency_median_ms": 88.4,
        "start_latency_p95_ms": 130.6,
        "blink_latency_median_ms": 310.0,
        "blink_latency_p95_ms": 390.4,
        "peak_error_median_ms": 3.6,
    }
    about = {
        "tested_on": [{"set": "b", "people": 2}, {"set": "a", "people": 2}],
        "tested_people": 3,
        "test": {"overall": score, "b": score, "a": {**dict.fromkeys(score), "blinks": 0}},
    }
    rows = FIGURES["render"](about).splitlines()
    assert rows[2] == "| a | 2 | 0 | - | - | - | - | - (-) | - (-) | - |"
    assert rows[3] == "| b | 2 | 7 | 0.912 | 1.000 | 0.954 | 0.13 | 88 (131) | 310 (390) | 4 |"
    assert rows[4].startswith("| all | 3 | 7 | 0.912 |")
    assert len({row.count("|") for row in rows}) == 1


def test_figures_replace_those_that_were_there_and_nothing_else() -> None:
    begin, end, insert = FIGURES["BEGIN"], FIGURES["END"], FIGURES["insert"]
    readme = f"before\n{begin}\nold\n{end}\nafter\n"
    assert insert(readme, "new\n") == f"before\n{begin}\nnew\n{end}\nafter\n"
    assert insert(insert(readme, "once\n"), "twice\n") == insert(readme, "twice\n")
    for broken in ("", begin, end + begin, begin + begin + end):
        with pytest.raises(ValueError, match="needs one"):
            insert(broken, "new\n")


def test_the_schema_of_the_events_in_the_docs_is_the_one_that_is_served() -> None:
    assert json.loads((ROOT / "docs/event.schema.json").read_text(encoding="utf-8")) == SCHEMA


def test_the_settings_in_the_docs_are_those_that_there_are() -> None:
    text = (ROOT / "docs/events.md").read_text(encoding="utf-8")
    assert re.findall(r"^```toml\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL) == [EXAMPLE]


def test_the_changelog_has_this_version_on_top() -> None:
    heading = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert heading
    assert heading[1] == __version__
