"""The site's settings."""

from __future__ import annotations

import contextlib
import dataclasses
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nictate.config import EXAMPLE, Config, read_config
from nictate.signals import ConfigError


def test_nothing_said_and_the_example_are_the_defaults() -> None:
    assert read_config("") == read_config(EXAMPLE) == Config()


def test_the_example_shows_every_setting() -> None:
    shown = tomllib.loads(EXAMPLE.replace("# keep", "keep"))
    for section in dataclasses.fields(Config):
        table = getattr(Config(), section.name)
        assert list(shown[section.name]) == [setting.name for setting in dataclasses.fields(table)]


def test_what_is_said_is_taken() -> None:
    config = read_config(
        """
        [service]
        port = 9000
        origins = ["https://lab.example"]
        [journal]
        keep_days = 7
        [patterns]
        exclusive = true
        within_s = 1
        """
    )
    assert (config.service.port, config.service.origins) == (9000, ("https://lab.example",))
    assert config.journal.keep_days == 7.0
    assert (config.patterns.exclusive, config.patterns.within_s) == (True, 1.0)
    assert config.lsl == Config().lsl


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[service]\nprot = 1", "service.prot is not known"),
        ("[servcie]", "servcie is not known; there are: service, journal"),
        ("service = 1", "service is a section"),
        ("[service]\nport = '80'", "service.port = '80': a whole number is needed"),
        ("[service]\nport = true", "service.port = True: a whole number"),
        ("[service]\nport = 70000", "service.port = 70000: from 0 to 65535"),
        ("[service]\nnames = 'a'", "service.names = 'a': a list of texts"),
        ("[service]\nnames = [1]", "service.names = .1.: a list of texts"),
        ("[journal]\nkeep_mb = 0", "journal.keep_mb = 0.0: it must be above 0"),
        ("[patterns]\nexclusive = 1", "patterns.exclusive = 1: true or false"),
        ("[patterns]\nwithin_s = 9.0", "patterns.within_s = 9.0"),
        ("[", "this is no TOML"),
    ],
)
def test_what_is_wrong_is_named(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        read_config(text)
    assert "\n" not in str(refused.value)


@given(st.text())
def test_any_text_is_settings_or_refused(text: str) -> None:
    with contextlib.suppress(ConfigError):
        assert isinstance(read_config(text), Config)
