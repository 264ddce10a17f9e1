"""The detector: blocks of EEG in, blink events out. The whole flow stands on this page.

One object serves streams and files alike. It knows no clock, thread, file or socket; what it decides depends on the
samples and their stamps alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nictate.card import ModelCard
from nictate.closures import Closures
from nictate.decision import Decision
from nictate.filters import Filters
from nictate.framing import Frame, Framer, Run, Timeline
from nictate.habits import Habits
from nictate.ica import Ica, Parts, PassThrough, open_ica
from nictate.quality import Fault, Quality
from nictate.rereference import Rereference, spread
from nictate.scaling import Scale
from nictate.signals import BlinkEvent, Block, ConfigError, Montage, StreamError
from nictate.windows import Window, Windows

Float32Array: TypeAlias = npt.NDArray[np.float32]

Network: TypeAlias = Callable[[Float32Array, Float32Array, bool], npt.NDArray[np.float64]]
"""(channels (k, rows, window), source (rows, window), whether to trust it) -> probabilities (looks, hop / step)."""


class Detector:
    """Finds blinks in a stream of one montage.

    ``channels`` are the indices of those that can show a blink; by default those that are known to by their names, as
    frontal ones are, and all EEG channels where none is. ``ica`` un-mixes the channels; by default as much as their
    number allows, see `nictate.ica`. ``on_clean`` receives the cleaned EEG, block by block, with the input's times.
    ``on_said`` hears what the network says first of each moment: the time of it and the probability of a blink. With
    ``closures``, long closures are events too (``blink/long``), told when the lid opens again.

    Promises, each of them a test: any cutting of the same samples gives equal events; the events of a prefix are a
    prefix of the events; shifted times shift the events; nothing reaches over a hole in time, after which the detector
    is as new, but for what the ICA and the habits have learned; memory is bounded; blocks are never changed.

    Raises `ConfigError` for channels that the montage does not have.
    """

    def __init__(
        self,
        card: ModelCard,
        network: Network,
        montage: Montage,
        channels: Sequence[int] | None = None,
        on_clean: Callable[[Block], None] | None = None,
        ica: Ica | PassThrough | None = None,
        on_said: Callable[[float, float], None] | None = None,
        closures: Closures | None = None,
    ) -> None:
        chosen = tuple(channels) if channels is not None else montage.blink_channels or montage.eeg
        if not chosen or not all(0 <= k < len(montage.names) for k in chosen):
            raise ConfigError(f"channels {chosen} of a montage with {len(montage.names)}, none of them usable")
        self.card = card
        self.montage = montage
        self.channels = chosen
        self._network = network
        self._on_clean = on_clean
        self._on_said = on_said
        # The forehead alone is told from the back of the head: other channels that were chosen stay as they are.
        behind = spread(montage.behind) if set(chosen) <= set(montage.frontal) else ()
        self._columns, self._behind = np.array(chosen), np.array(behind, dtype=np.int64)
        self._frame = card.frame(montage.rate_hz)
        self._delay_s = card.band.delay_s(montage.rate_hz)
        self._timeline = Timeline(montage.rate_hz, card.hole_s)
        frontal, clean = montage.blink_channels or channels or (), on_clean is not None
        self._ica = ica or open_ica(montage, self._frame, card.ica, frontal=frontal, clean=clean)
        self._habits = Habits(card.decision.habits)
        self._closures = closures
        self._begin()

    def _begin(self) -> None:
        """Every stage as new, at the start and after each hole, but for what is known of the person and the montage."""
        card, rate, inputs = self.card, self.montage.rate_hz, len(self.channels) + 1
        frame_s = self._frame / rate
        self._framer = Framer(self._frame, len(self.montage.names))
        self._quality = Quality(card.quality, frame_s, len(self.montage.names))
        self._ica.restart()
        behind = len(self._behind)
        self._filters = Filters(card.band, rate, card.rate_hz, self._frame, inputs + behind)
        self._rereference = Rereference(inputs - 1, behind, card.rate_hz)
        self._scale = Scale(card.scale, card.quality.noisy_ratio, frame_s, inputs)
        self._windows = Windows(card.window, card.hop, inputs, card.scale.rows)
        self._decision = Decision(
            card.decision, card.rate_hz, card.step, card.looks_s, card.band, self._delay_s, self._habits
        )
        if self._closures is not None:
            self._closures.restart()
        self._newest: tuple[Window, float] | None = None
        self._trusted = False

    @property
    def ica(self) -> Ica | PassThrough:
        """What un-mixes the channels: its status, and its state, which can be kept for another run."""
        return self._ica

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with each channel of the montage at the moment."""
        return self._quality.faults

    @property
    def unused(self) -> frozenset[int]:
        """Which of `channels` the network is not shown at the moment: bad, or far noisier than the others."""
        usable = self._newest[0].usable if self._newest is not None else ()
        return frozenset(k for k, used in zip(self.channels, usable, strict=False) if not used)

    def push(self, block: Block) -> list[BlinkEvent]:
        """The events that these samples make certain, in the order in which they were decided.

        Raises `StreamError` when the block has another number of channels than the montage.
        """
        if block.samples.shape[1] != len(self.montage.names):
            raise StreamError(f"a block of {block.samples.shape[1]} channels in a stream of {len(self.montage.names)}")
        events: list[BlinkEvent] = []
        for run in self._timeline.push(block):
            if run.fresh:  # A hole in time: everything starts afresh.
                events += self.flush()
            for window, decided in self._front(run):
                said = self.probabilities(window)
                told = self._decision.push(window, said, decided)
                events += told if self._closures is None else told + self._closures.push(told, decided)
                self._newest = window, decided
                if self._on_said is not None:
                    self._on_said(decided - self.card.looks_s[0], float(said[0, -1]))
        return events

    def windows(self, block: Block) -> Iterator[tuple[Window, float]]:
        """What the network would see of these samples, and when: the front half of `push`, for training."""
        for run in self._timeline.push(block):
            if run.fresh:
                self.flush()
            yield from self._front(run)

    def _front(self, run: Run) -> Iterator[tuple[Window, float]]:
        """Windows, each with the stream time of the newest sample in it."""
        for raw in self._framer.push(run):  # Fixed length from here on.
            frame = self._quality.push(raw)  # What is bad is masked and never poisons the rest.
            if self._closures is not None:
                self._closures.watch(frame.samples[:, self._columns], frame.good[self._columns], frame.times)
            parts = self._ica.push(frame)  # The blink source, and what the eyes put into the channels.
            filtered = self._filters.push(self._inputs(frame, parts))  # Causal, to the model's rate.
            clear = self._rereference.push(filtered)  # Without what the back of the head shows as well.
            for window in self._windows.push(self._scale.push(clear)):
                yield window, float(frame.times[-1])
            self._clean(raw, parts, len(raw.times))

    def _clean(self, raw: Frame, parts: Parts, n: int) -> None:
        """Hand on the first ``n`` samples as they came, without what the eyes put into them."""
        if self._on_clean is not None:
            samples = raw.samples if parts.removed is None else raw.samples - parts.removed
            self._on_clean(Block(samples[:n], raw.times[:n]))

    def flush(self) -> list[BlinkEvent]:
        """The blinks that were confirmed but not over when the signal ended.

        The detector is as new afterwards, but for what the ICA and the habits have learned.
        """
        if (rest := self._framer.rest()) is not None:  # No event depends on it, but the cleaned EEG is to be whole.
            self._clean(rest[0], self._ica.push(self._quality.push(rest[0])), rest[1])
        events = self._decision.finish(*self._newest) if self._newest is not None else []
        self._begin()
        return events

    def _inputs(self, frame: Frame, parts: Parts) -> Frame:
        """The chosen channels, the blink source, and the channels at the back of the head."""
        chosen, behind = self._columns, self._behind
        trusted = np.array([parts.trusted])
        samples = np.hstack((frame.samples[:, chosen], parts.source[:, np.newaxis], frame.samples[:, behind]))
        good = np.concatenate((frame.good[chosen], trusted, frame.good[behind]))
        fresh = np.concatenate((frame.fresh[chosen], trusted & (not self._trusted), frame.fresh[behind]))
        self._trusted = parts.trusted
        return Frame(samples, frame.times, good, fresh)

    def probabilities(self, window: Window) -> npt.NDArray[np.float64]:
        """(looks, hop / step): what the network says of the newest ``hop`` samples, a row for each look-ahead."""
        rows = np.flatnonzero(window.usable[:-1])
        if not len(rows):  # The source alone is not asked: where no channel is usable, it comes from none.
            return np.zeros((len(self.card.looks_s), self.card.hop // self.card.step))
        if len(rows) > self.card.max_inputs:
            spread = self._scale.spread[rows]
            rows = np.sort(rows[np.argsort(-spread, kind="stable")[: self.card.max_inputs]])
        return self._network(window.inputs[rows], window.inputs[-1], bool(window.usable[-1]))
