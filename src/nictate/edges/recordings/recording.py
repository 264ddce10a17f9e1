"""A recording on disk, opened, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nictate.signals import Block, ConfigError, FloatArray, Montage, StreamError

PIECE_VALUES = 2**20
"""Values (samples x channels of the file) read from disk at a time: 8 MiB of float64."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording on disk, opened: its channels, its extent, and its samples on demand."""

    path: Path
    montage: Montage
    n_samples: int
    """Samples that `blocks` yields; those in interruptions do not count."""
    duration_s: float
    """From the file's first sample to one period after the last that is served, interruptions included."""
    start_utc: datetime | None
    """When the first sample was taken, as the file says; often anonymised, None when it does not say."""
    warnings: tuple[str, ...]
    """What was assumed or left out, and what the parser complained of; one line each."""
    pieces: Callable[[], Iterator[Block]] = field(repr=False, compare=False)
    """The samples in pieces of the reader's choice; `blocks` cuts them to size."""

    def blocks(self, size: int = 4096) -> Iterator[Block]:
        """The samples in µV, `size` at a time (the last block may be shorter), timed from the file's first.

        The samples are bit-identical for any `size`. Memory is bounded by `size` and `PIECE_VALUES`, except for XDF,
        text and gzipped files, which are in memory as a whole. May be called again, and reads again.

        Raises `ConfigError` when `size` is not positive. Raises `StreamError` when the file cannot be read on, after
        it has yielded all samples up to there.
        """
        if size < 1:
            raise ConfigError(f"blocks of {size} samples: at least 1 is needed")
        return _recut(self.pieces(), size)


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive samples of a file, without an interruption."""

    start: int
    stop: int
    origin_s: float
    """Sample i was taken at ``origin_s + i / rate``. An origin, not the time of the first sample, so that a file
    without gaps has the times ``i / rate`` to the last bit, wherever a span begins."""


def piece_samples(n_channels: int) -> int:
    """How many samples of so many channels are read at a time.

    Always the same cuts through a file, whatever the size of the blocks: some of MNE's readers do arithmetic that
    depends on what is asked for at once.
    """
    return max(1, PIECE_VALUES // n_channels)


def held(
    path: Path,
    montage: Montage,
    samples: npt.NDArray[np.generic],
    times: FloatArray,
    start_utc: datetime | None,
    notes: Sequence[str],
    scale: FloatArray | None = None,
) -> Recording:
    """A recording that is in memory as a whole: samples (n, channels) of `scale` µV, times (n,) in s from the first.

    Raises `StreamError` when there is no sample.
    """
    if not len(times):
        raise StreamError("no samples")
    return Recording(
        path=path,
        montage=montage,
        n_samples=len(times),
        duration_s=float(times[-1]) + 1.0 / montage.rate_hz,
        start_utc=start_utc,
        warnings=tuple(notes),
        pieces=partial(_from_memory, samples, times, np.ones(samples.shape[1]) if scale is None else scale),
    )


def _from_memory(samples: npt.NDArray[np.generic], times: FloatArray, scale: FloatArray) -> Iterator[Block]:
    step = piece_samples(samples.shape[1])
    for at in range(0, len(times), step):
        scaled = np.multiply(samples[at : at + step], scale, dtype=np.float64, order="C")
        yield Block(scaled, times[at : at + step].copy())


def _recut(pieces: Iterator[Block], size: int) -> Iterator[Block]:
    held: list[Block] = []
    n_held = 0
    failure = None
    while True:
        try:
            piece = next(pieces, None)
        except StreamError as error:
            failure, piece = error, None
        if piece is None:
            break
        held.append(piece)
        n_held += len(piece)
        if n_held < size:
            continue
        joined = _joined(held)
        whole = n_held - n_held % size
        for k in range(0, whole, size):
            yield Block(joined.samples[k : k + size], joined.times[k : k + size])
        held, n_held = [Block(joined.samples[whole:], joined.times[whole:])], n_held - whole
    if n_held:
        yield _joined(held)
    if failure is not None:
        raise failure


def _joined(blocks: list[Block]) -> Block:
    if len(blocks) == 1:
        return blocks[0]
    return Block(np.concatenate([b.samples for b in blocks]), np.concatenate([b.times for b in blocks]))
