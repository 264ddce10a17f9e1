from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from nictate.edges.onnx import open_session
from nictate.exercises import twins
from nictate.exercises.activations import Dense, sigmoid_net
from nictate.exercises.twins import difference, onnx_model, tanh_twin, tanh_twin_onnx
from nictate.signals import ConfigError, FloatArray

NET = Dense(*(np.random.default_rng(0).standard_normal(s) for s in ((8, 3), 8, (2, 8), 2)))


def operators(model: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_from_string(model).graph.node]


def deep(*, bias: bool = True) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 9, bias=bias),
        nn.Sigmoid(),
        nn.Linear(9, 7, bias=bias),
        nn.Sigmoid(),
        nn.Linear(7, 5, bias=bias),
        nn.ReLU(),
        nn.Linear(5, 3, bias=bias),
        nn.Sigmoid(),
    ).double()


@pytest.mark.parametrize("bias", [True, False])
def test_a_torch_model_and_its_twin_say_the_same(bias: bool) -> None:
    model = deep(bias=bias).eval()
    before = [p.clone() for p in model.parameters()]
    twin = tanh_twin(model)
    kinds = [type(layer).__name__ for layer in twin]
    assert kinds == ["Linear", "Tanh", "Linear", "Tanh", "Linear", "ReLU", "Linear", "Sigmoid"]
    x = torch.randn(50, 4, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(twin(x), model(x), rtol=0.0, atol=1e-13)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert not twin.training
    assert all(p.requires_grad for p in twin.parameters())


def test_layers_that_share_weights_are_parted() -> None:
    shared = nn.Linear(4, 4).double()
    model = nn.Sequential(shared, nn.Sigmoid(), shared, nn.Sigmoid(), shared)
    x = torch.randn(20, 4, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(tanh_twin(model)(x), model(x), rtol=0.0, atol=1e-13)


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)],
        [nn.Linear(2, 2), nn.Sigmoid()],
        [nn.Linear(2, 2), nn.Sigmoid(), nn.ReLU(), nn.Linear(2, 2)],
        [nn.ReLU(), nn.Sigmoid(), nn.Linear(2, 2)],
    ],
)
def test_where_there_is_nothing_to_rewrite_it_says_so(layers: Sequence[nn.Module]) -> None:
    with pytest.raises(ConfigError, match="nothing to rewrite"):
        tanh_twin(nn.Sequential(*layers))


def test_the_onnx_model_is_the_network() -> None:
    x = np.random.default_rng(1).standard_normal((3, 20))
    (said,) = open_session(onnx_model(NET)).run(None, {"x": x.T.astype(np.float32)})
    np.testing.assert_allclose(said.T, sigmoid_net(NET, x), atol=1e-5)


def test_what_torch_exports_is_rewritten() -> None:
    model = deep().float().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of the exporter's own deprecations.
        program = torch.onnx.export(model, (torch.randn(6, 4),), dynamo=True, verbose=False)
    assert program is not None
    exported = program.model_proto.SerializeToString()
    twin = tanh_twin_onnx(exported)
    assert [kind for kind in operators(twin) if kind in {"Sigmoid", "Tanh"}] == ["Tanh", "Tanh", "Sigmoid"]
    assert difference(exported, twin) < 7e-6


# By hand: every way in which a sigmoid may stand.

RNG = np.random.default_rng(2)
Node = tuple[str, list[str], str, dict[str, float]]


def graph_of(*nodes: Node, outputs: Sequence[str] = ("y",), kind: type = np.float32, **more: FloatArray) -> bytes:
    """``x`` (5, 4); constants W (4, 6), V (6, 3), S (4, 4), b (6,), c (3,), d (4,)."""
    sizes = {"W": (4, 6), "V": (6, 3), "S": (4, 4), "b": 6, "c": 3, "d": 4}
    constants = {name: RNG.standard_normal(size) for name, size in sizes.items()} | more
    tensor = TensorProto.FLOAT if kind is np.float32 else TensorProto.DOUBLE
    graph = helper.make_graph(
        [helper.make_node(of, inputs, [output], **options) for of, inputs, output, options in nodes],
        "g",
        [helper.make_tensor_value_info("x", tensor, [5, 4])],
        [helper.make_tensor_value_info(name, tensor, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(w, dtype=kind), name) for name, w in constants.items()],
    )
    model = helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 20)])
    made: bytes = onnx.shape_inference.infer_shapes(model).SerializeToString()
    return made


def gemm(inputs: str, output: str, **options: float) -> Node:
    return "Gemm", inputs.split(), output, options


def sigmoid(given: str, output: str) -> Node:
    return "Sigmoid", [given], output, {}


def node(kind: str, inputs: str, output: str) -> Node:
    return kind, inputs.split(), output, {}


