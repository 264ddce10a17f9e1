from __future__ import annotations

import dataclasses
import json
import pickle

from nictate.card import ModelCard
from nictate.training.network import Architecture
from nictate.training.recipe import Recipe


def test_the_card_of_a_recipe_comes_back_from_its_json() -> None:
    for recipe in (Recipe(), Recipe(hop=8), Recipe(architecture=Architecture(head=((8, 3, 4),)))):
        card = dataclasses.replace(recipe.card(), about={"recipe": json.loads(json.dumps(dataclasses.asdict(recipe)))})
        assert ModelCard.from_json(card.to_json()) == card


def test_the_card_fits_the_architecture() -> None:
    for recipe in (Recipe(), Recipe(hop=8, architecture=Architecture(stride=1)), Recipe(architecture=Architecture())):
        card = recipe.card()
        assert card.window == recipe.architecture.receptive_field + card.hop - card.step
        assert card.step == recipe.architecture.stride
        assert card.scale.rows == recipe.architecture.rows
        assert len(card.looks_s) == recipe.architecture.outputs


def test_a_window_holds_the_whole_blink_that_the_longest_look_ahead_speaks_of() -> None:
    card = Recipe().card()
    assert card.looks_s[0] > 0.0
    assert card.looks_s == tuple(sorted(set(card.looks_s)))
    before_s = (card.window - card.hop) / card.rate_hz - card.looks_s[-1]
    assert before_s >= card.decision.reach_s + card.decision.around_s + card.band.delay_s(100.0)
    assert card.looks_s[-1] >= card.decision.reach_s


def test_a_recipe_travels_to_another_process() -> None:
    recipe = Recipe(seed=7, epochs=3)
    assert pickle.loads(pickle.dumps((recipe, recipe.card()))) == (recipe, recipe.card())
