"""The network: a temporal encoder shared by all inputs, pooled over them, then a head with an output a look-ahead."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


@dataclass(frozen=True, slots=True)
class Architecture:
    """Widths, kernels and dilations. All convolutions are valid: no padding, so every output has seen real samples."""

    rows: int = 3
    """How many times each input is shown, each time on another scale."""
    first: tuple[int, int] = (32, 7)
    """(width, kernel) of the first layer, which takes every `stride`-th step: what follows costs that much less."""
    stride: int = 2
    encoder: tuple[tuple[int, int, int], ...] = ((32, 5, 1), (48, 5, 2))
    """(width, kernel, dilation) of each further layer that is shared by the inputs."""
    head: tuple[tuple[int, int, int], ...] = ((64, 5, 4), (64, 5, 8))
    """(width, kernel, dilation) of each layer after the pooling."""
    outputs: int = 6
    """Look-aheads, see `Recipe.looks_s`."""

    @property
    def receptive_field(self) -> int:
        """Samples that one output depends on."""
        steps = sum((kernel - 1) * dilation for _, kernel, dilation in self.encoder + self.head)
        return self.first[1] + self.stride * steps

    def window(self, hop: int) -> int:
        """Samples that the newest ``hop / stride`` outputs depend on together."""
        return self.receptive_field + hop - self.stride


class BlinkNet(nn.Module):
    """A logistic output per time step for each look-ahead.

    Any number of inputs, in any order: what the encoder finds is pooled by mean and maximum. The blink source of the
    online ICA goes through the same encoder and beside the pool, times its flag.

    A ``normalised`` one, for training, has batch normalisation behind each convolution (Ioffe and Szegedy 2015, ICML):
    it learns more in as many steps. What it has become without is its `folded`.
    """

    def __init__(self, architecture: Architecture, *, normalised: bool = False) -> None:
        super().__init__()
        self.architecture = architecture
        width, kernel = architecture.first
        self.encoder = nn.Sequential(
            *_layer(nn.Conv1d(architecture.rows, width, kernel, stride=architecture.stride), normalised),
            *_layers(width, architecture.encoder, normalised),
        )
        self.head = nn.Sequential(*_layers(3 * architecture.encoder[-1][0], architecture.head, normalised))
        self.out = nn.Conv1d(architecture.head[-1][0], architecture.outputs, 1)
        # Blinks are rare: starting at their base rate spares the first epoch.
        assert self.out.bias is not None
        nn.init.constant_(self.out.bias, -3.0)

    def forward(self, channels: Tensor, source: Tensor, trusted: Tensor, usable: Tensor) -> Tensor:
        """Logits (batch, outputs, steps): one step for every ``stride`` samples from the receptive field's end on.

        ``channels`` (batch, inputs, rows, time); ``source`` (batch, rows, time); ``trusted`` (batch,), 0 or 1;
        ``usable`` (batch, inputs, time), 0 or 1, which inputs to pool at each time.
        """
        batch, inputs, rows, time = channels.shape
        stacked = torch.cat((channels, source.unsqueeze(1)), dim=1).reshape(-1, rows, time)
        # Only inputs that are there are encoded: half of a batch is padding.
        there = torch.cat((usable.amax(dim=2), trusted.unsqueeze(1)), dim=1).flatten().nonzero().flatten()
        encoded = self.encoder(stacked[there])
        found = encoded.new_zeros(len(stacked), *encoded.shape[1:]).index_copy(0, there, encoded)
        found = found.reshape(batch, inputs + 1, *encoded.shape[1:])
        stride = self.architecture.stride
        seen = usable[:, :, time - 1 - stride * (encoded.shape[2] - 1) :: stride].unsqueeze(2)
        each = found[:, :inputs] * seen
        mean = each.sum(dim=1) / seen.sum(dim=1).clamp(min=1.0)
        # What leaves a ReLU is not negative, so an unused input's zeros never win the maximum.
        pooled = torch.cat((mean, each.amax(dim=1), found[:, inputs] * trusted.reshape(-1, 1, 1)), dim=1)
        logits: Tensor = self.out(self.head(pooled))
        return logits

    def folded(self) -> BlinkNet:
        """The network that gives what this one gives in evaluation, with no normalisation left to do."""
        plain = BlinkNet(self.architecture)
        plain.encoder, plain.head = _fold(self.encoder), _fold(self.head)
        plain.out.load_state_dict(self.out.state_dict())
        return plain.eval()


class Deployed(nn.Module):
    """What is exported: one window, every given input usable, probabilities of the newest steps."""

    def __init__(self, network: BlinkNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, channels: Tensor, source: Tensor, trusted: Tensor) -> Tensor:
        """Probabilities from ``channels`` (inputs, rows, window), ``source`` (rows, window), ``trusted`` (1,)."""
        found = self.network.encoder(torch.cat((channels, source.unsqueeze(0)), dim=0))
        each, aside = found[:-1], found[-1:]
        pooled = torch.cat((each.mean(dim=0, keepdim=True), each.amax(dim=0, keepdim=True), aside * trusted), dim=1)
        return torch.sigmoid(self.network.out(self.network.head(pooled)))[0]


def _layers(inputs: int, layers: tuple[tuple[int, int, int], ...], normalised: bool) -> list[nn.Module]:
    modules: list[nn.Module] = []
    for width, kernel, dilation in layers:
        modules += _layer(nn.Conv1d(inputs, width, kernel, dilation=dilation), normalised)
        inputs = width
    return modules


def _layer(convolution: nn.Conv1d, normalised: bool) -> list[nn.Module]:
    norm = [nn.BatchNorm1d(convolution.out_channels)] if normalised else []
    return [convolution, *norm, nn.ReLU()]


def _fold(layers: nn.Sequential) -> nn.Sequential:
    folded: list[nn.Module] = []
    for module in copy.deepcopy(layers).eval():
        if isinstance(module, nn.BatchNorm1d):
            convolution = folded.pop()
            assert isinstance(convolution, nn.Conv1d)
            folded.append(fuse_conv_bn_eval(convolution, module))
        else:
            folded.append(module)
    return nn.Sequential(*folded)
