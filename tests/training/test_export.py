from __future__ import annotations

import copy

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from made_models import Exported

from nictate.signals import ConfigError
from nictate.training.export import OPSET, difference, from_onnx
from nictate.training.network import Architecture, Deployed


def windows(inputs: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Fixed ones, of the size of what the detector shows."""
    rng = np.random.default_rng(inputs)
    rows, window = 3, Architecture().window(4)
    x, s = 2.0 * rng.standard_normal((inputs, rows, window)), 2.0 * rng.standard_normal((rows, window))
    return torch.from_numpy(x.astype(np.float32)), torch.from_numpy(s.astype(np.float32))


@pytest.mark.parametrize("trusted", [0.0, 1.0])
def test_torch_and_onnx_agree_on_any_number_of_inputs(exported: Exported, trusted: float) -> None:
    session = onnxruntime.InferenceSession(exported.weights, providers=["CPUExecutionProvider"])
    flag = torch.full((1,), trusted)
    for inputs in (*range(1, 10), 32):
        x, s = windows(inputs)
        with torch.no_grad():
            ours = Deployed(exported.network)(x, s, flag).numpy()
        (theirs,) = session.run(None, {"channels": x.numpy(), "source": s.numpy(), "trusted": flag.numpy()})
        assert theirs.shape == (len(exported.card.looks_s), exported.card.hop // exported.card.step)
        assert 0.005 < ours.min() < ours.max() < 0.995
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-5)


def test_the_runtime_of_the_detector_agrees_with_torch(exported: Exported) -> None:
    x, s = windows(2)
    with torch.no_grad():
        for trusted in (False, True):
            ours = Deployed(exported.network)(x, s, torch.full((1,), float(trusted))).numpy()
            np.testing.assert_allclose(exported.deployed(x.numpy(), s.numpy(), trusted), ours, rtol=0, atol=1e-5)


def test_what_the_file_says_of_itself(exported: Exported) -> None:
    model = onnx.load_from_string(exported.weights)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", OPSET)]
    assert {p.key: p.value for p in model.metadata_props} == {"nictate": "blink", "seed": "3"}
    shapes = {
        value.name: [d.dim_value or d.dim_param for d in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    inputs, *rest = shapes["channels"]
    assert isinstance(inputs, str)  # A name: any number.
    assert rest == [exported.card.scale.rows, exported.card.window]
    assert shapes["source"] == [exported.card.scale.rows, exported.card.window]
    assert shapes["trusted"] == [1]
    assert shapes["probability"] == [len(exported.card.looks_s), exported.card.hop // exported.card.step]


def test_the_file_says_nothing_of_the_machine_that_made_it(exported: Exported) -> None:
    assert b".py" not in exported.weights
    assert b"File " not in exported.weights


def test_all_weights_are_in_the_file(exported: Exported) -> None:
    model = onnx.load_from_string(exported.weights)
    stored = sum(int(np.prod(tensor.dims)) for tensor in model.graph.initializer)
    assert stored >= sum(p.numel() for p in exported.network.parameters())


def test_the_difference_to_itself_is_rounding(exported: Exported) -> None:
    assert difference(exported.network, exported.weights, exported.recipe.hop) < 1e-5


@pytest.mark.parametrize("name", ["encoder.0.weight", "encoder.2.bias", "head.0.weight", "out.bias"])
def test_the_difference_shows_a_change_of_weights(exported: Exported, name: str) -> None:
    changed = copy.deepcopy(exported.network)
    with torch.no_grad():
        changed.get_parameter(name).add_(0.05)
    assert difference(changed, exported.weights, exported.recipe.hop) > 1e-4


def test_the_network_comes_back_from_the_file_bit_for_bit(exported: Exported) -> None:
    back = from_onnx(exported.weights, exported.recipe.architecture)
    ours, theirs = exported.network.state_dict(), back.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert not back.training
    with pytest.raises(ConfigError, match="do not fit the architecture"):
        from_onnx(exported.weights, Architecture(first=(12, 7)))
