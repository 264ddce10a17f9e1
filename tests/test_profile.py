from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from nictate.profile import PROFILE_BOUNDS, Profile
from nictate.signals import ConfigError


def test_every_number_of_a_profile_has_bounds() -> None:
    numbers = [field.name for field in fields(Profile) if field.name not in ("reference", "inverted")]
    assert numbers == list(PROFILE_BOUNDS)


@pytest.mark.parametrize("name", PROFILE_BOUNDS)
def test_a_profile_names_the_field_that_is_out_of_bounds(name: str) -> None:
    low, high = PROFILE_BOUNDS[name]
    value = getattr(Profile(), name)
    for wrong in (low - 1, high + 1, float("nan"), "much", None):
        bad: dict[str, Any] = {name: (wrong, wrong) if isinstance(value, tuple) else wrong}
        with pytest.raises(ConfigError, match=name):
            replace(Profile(), **bad)
    other_way: dict[str, Any] = {name: value[::-1] if isinstance(value, tuple) else (value, value)}
    with pytest.raises(ConfigError, match=name):
        replace(Profile(), **other_way)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"inverted": "yes"}, "inverted"),
        ({"cortical_sources": 2.5}, "cortical_sources"),
        ({"half_share": 0.5, "double_share": 0.5, "long_share": 0.1}, "add up"),
        ({"long_s": (0.3, 2.0)}, "long_s"),
        ({"double_s": (0.15, 0.2), "closing_s": (0.1, 0.12)}, "double_s"),
        (
            {"blinks_per_min": 40, "long_share": 0.9, "half_share": 0, "double_share": 0},
            "blinks_per_min = 40",
        ),
    ],
)
def test_a_profile_that_contradicts_itself_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        replace(Profile(), **wrong)


def test_a_profile_takes_the_lists_of_a_settings_file() -> None:
    listed: Any = [0.05, 0.1]
    assert replace(Profile(), closing_s=listed) == Profile(closing_s=(0.05, 0.1))
