"""What a network said of a recording, in a file: so that it can be decided anew without being heard anew.

A `Heard` shows each sample in some twenty windows; here each is written once. The network's inputs are left out, for
nothing asks for them once it has spoken.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nictate.edges.state import read_state, write_state
from nictate.signals import ConfigError
from nictate.training.corpus import LabelledSignal
from nictate.training.heard import Heard
from nictate.windows import Window


def save(path: Path, heard: Heard, hop: int) -> None:
    """Write ``path``, an .npz; it is there whole or not at all. ``hop`` is the model card's."""
    windows = heard.windows
    path.parent.mkdir(parents=True, exist_ok=True)
    write_state(
        path,
        {
            "window": len(windows[0].times) if windows else 0,
            "hop": hop,
            "times": np.array([w.times[-hop:] for w in windows]),
            "samples": np.array([w.samples[-hop:] for w in windows]),
            "usable": np.array([w.usable for w in windows]),
            "scale": np.array([w.scale for w in windows]),
            "first": np.array([not np.isfinite(w.times[-1 - hop]) for w in windows], dtype=np.bool_),
            "said": np.array(heard.said),
            "decided": np.array(heard.decided),
            "delay_s": heard.delay_s,
        },
    )


def load(path: Path, signal: LabelledSignal) -> Heard:
    """What was heard of ``signal``. Raises `ConfigError` when the file is not one of `save`."""
    try:
        return _rebuilt(dict(read_state(path) or {}), signal)
    except (ConfigError, IndexError, KeyError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read ({error}): delete it, and it is made anew") from None


def _rebuilt(kept: dict[str, np.ndarray[Any, np.dtype[Any]]], signal: LabelledSignal) -> Heard:
    length, hop = int(kept["window"]), int(kept["hop"])
    windows: list[Window] = []
    begins = np.flatnonzero(kept["first"])
    for begin, stop in zip(begins, np.append(begins[1:], len(kept["first"]))[: len(begins)], strict=True):
        # Before the stream began, and after a hole, there is silence: as `nictate.windows.Windows` has it.
        fresh = kept["samples"][begin:stop]
        inputs = fresh.shape[2]
        samples = np.concatenate((np.zeros((length, inputs)), fresh.reshape(-1, inputs)))
        times = np.concatenate((np.full(length, -np.inf), kept["times"][begin:stop].ravel()))
        for k in range(begin, stop):
            at = slice((k - begin + 1) * hop, (k - begin + 1) * hop + length)
            unseen = np.empty((inputs, 0, length), dtype=np.float32)
            windows.append(Window(unseen, samples[at], times[at], kept["usable"][k], kept["scale"][k]))
    return Heard(
        signal,
        tuple(windows),
        tuple(kept["said"]),
        tuple(float(at) for at in kept["decided"]),
        float(kept["delay_s"]),
    )
