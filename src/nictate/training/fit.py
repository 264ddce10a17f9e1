"""Training: augmented batches from a second process, AdamW with one cycle, averaged weights, the best epoch kept.

The weights that are validated and kept are a running mean of those that AdamW goes through (Polyak and Juditsky 1992):
less noisy than any single step, at no cost when the network is used.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import torch
from torch.nn import functional

from nictate.card import ModelCard
from nictate.signals import ConfigError
from nictate.training.corpus import LabelledSignal
from nictate.training.dataset import Batch, batches
from nictate.training.nan_guard import nan_guard
from nictate.training.network import BlinkNet
from nictate.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of the loss curves: mean negative log likelihood in nats per answered time step."""

    number: int
    train: float
    validate: float | None
    """None without people to validate with."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """The network of the best epoch, folded, and how it got there."""

    network: BlinkNet
    epochs: tuple[Epoch, ...]
    best: int


def loss_of(network: BlinkNet, batch: Batch) -> torch.Tensor:
    """Negative log likelihood (outputs,) of the logistic outputs over the time steps that were asked about."""
    # Silence before the stream began, as the detector's windows show it.
    stride = network.architecture.stride
    past = network.architecture.receptive_field - stride
    logits = network(
        functional.pad(torch.from_numpy(batch.channels), (past, 0)),
        functional.pad(torch.from_numpy(batch.source), (past, 0)),
        torch.from_numpy(batch.trusted),
        functional.pad(torch.from_numpy(batch.usable), (past, 0), mode="replicate"),
    )
    answered = slice(stride - 1, None, stride)
    target = torch.from_numpy(batch.target[:, :, answered])
    weight = torch.from_numpy(batch.weight[:, :, answered])
    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (each * weight).sum(dim=(0, 2)) / weight.sum(dim=(0, 2)).clamp(min=1.0)


def fit(
    recipe: Recipe,
    card: ModelCard,
    train: Sequence[LabelledSignal],
    validate: Sequence[LabelledSignal],
    say: Callable[[Epoch], None],
    begin: BlinkNet | None = None,
) -> Fitted:
    """Trains on ``train`` and keeps the epoch that is best on ``validate``, or the last where there is nobody to ask.

    The same seed gives the same weights.

    It goes on from the network ``begin``, or else from weights at random.

    Raises `ConfigError` when the loss is no number any more.

    One thread always: the order of additions, and so the last bits, depend on their number, and the second core is busy
    making the next batches.
    """
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(recipe.seed)
    network = BlinkNet(recipe.architecture, normalised=True) if begin is None else copy.deepcopy(begin).train()
    steps = recipe.epochs * recipe.batches
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.learning_rate, total_steps=steps, pct_start=0.2)
    many = max(8, recipe.batches // 10) if validate else 0
    checks = list(batches(recipe, card, validate, recipe.seed + 1_000_000, many))
    mean = copy.deepcopy(network).eval()
    best, kept = np.inf, 0
    weights = copy.deepcopy(mean.state_dict())
    epochs: list[Epoch] = []
    total = 0.0
    for step, batch in enumerate(_ahead(recipe, card, train, steps), start=1):
        optimiser.zero_grad()
        try:
            with nan_guard(network):
                loss = loss_of(network, batch).mean()
                loss.backward()  # type: ignore[no-untyped-call]
        except FloatingPointError as error:
            epoch_now = (step - 1) // recipe.batches + 1
            raise ConfigError(
                f"the training diverged in epoch {epoch_now}: {error}: lower the recipe's learning rate"
            ) from None
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        _average(mean, network, min(recipe.memory, step / (step + 10.0)))
        total += float(loss.detach())
        if step % recipe.batches == 0:
            with torch.no_grad():
                check = float(np.mean([float(loss_of(mean, b).mean()) for b in checks])) if checks else None
            epoch = Epoch(step // recipe.batches, total / recipe.batches, check)
            epochs.append(epoch)
            say(epoch)
            total = 0.0
            if not np.isfinite(epoch.train if check is None else check):
                raise ConfigError(f"the training diverged in epoch {epoch.number}: lower the recipe's learning rate")
            if check is None or check < best:
                best, kept = check or best, epoch.number
                weights = copy.deepcopy(mean.state_dict())
    mean.load_state_dict(weights)
    return Fitted(mean.folded(), tuple(epochs), kept)


@torch.no_grad()
def _average(mean: BlinkNet, network: BlinkNet, memory: float) -> None:
    """One step of the running mean of the weights, and of what normalisation has seen."""
    for kept, new in zip(mean.state_dict().values(), network.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, 1.0 - memory)


def _ahead(recipe: Recipe, card: ModelCard, signals: Sequence[LabelledSignal], count: int) -> Iterator[Batch]:
    """The batches of `batches`, a few made ahead in a second process while the network learns from the last."""
    chunk = 10
    starts = range(0, count, chunk)
    with ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), initializer=_remember, initargs=(recipe, card, tuple(signals))
    ) as pool:
        waiting = [pool.submit(_make, start, min(chunk, count - start)) for start in starts[:2]]
        for k in range(len(starts)):
            made = waiting.pop(0).result()
            if k + 2 < len(starts):
                start = starts[k + 2]
                waiting.append(pool.submit(_make, start, min(chunk, count - start)))
            yield from made


_task: tuple[Recipe, ModelCard, tuple[LabelledSignal, ...]]


def _remember(recipe: Recipe, card: ModelCard, signals: tuple[LabelledSignal, ...]) -> None:
    global _task  # The worker's own: sent once, not with each chunk.
    _task = recipe, card, signals
    torch.set_num_threads(1)


def _make(start: int, count: int) -> list[Batch]:
    recipe, card, signals = _task
    return list(batches(recipe, card, signals, recipe.seed * 1_000_003 + start, count))
