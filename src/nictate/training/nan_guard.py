"""Names the first module of a network that makes a value that is not finite, forward or backward.

A loss that is NaN says nothing of where it became so: by then it has been through every layer. It stands beside the
training that uses it; `nictate.exercises.pitfalls` shows what it finds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


@contextmanager
def nan_guard(network: nn.Module) -> Iterator[None]:
    """Watch what goes through the network's modules, and what comes back, while the context lasts.

    Raises `FloatingPointError` with the module's name, its class, and the direction, as soon as an output, the gradient
    of an input or the gradient of a parameter has a NaN or an infinity in it. Where the module was handed one already,
    from code between the modules, the message says so.

    Only tensors are hooked, and no module's ``forward`` is wrapped, so that what is computed stays the same to the bit.
    """
    names = {module: name or "the network" for name, module in network.named_modules()}
    handles = [module.register_forward_hook(partial(_forward, names)) for module in names]
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            handles.append(_hook(parameter, f"{name}: its gradient"))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def finite(x: Tensor) -> bool:
    """Whether all of ``x`` is. One pass over it in the usual case: what is not finite makes the sum so."""
    x = x.detach()
    return not x.is_floating_point() or bool(torch.isfinite(x.sum())) or bool(torch.isfinite(x).all())


def _forward(names: dict[nn.Module, str], module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
    """After a module, those within it before it: check what it made, and see to what comes back through it."""
    given = [x for x in inputs if isinstance(x, Tensor)]
    who = f"{names[module]} ({type(module).__name__})"
    made = output if isinstance(output, tuple | list) else (output,)
    if not all(finite(y) for y in made if isinstance(y, Tensor)):
        what = "made a value that is not finite" if all(map(finite, given)) else "was handed a value that is not finite"
        raise FloatingPointError(f"{who} {what}, forward")
    for x in given:
        if x.requires_grad:
            _hook(x, f"{who}: the gradient of its input")


def _hook(x: Tensor, who: str) -> RemovableHandle:
    """Checks the gradient by ``x`` as soon as it is known."""

    def check(gradient: Tensor) -> None:
        if not finite(gradient):
            raise FloatingPointError(f"{who} is not finite, backward")

    handle: RemovableHandle = x.register_hook(check)  # type: ignore[no-untyped-call]
    return handle
