from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from nictate.kept import Kept
from nictate.signals import ConfigError


def test_a_part_is_read_as_a_copy() -> None:
    mine = np.arange(6.0).reshape(2, 3)
    part = Kept({"map": mine}).array("map", None, 3)
    np.testing.assert_array_equal(part, mine)
    part[0, 0] = 7.0
    assert mine[0, 0] == 0.0


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (np.zeros((2, 4)), r"shape \(2, 4\), not \('n', 3\)"),
        (np.zeros(3), "shape"),
        (np.full((2, 3), np.inf), "not finite"),
        (np.array([["a", "b", "c"]]), "not made of numbers"),
        (np.array([[None, None, None]]), "not made of numbers"),
    ],
)
def test_a_part_that_cannot_be_is_refused_by_name(part: npt.NDArray[np.generic], reason: str) -> None:
    with pytest.raises(ConfigError, match=f"the state's map .*{reason}"):
        Kept({"map": part}).array("map", None, 3)


def test_a_part_that_is_missing_is_named() -> None:
    kept = Kept({})
    assert "map" not in kept
    with pytest.raises(ConfigError, match="no map"):
        kept.array("map", 3)


def test_where_samples_may_be_missing_they_may_be_missing() -> None:
    assert np.isnan(Kept({"block": np.array([np.nan])}).array("block", 1, finite=False)[0])


def test_a_count_is_whole_and_from_zero() -> None:
    assert Kept({"rows": np.array(12)}).count("rows") == 12
    for value in (-1.0, 0.5):
        with pytest.raises(ConfigError, match="whole number"):
            Kept({"rows": np.array(value)}).count("rows")
