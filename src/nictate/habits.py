"""What the stream has shown of its person: how often, how large and which way up the blinks are.

The network looks at one second and does not know who blinks. After a minute one knows more: in somebody who blinks once
in three minutes most candidates are something else; where blinks rise by 200 µV, a dip of 40 µV is none. Before, one
knows how large blinks are in most people, whatever the gain that the network sees through; that is believed until this
person's own are known, and within bounds, since amplifiers mistake their units. By Bayes' rule such knowledge adds to
the log odds; how much each part of it weighs is learned by logistic regression (see `nictate.training.acquaint`).
Habits are taken from the network's word alone, never from what was decided with their help, so that they cannot talk
themselves into anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

TRUSTED = 0.3
"""No height says more than one that is e**0.3 times the usual, or less by as much: units may be wrong."""
OWN = 3.0
"""One known blink tells of the next one's height as much as three times what is usual in people. The variance of the
log height is alike between people and within one (0.1 each); amplifiers whose units are off by half would add 0.2."""
SILENCE = 0.5
"""However long nobody has blinked, it is believed to happen e**-0.5 times as often as usual: it will happen again."""


@dataclass(frozen=True, slots=True)
class HabitRules:
    """The numbers of the model card that say what habits are worth."""

    memory_s: float
    """Older blinks are forgotten with this time constant."""
    usual_per_min: float
    """Blinks a minute of people of whom nothing is known yet."""
    doubt: float
    """So many blinks' worth of `usual_per_min` are believed beforehand."""
    usual_uv: float
    """The height of blinks in people of whom nothing is known yet."""
    weights: tuple[float, ...]
    """Of the features, see `Features`, after the constant and the weight of the network's own log odds."""


class Features(NamedTuple):
    """What habits say of a candidate: three that are zero while nothing is known, two that fade as it comes to be."""

    often: float
    """Log of how often this person blinks, over what is usual; not below `SILENCE`."""
    upright: float
    """Log odds that this person's blinks have the candidate's polarity."""
    smaller: float
    """Log of the candidate's height over that of this person's blinks where it is less, shrunk while few are known."""
    unknown: float
    """1 while no blink of this person is known, less with each."""
    taller: float
    """Log of the candidate's height over `HabitRules.usual_uv`, within `TRUSTED`, times `unknown`."""


class Habits:
    """A handful of sums with exponential forgetting. Only time that was seen counts: a hole is not a long silence."""

    def __init__(self, rules: HabitRules) -> None:
        self._rules = rules
        self._seen_s = 0.0
        self._newest_s = 0.0
        self._of = {1.0: 0.0, -1.0: 0.0}
        self._log_heights = 0.0

    def watch(self, seconds: float) -> None:
        """So much more of the stream has been seen."""
        self._seen_s += seconds

    def learn(self, sure: float, height_uv: float) -> None:
        """The network is ``sure``, 0 to 1, of a deflection of ``height_uv`` (signed); one of 0 teaches nothing."""
        if height_uv == 0.0:
            return
        fade = self._fade()
        self._of = {side: weight * fade for side, weight in self._of.items()}
        self._of[math.copysign(1.0, height_uv)] += sure
        self._log_heights = self._log_heights * fade + sure * math.log(abs(height_uv) + 1e-3)
        self._newest_s = self._seen_s

    def features(self, height_uv: float) -> Features:
        """Of a candidate of ``height_uv`` (signed)."""
        rules = self._rules
        fade = self._fade()
        side = math.copysign(1.0, height_uv)
        own, other = self._of[side] * fade, self._of[-side] * fade
        known = own + other
        seen_s = rules.memory_s * -math.expm1(-self._seen_s / rules.memory_s)
        often = math.log((known + rules.doubt) / (seen_s * rules.usual_per_min / 60.0 + rules.doubt))
        often = max(often, -SILENCE)
        log_height = math.log(abs(height_uv) + 1e-3)
        unknown = 1.0 / (OWN * known + 1.0)
        taller = unknown * min(max(log_height - math.log(rules.usual_uv), -TRUSTED), TRUSTED)
        if known <= 0.0:
            return Features(often, 0.0, 0.0, unknown, taller)
        less = min(0.0, log_height - self._log_heights * fade / known)
        return Features(often, math.log((own + 0.5) / (other + 0.5)), less * known / (known + 1.0), unknown, taller)

    def log_odds(self, p: float, features: Features) -> float:
        """The network's probability ``p`` with habits taken into account, as log odds."""
        constant, network, *others = self._rules.weights
        said = constant + network * log_odds(p)
        return said + sum(weight * value for weight, value in zip(others, features, strict=True))

    def _fade(self) -> float:
        return math.exp((self._newest_s - self._seen_s) / self._rules.memory_s)


def log_odds(p: float) -> float:
    """Of a probability, which is not believed to be nearer to 0 or 1 than a hundredth."""
    p = min(max(p, 0.01), 0.99)
    return math.log(p / (1.0 - p))
