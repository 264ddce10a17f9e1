from __future__ import annotations

import json
import logging
import warnings
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from made_material import made, noise

from nictate.comparison.compare import HEADINGS, cells, compare, usual_methods
from nictate.comparison.material import Signals
from nictate.comparison.methods import Cleaned, OfflineRegression
from nictate.signals import ConfigError, FloatArray


@dataclass(frozen=True, slots=True)
class Halving:
    """Does what it is told, and is loud about it."""

    name: str = "halving"
    online: bool = True
    needs: tuple[str, ...] = ()
    error: Exception | None = None
    shown: FloatArray | None = field(default=None, compare=False)

    def run(self, signals: Signals) -> Cleaned:
        warnings.warn("numbers are\n  halved", RuntimeWarning, stacklevel=2)
        logging.getLogger("somebody").warning("and logged")
        if self.error is not None:
            raise self.error
        return Cleaned(0.5 * signals.samples if self.shown is None else self.shown, None, ("done",))


def test_the_input_comes_first_and_each_method_has_its_row(capfd: pytest.CaptureFixture[str]) -> None:
    heard: list[str] = []
    ended: list[str] = []
    comparison = compare(made().material, [Halving(), OfflineRegression()], heard.append, ended.append)
    assert [row.method for row in comparison.rows] == ["input", "halving", "regression, offline (MNE)"]
    assert ended == ["halving", "regression, offline (MNE)"]
    row = comparison.rows[1]
    assert row.measured is not None
    assert row.measured.reduction_db == pytest.approx(20.0 * np.log10(2.0))
    assert row.notes == ("done", "numbers are halved")
    assert row.ms_per_s is not None
    assert row.average is not None
    assert row.average.shape[1] == len(comparison.frontal) == 2
    assert comparison.measured_from_s == 20.0
    assert any("learns" in line for line in heard)  # A minute is short.
    assert capfd.readouterr() == ("", "")


def test_what_fails_is_a_row_with_the_reason_and_the_others_are_done() -> None:
    heard: list[str] = []
    nan = np.full_like(made().material.signals.samples, np.nan)
    methods = [
        Halving("raises", error=ZeroDivisionError("it\nwas zero")),
        Halving("not there", needs=("nictate.nowhere",)),
        Halving("of another shape", shown=nan[1:]),
        Halving("not numbers", shown=nan),
        Halving(),
    ]
    comparison = compare(made().material, methods, heard.append)
    errors = [row.error for row in comparison.rows]
    samples = len(nan)
    assert errors == [
        "",
        "it was zero",
        "nictate.nowhere is missing: install nictate[compare]",
        f"made ({samples - 1}, 19) of ({samples}, 19) samples and channels",
        "made values that are not numbers",
        "",
    ]
    assert "raises: it was zero" in heard
    assert [row.measured is None for row in comparison.rows] == [False, True, True, True, True, False]
    assert comparison.rows[1].notes == ("numbers are halved",)
    assert cells(comparison.rows[1]) == ("raises", "yes", *["-"] * (len(HEADINGS) - 2))


def test_json_holds_everything_but_the_curves() -> None:
    comparison = compare(made().material, [Halving(), Halving("broken", error=ValueError("no"))])
    told = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    assert [row["method"] for row in told["rows"]] == ["input", "halving", "broken"]
    assert told["rows"][1]["measured"]["frontal"]["power_db"]["alpha"] == pytest.approx(-6.0206, abs=1e-3)
    assert told["rows"][2] == {
        "method": "broken",
        "online": True,
        "ms_per_s": None,
        "measured": None,
        "notes": ["numbers are halved"],
        "error": "no",
    }
    assert told["channels"] == list(made().material.signals.montage.names)
    assert told["blinks"] == comparison.blinks > 0


def test_a_line_of_the_table_has_a_cell_under_each_heading() -> None:
    row = compare(made().material, [Halving()]).rows[1]
    line = cells(row)
    assert len(line) == len(HEADINGS)
    assert line[:3] == ("halving", "yes", "6.0")
    assert line[4:] == ("0.50", "0.50", "1.000", "1.000", "-6.02", "-6.02", f"{row.ms_per_s:.1f}")


def test_without_blinks_the_distortion_is_still_told() -> None:
    heard: list[str] = []
    comparison = compare(noise(40.0), [Halving()], heard.append)
    assert comparison.floor_uv is None
    assert comparison.rows[1].average is None
    assert cells(comparison.rows[1])[2:5] == ("-", "-", "0.50")
    assert "no blink to measure on: only the distortion is told" in heard


def test_too_little_to_measure_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"20\.0 s of signal leave too little to measure from 18 s on"):
        compare(noise(20.0), [], from_s=18.0)


def test_the_same_twice_gives_the_same_and_all_that_is_usual_works() -> None:
    """On short data, as the question is not how well they do."""
    of = made(16.0, 3)
    material = replace(of.material, name="short")
    methods = usual_methods()
    assert len({method.name for method in methods}) == len(methods) == 9
    once, again = (compare(material, methods).to_dict() for _ in range(2))
    assert [row["error"] for row in once["rows"]] == [""] * 10
    for told in (once, again):
        for row in told["rows"]:
            del row["ms_per_s"]
    assert once == again
