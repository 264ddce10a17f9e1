"""From torch to ONNX, checked against each other before anything is written."""

from __future__ import annotations

import logging
import warnings

import numpy as np
import onnx
import torch

from nictate.edges.onnx import open_session
from nictate.signals import ConfigError
from nictate.training.network import Architecture, BlinkNet, Deployed

OPSET = 20


def to_onnx(network: BlinkNet, hop: int, metadata: dict[str, str]) -> bytes:
    """The network as an ONNX model of one window and any number of channels. Raises `RuntimeError` if it differs."""
    deployed = Deployed(network).eval()
    rows, window = network.architecture.rows, network.architecture.window(hop)
    example = (torch.randn(3, rows, window), torch.randn(rows, window), torch.ones(1))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # The exporter warns of its own deprecations, about which nobody here can do anything.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            deployed,
            example,
            dynamo=True,
            input_names=["channels", "source", "trusted"],
            output_names=["probability"],
            dynamic_shapes={
                "channels": {0: torch.export.Dim("inputs", min=1, max=256)},
                "source": None,
                "trusted": None,
            },
            opset_version=OPSET,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch exported no program")
    model = program.model_proto
    # The exporter notes beside each node which lines of which files it came from: paths of the machine that trained.
    for part in (model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    weights: bytes = model.SerializeToString()
    worst = difference(network, weights, hop)
    if worst > 1e-5:
        raise RuntimeError(f"torch and ONNX differ by {worst:.2g}")
    return weights


def from_onnx(weights: bytes, architecture: Architecture) -> BlinkNet:
    """The inverse of `to_onnx`: the network with these weights, bit for bit.

    Raises `ConfigError` when the model is not one of such a network.
    """
    stored = onnx.load_model_from_string(weights).graph.initializer
    network = BlinkNet(architecture)
    # A bias of nothing but zeros is not stored.
    zeros = {name: torch.zeros_like(value) for name, value in network.state_dict().items() if name.endswith(".bias")}
    # `Deployed` has the network as its one part; whatever else is stored there are constants of the exporter's.
    found = {
        tensor.name.removeprefix("network."): torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
        for tensor in stored
        if tensor.name.startswith("network.")
    }
    try:
        network.load_state_dict(zeros | found)
    except RuntimeError:
        raise ConfigError("the weights do not fit the architecture on the model's card") from None
    return network.eval()


def difference(network: BlinkNet, weights: bytes, hop: int) -> float:
    """Largest difference of the probabilities between torch and ONNX over fixed random windows of 1 to 9 channels."""
    session = open_session(weights)
    rng = np.random.default_rng(0)
    rows, window = network.architecture.rows, network.architecture.window(hop)
    worst = 0.0
    for k in range(1, 10):
        x = (2.0 * rng.standard_normal((k, rows, window))).astype(np.float32)
        s = (2.0 * rng.standard_normal((rows, window))).astype(np.float32)
        flag = np.array([k % 2], dtype=np.float32)
        (theirs,) = session.run(None, {"channels": x, "source": s, "trusted": flag})
        with torch.no_grad():
            dense = network(
                torch.from_numpy(x)[None], torch.from_numpy(s)[None], torch.from_numpy(flag), torch.ones(1, k, window)
            )
        worst = max(worst, float(np.abs(torch.sigmoid(dense)[0].numpy() - theirs).max()))
    return worst
