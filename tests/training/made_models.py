"""A network that has learned nothing but says something, in torch and in ONNX."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import NamedTuple

import torch

from nictate.card import ModelCard
from nictate.edges.onnx import OnnxNetwork
from nictate.training.export import to_onnx
from nictate.training.network import BlinkNet
from nictate.training.recipe import Recipe


class Exported(NamedTuple):
    recipe: Recipe
    card: ModelCard
    network: BlinkNet
    weights: bytes

    @property
    def deployed(self) -> OnnxNetwork:
        return OnnxNetwork(self.weights, self.card)


def export() -> Exported:
    recipe = Recipe()
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = BlinkNet(recipe.architecture)
        with torch.no_grad():
            # So that no probability lies near 0 or 1, where all networks agree.
            network.out.weight *= 20.0
            network.out.bias.zero_()
    weights = to_onnx(network.eval(), recipe.hop, {"nictate": "blink", "seed": "3"})
    card = dataclasses.replace(recipe.card(), sha256=hashlib.sha256(weights).hexdigest())
    return Exported(recipe, card, network, weights)
