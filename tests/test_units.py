from __future__ import annotations

import pytest

from nictate.units import MICROVOLTS, microvolts


@pytest.mark.parametrize("unit", MICROVOLTS)
def test_neither_case_nor_surrounding_space_matters(unit: str) -> None:
    for written in (unit.upper(), unit.title(), f" {unit}\n"):
        assert microvolts(written) == MICROVOLTS[unit]


@pytest.mark.parametrize("micro", ["u", "\u00b5", "\u03bc"])
def test_micro_has_three_spellings(micro: str) -> None:
    assert microvolts(f"{micro}V") == 1.0


@pytest.mark.parametrize(("larger", "smaller"), [("V", "mV"), ("mV", "uV"), ("uV", "nV"), ("millivolts", "microvolts")])
def test_each_unit_is_a_thousand_of_the_next(larger: str, smaller: str) -> None:
    large, small = microvolts(larger), microvolts(smaller)
    assert large is not None
    assert small is not None
    assert large == pytest.approx(1000 * small)


@pytest.mark.parametrize("unit", ["", "counts", "uVolt/Hz", "T", "V2"])
def test_what_is_no_voltage_is_not_known(unit: str) -> None:
    assert microvolts(unit) is None