REWRITTEN = {
    "gemm": [gemm("x W b", "z"), sigmoid("z", "h"), gemm("h V c", "y")],
    "alpha and beta": [
        gemm("x W b", "z", alpha=0.5, beta=3.0),
        sigmoid("z", "h"),
        gemm("h V c", "y", alpha=2.0, beta=-0.5),
    ],
    "no bias": [gemm("x W", "z"), sigmoid("z", "h"), gemm("h V", "y")],
    "matmul": [
        node("MatMul", "x W", "p"),
        node("Add", "p b", "z"),
        sigmoid("z", "h"),
        node("MatMul", "h V", "q"),
        node("Add", "c q", "y"),
    ],
    "a bias of one number": [
        gemm("x W b", "z"),
        sigmoid("z", "h"),
        node("MatMul", "h V", "q"),
        node("Add", "q one", "y"),
    ],
    "shared weights": [
        gemm("x S d", "z"),
        sigmoid("z", "h"),
        gemm("h S d", "z2"),
        sigmoid("z2", "h2"),
        gemm("h2 S d", "y"),
    ],
    "two takers": [
        gemm("x W b", "z"),
        sigmoid("z", "h"),
        gemm("h V c", "y1"),
        gemm("h V", "y2"),
        node("Add", "y1 y2", "y"),
    ],
}


@pytest.mark.parametrize("name", REWRITTEN)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_sigmoid_between_dense_layers_becomes_a_tanh(name: str, kind: type) -> None:
    model = graph_of(*REWRITTEN[name], kind=kind, one=np.array(0.7))
    twin = tanh_twin_onnx(model)
    assert "Sigmoid" not in operators(twin)
    assert difference(model, twin) < (1e-6 if kind is np.float32 else 1e-14)
    used = {given for n in onnx.load_from_string(twin).graph.node for given in n.input}
    assert {tensor.name for tensor in onnx.load_from_string(twin).graph.initializer} <= used


LEFT = {
    "the output of the network": [gemm("x W b", "z"), sigmoid("z", "y")],
    "an output besides": [gemm("x W b", "z"), sigmoid("z", "h"), gemm("h V c", "y")],
    "nothing dense before": [node("Relu", "x", "z"), sigmoid("z", "h"), gemm("h W b", "y")],
    "the input itself": [sigmoid("x", "h"), gemm("h W b", "y")],
    "nothing dense after": [gemm("x W b", "z"), sigmoid("z", "h"), node("Relu", "h", "y")],
    "taken before the sigmoid": [
        gemm("x S d", "z"),
        sigmoid("z", "h"),
        gemm("h S d", "g"),
        node("Add", "g z", "y"),
    ],
    "as the second factor": [gemm("x S d", "z"), sigmoid("z", "h"), gemm("square h d", "y")],
    "as a bias": [gemm("x S d", "z"), sigmoid("z", "h"), gemm("x S h", "y")],
    "transposed": [gemm("x S d", "z"), sigmoid("z", "h"), gemm("h five d", "y", transA=1)],
    "a bias that does not count": [gemm("x W b", "z"), sigmoid("z", "h"), gemm("h V c", "y", beta=0.0)],
    "no add after": [gemm("x W b", "z"), sigmoid("z", "h"), node("MatMul", "h V", "y")],
    "two takers of the product": [
        gemm("x W b", "z"),
        sigmoid("z", "h"),
        node("MatMul", "h V", "q"),
        node("Add", "q q", "y"),
    ],
    "a product that is not added to": [
        gemm("x W b", "z"),
        sigmoid("z", "h"),
        node("MatMul", "h V", "q"),
        node("Relu", "q", "y"),
    ],
    "a sum of two signals": [node("Relu", "x", "a"), node("Add", "a x", "z"), sigmoid("z", "h"), gemm("h W b", "y")],
    "a sum with a number": [node("Add", "x one", "z"), sigmoid("z", "h"), gemm("h W b", "y")],
    "a product of two signals": [
        gemm("x S d", "a"),
        node("MatMul", "square a", "p"),
        node("Add", "p d", "z"),
        sigmoid("z", "h"),
        gemm("h S d", "y"),
    ],
    "a product that others take": [
        node("MatMul", "x W", "p"),
        node("Add", "p b", "z"),
        sigmoid("z", "h"),
        gemm("h V c", "g"),
        node("MatMul", "p V", "r"),
        node("Add", "g r", "y"),
    ],
}


@pytest.mark.parametrize("name", LEFT)
def test_any_other_sigmoid_is_left(name: str) -> None:
    outputs = ("y", "h") if name == "an output besides" else ("y",)
    more = {"one": np.array(0.7), "square": RNG.standard_normal((4, 5)), "five": RNG.standard_normal((5, 4))}
    with pytest.raises(ConfigError, match="nothing to rewrite"):
        tanh_twin_onnx(graph_of(*LEFT[name], outputs=outputs, **more))


def test_names_that_are_taken_are_not_given_twice() -> None:
    model = graph_of(
        gemm("x W b", "z"), sigmoid("z", "h"), gemm("h V", "g"), node("Add", "g V_bias", "y"), V_bias=np.ones(3)
    )
    twin = tanh_twin_onnx(model)
    assert difference(model, twin) < 1e-6


def test_a_rewriting_that_goes_wrong_is_not_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twins._Dense, "scale", lambda _self, _by: None)
    with pytest.raises(RuntimeError, match="differ by"):
        tanh_twin_onnx(onnx_model(NET))
