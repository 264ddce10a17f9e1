from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from made_people import person

from nictate.signals import ConfigError
from nictate.training.corpus import LabelledSignal
from nictate.training.dataset import batches
from nictate.training.fit import Epoch, Fitted, fit, loss_of
from nictate.training.network import BlinkNet
from nictate.training.recipe import Recipe

RECIPE = Recipe(seed=3, epochs=2, batches=10, batch=3, example_s=8.0, learning_rate=5e-3)
OTHER = dataclasses.replace(RECIPE, seed=4, epochs=3, batches=2)
CARD = RECIPE.card()


@pytest.fixture(scope="module")
def people() -> list[LabelledSignal]:
    return [person(seed, lasting_s=12.0) for seed in range(1, 5)]


def fitted(recipe: Recipe, people: list[LabelledSignal]) -> tuple[Fitted, list[Epoch]]:
    heard: list[Epoch] = []
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    try:
        return fit(recipe, CARD, people[:3], people[3:], heard.append), heard
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)


def untrained(recipe: Recipe) -> BlinkNet:
    torch.manual_seed(recipe.seed)
    return BlinkNet(recipe.architecture)


def validated(recipe: Recipe, network: BlinkNet, people: list[LabelledSignal]) -> float:
    checks = batches(recipe, CARD, people[3:], recipe.seed + 1_000_000, 8)
    with torch.no_grad():
        return float(np.mean([float(loss_of(network, batch).mean()) for batch in checks]))


@pytest.fixture(scope="module")
def trained(people: list[LabelledSignal]) -> tuple[Fitted, list[Epoch]]:
    return fitted(RECIPE, people)


def test_training_lowers_the_loss(trained: tuple[Fitted, list[Epoch]], people: list[LabelledSignal]) -> None:
    result, heard = trained
    assert [e.number for e in heard] == [1, 2]
    assert result.epochs == tuple(heard)
    before = validated(RECIPE, untrained(RECIPE), people)
    assert result.epochs[result.best - 1].validate < 0.9 * before
    assert result.epochs[1].train < result.epochs[0].train


def test_the_same_seed_gives_the_same_weights(
    trained: tuple[Fitted, list[Epoch]], people: list[LabelledSignal]
) -> None:
    again, _ = fitted(RECIPE, people)
    assert again.epochs == trained[0].epochs
    for a, b in zip(again.network.parameters(), trained[0].network.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_best_epoch_is_kept_and_another_seed_gives_other_weights(
    trained: tuple[Fitted, list[Epoch]], people: list[LabelledSignal]
) -> None:
    # Somebody who blinks and of whom it is said that he never does: the more is learned, the worse.
    denied = dataclasses.replace(people[3], truth=dataclasses.replace(people[3].truth, blinks=np.empty((0, 3))))
    people = [*people[:3], denied]
    result, _ = fitted(OTHER, people)
    checked = [e.validate for e in result.epochs]
    assert result.best == 1 + int(np.argmin(checked))
    assert result.best < len(checked)
    assert validated(OTHER, result.network, people) == pytest.approx(min(checked), rel=1e-5)
    assert not result.network.training
    assert not torch.equal(result.network.out.weight, trained[0].network.out.weight)


def test_a_training_that_diverges_ends_and_says_so(people: list[LabelledSignal]) -> None:
    with pytest.raises(ConfigError, match=r"diverged in epoch 1"):
        fitted(dataclasses.replace(OTHER, learning_rate=1e20), people)


def test_the_loss_is_of_what_was_asked_alone(people: list[LabelledSignal]) -> None:
    (batch,) = batches(RECIPE, CARD, people, 1, 1)
    network = untrained(RECIPE)
    with torch.no_grad():
        before = loss_of(network, batch)
        otherwise = dataclasses.replace(batch, target=np.where(batch.weight > 0, batch.target, 1 - batch.target))
        assert torch.equal(loss_of(network, otherwise), before)
        flipped = dataclasses.replace(batch, target=1 - batch.target)
        assert torch.all(loss_of(network, flipped) > before + 1.0)
        nothing = dataclasses.replace(batch, weight=np.zeros_like(batch.weight))
        assert torch.equal(loss_of(network, nothing), torch.zeros(len(CARD.looks_s)))
        last = batch.weight.copy()
        last[:, :-1] = 0.0
        after = loss_of(network, dataclasses.replace(batch, weight=last))
        assert after[-1] == before[-1] > 0.0
        assert not after[:-1].any()


def test_the_loss_is_the_mean_negative_log_likelihood(people: list[LabelledSignal]) -> None:
    """Of a network that always says the same: the entropy of the answers against it."""
    (batch,) = batches(RECIPE, CARD, people, 1, 1)
    network = untrained(RECIPE)
    with torch.no_grad():
        network.out.weight.zero_()
        logits = np.linspace(-1.0, 0.5, len(CARD.looks_s))
        network.out.bias.copy_(torch.from_numpy(logits))
        loss = loss_of(network, batch).numpy()
    said = 1 / (1 + np.exp(-logits))
    assert len(loss) == len(said)
    for k in range(len(said)):
        answered = batch.target[:, k, CARD.step - 1 :: CARD.step][batch.weight[:, k, CARD.step - 1 :: CARD.step] > 0]
        share = answered.mean()
        expected = -(share * np.log(said[k]) + (1 - share) * np.log(1 - said[k]))
        assert loss[k] == pytest.approx(expected, rel=1e-4)
