from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pytest
from made_material import made, noise

from nictate.comparison.compare import Comparison, Row, compare
from nictate.comparison.methods import RecursiveRegression
from nictate.comparison.picture import draw, known_places


@pytest.fixture(scope="module")
def compared() -> Comparison:
    return compare(made().material, [RecursiveRegression()])


def colours(path: Path) -> int:
    picture = matplotlib.image.imread(path)
    assert min(picture.shape[:2]) > 200
    return len(np.unique((255 * picture[..., :3]).astype(np.uint8).reshape(-1, 3), axis=0))


def test_a_picture_has_topographies_where_places_are_known(compared: Comparison, tmp_path: Path) -> None:
    heard: list[str] = []
    windows = plt.get_fignums()
    draw(compared, tmp_path / "known.png", heard.append)
    assert heard == []
    strange = replace(compared, channels=tuple(f"<b>$x{k}$" for k in range(19)), recording="$\\frac{")
    draw(strange, tmp_path / "unknown.png", heard.append)
    assert heard == ["no topographies: the places of 0 of 19 channels are known"]
    # The map of a topography has more shades than all lines and bars together.
    assert colours(tmp_path / "known.png") > 1.5 * colours(tmp_path / "unknown.png")
    assert plt.get_fignums() == windows


def test_a_channel_without_a_place_is_left_out_with_a_word(compared: Comparison, tmp_path: Path) -> None:
    heard: list[str] = []
    draw(replace(compared, channels=("nowhere", *compared.channels[1:])), tmp_path / "x.png", heard.append)
    assert heard == ["not in the topographies, as their place is not known: nowhere"]


def test_there_is_a_picture_of_failures_of_no_component_and_of_no_blinks(compared: Comparison, tmp_path: Path) -> None:
    failed = Row("broken", False, None, None, (), "no")
    bare = replace(compared.rows[1], maps=np.empty((19, 0)))
    draw(replace(compared, rows=(compared.rows[0], failed, bare)), tmp_path / "some.png")
    draw(replace(compare(noise(40.0), []), rows=(compared.rows[0], failed)), tmp_path / "none.png")
    for name in ("some", "none"):
        assert colours(tmp_path / f"{name}.png") > 2


def test_names_are_found_whatever_makers_add_to_them() -> None:
    plain = known_places(["Fp1", "Fc5", "T7", "Oz"])
    decorated = known_places(["EEG Fp1-REF", "Fc5.", "t7", "OZ"])
    assert len(plain) == 4
    for a, b in zip(plain.values(), decorated.values(), strict=True):
        assert np.array_equal(a, b)
    assert plain["Fp1"][1] > 0.08
    assert plain["T7"][0] < -0.08


def test_of_two_names_for_one_place_the_first_has_it() -> None:
    assert list(known_places(["T3", "T7", "Cz"])) == ["T3", "Cz"]


def test_caps_with_numbers_are_known_by_their_makers_places() -> None:
    egi = known_places([f"E{k}" for k in range(1, 129)])
    assert len(egi) == 128
    assert egi["E22"][1] > 0.05  # To the left of Fpz,
    assert egi["E75"][1] < -0.05  # and Oz.
    biosemi = known_places([f"{letter}{k}" for letter in "ABCD" for k in range(1, 33)])
    assert len(biosemi) == 128
    assert known_places(["ch1", "ch2", "", "42"]) == {}
