"""What a second of signal costs, stage by stage, in processor time on one core of this machine."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nictate.service import open_detector
from nictate.signals import Block
from nictate.simulate import Simulator

STAGES = (
    "timeline",
    "framer",
    "quality",
    "ica",
    "filters",
    "rereference",
    "scale",
    "windows",
    "network",
    "decision",
)


LEARNING_S = 30.0
"""Not timed: until then the ICA learns, which costs some tenths of a second once."""
_LEARNING = round(LEARNING_S / 0.1)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one kind of stream, in milliseconds per second of signal."""

    channels: int
    rate_hz: float
    stages_ms: dict[str, float]
    """By stage; their sum is less than the whole, which has its own bookkeeping."""
    total_ms: float

    @property
    def times_real_time(self) -> float:
        return 1e3 / self.total_ms


def machine() -> dict[str, str | int]:
    """What the figures were taken on."""
    return {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count() or 0}


def cost(channels: int, rate_hz: float, seconds: float, model: Path | None) -> Cost:
    """Push a simulated stream in blocks of 0.1 s, once as a whole and once with every stage timed by itself."""
    simulator = Simulator(channels, rate_hz, seed=1)
    piece = max(1, round(0.1 * rate_hz))
    blocks = [simulator.pull(piece) for _ in range(round((LEARNING_S + seconds) / 0.1))]
    whole = _run(blocks, simulator, model, None)
    spent = dict.fromkeys(STAGES, 0.0)
    _run(blocks, simulator, model, spent)
    per_second = 1e3 * rate_hz / sum(map(len, blocks[_LEARNING:]))
    return Cost(channels, rate_hz, {name: s * per_second for name, s in spent.items()}, whole * per_second)


def _run(blocks: list[Block], simulator: Simulator, model: Path | None, spent: dict[str, float] | None) -> float:
    detector = open_detector(simulator.montage, model=model)
    for block in blocks[:_LEARNING]:
        detector.push(block)
    if spent is not None:
        for name in STAGES:
            stage = getattr(detector, f"_{name}")
            setattr(detector, f"_{name}", _Timed(stage, name, spent))
    began = time.process_time()
    for block in blocks[_LEARNING:]:
        detector.push(block)
    return time.process_time() - began


class _Timed:
    """A stage, or the network, with a stop watch around its ``push`` or call."""

    def __init__(self, stage: Any, name: str, spent: dict[str, float]) -> None:
        self._stage = stage
        self._name = name
        self._spent = spent

    def push(self, *values: Any) -> Any:
        return self._clocked(self._stage.push, values)

    def __call__(self, *values: Any) -> Any:
        return self._clocked(self._stage, values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage, name)

    def _clocked(self, work: Callable[..., Any], values: tuple[Any, ...]) -> Any:
        began = time.process_time()
        result = work(*values)
        self._spent[self._name] += time.process_time() - began
        return result
