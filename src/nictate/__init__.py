"""nictate: real-time blink detection on EEG.

Importing has no side effect and loads no optional library: each public name is fetched when it is first asked for
(PEP 562), so ``import nictate`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nictate.card import ModelCard
    from nictate.detector import Detector
    from nictate.edges.subscribe import subscribe
    from nictate.orica import OnlineICA
    from nictate.service import open_detector
    from nictate.signals import BlinkEvent, Block, ConfigError, Montage, StreamError

__version__ = "0.1.0"

__all__ = [
    "BlinkEvent",
    "Block",
    "ConfigError",
    "Detector",
    "ModelCard",
    "Montage",
    "OnlineICA",
    "StreamError",
    "__version__",
    "open_detector",
    "subscribe",
]

_HOME = {
    "BlinkEvent": "signals",
    "Block": "signals",
    "ConfigError": "signals",
    "Detector": "detector",
    "ModelCard": "card",
    "Montage": "signals",
    "OnlineICA": "orica",
    "StreamError": "signals",
    "open_detector": "service",
    "subscribe": "edges.subscribe",
}


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"nictate.{_HOME[name]}"), name)
    raise AttributeError(f"module 'nictate' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
