"""The site's settings, from a TOML file: what is the same for each run. Options of the command come before them."""

from __future__ import annotations

import dataclasses
import tomllib
import types
from dataclasses import dataclass, field
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from nictate.patterns import PatternRules
from nictate.signals import ConfigError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Where the service is to be found."""

    host: str = "127.0.0.1"
    port: int = 8765
    token: str = ""
    names: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"port = {self.port}: from 0 to 65535 is possible")


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """What is kept of the events."""

    path: str = ""
    keep_days: float | None = None
    keep_mb: float | None = None

    def __post_init__(self) -> None:
        for name in ("keep_days", "keep_mb"):
            value = getattr(self, name)
            if value is not None and not value > 0.0:
                raise ConfigError(f"{name} = {value!r}: it must be above 0")


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """The broker that events are published to."""

    url: str = ""
    client_id: str = ""


@dataclass(frozen=True, slots=True)
class LslSettings:
    """The outlets on the Lab Streaming Layer."""

    markers: str = "nictate"
    features: str = "nictate-features"


@dataclass(frozen=True, slots=True)
class Config:
    """All of it; what the file leaves out is as here."""

    service: ServiceSettings = field(default_factory=ServiceSettings)
    journal: JournalSettings = field(default_factory=JournalSettings)
    patterns: PatternRules = field(default_factory=PatternRules)
    lsl: LslSettings = field(default_factory=LslSettings)
    mqtt: MqttSettings = field(default_factory=MqttSettings)


EXAMPLE = """\
[service]
host = "127.0.0.1"          # any other address needs a token
port = 8765
token = ""                  # what subscribers must know; made and printed where one is needed and none is given
names = []                  # other names by which browsers call this machine
origins = []                # other pages that may read the events: "https://lab.example"

[journal]
path = ""                   # empty: in your home folder
# keep_days = 30.0          # older events are removed
# keep_mb = 500.0           # the oldest are removed beyond this

[patterns]
within_s = 0.35             # from the end of one blink to the begin of the next of a double or triple
alike = 0.4                 # the smaller of the two has at least this share of the larger one's height
least_confidence = 0.5
long_s = 0.5                # shortest and longest of a long blink
longest_s = 3.0
exclusive = false           # true: a triple is not told as a double first, so that both are told later

[lsl]
markers = "nictate"         # name of the Markers stream; empty for none
features = "nictate-features"   # name of the stream of numbers; empty for none

[mqtt]
url = ""                    # mqtt://[user:password@]host[:port]/topic
client_id = ""              # names this nictate among others; empty: by its machine
"""
"""Each setting with its default."""


def read_config(text: str) -> Config:
    """The settings of a TOML file. Raises `ConfigError` that names what is not known or not of its kind."""
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"this is no TOML: {error}") from None
    return _made(Config, said, "")


def _made(kind: type[T], said: dict[str, Any], where: str) -> T:
    """A settings object from a table, every value checked against the field's type."""
    hints = get_type_hints(kind)
    if unknown := sorted(said.keys() - hints.keys()):
        raise ConfigError(f"{where}{unknown[0]} is not known; there are: {', '.join(hints)}")
    try:
        return kind(**{name: _value(hints[name], value, f"{where}{name}") for name, value in said.items()})
    except ConfigError as error:
        # What the settings object itself refuses does not say in which section.
        raise ConfigError(str(error) if str(error).startswith(where) else f"{where}{error}") from None


def _value(kind: Any, value: Any, name: str) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, dict):
            raise ConfigError(f"{name} is a section: [{name}]")
        return _made(kind, value, f"{name}.")
    if get_origin(kind) in (Union, types.UnionType):  # A number that may be left out.
        kind = next(one for one in get_args(kind) if one is not type(None))
    if get_origin(kind) is tuple:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise ConfigError(f'{name} = {value!r}: a list of texts is needed, as ["a", "b"]')
        return tuple(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
        raise ConfigError(f"{name} = {value!r}: {words[kind]} is needed")
    return value
