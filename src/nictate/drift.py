"""Has the mixing changed? Then sources that were independent are no longer.

But neither are they while the eyes are closed: alpha is one rhythm in many places, and stays. Mixing is the same at all
frequencies, so what is no longer independent must be so without alpha, too: through a comb that takes 10 Hz away.
"""

from __future__ import annotations

from collections import deque
from statistics import median

import numpy as np

from nictate.kept import Kept, State
from nictate.signals import FloatArray

WINDOW_S = 3
"""Correlations are those of so many seconds."""
RATIO = 1.3
"""So much above the usual is another mixing. Sustained for `LASTING_S`, clean recordings, real and simulated, reach
1.1; electrodes in another order, another head or another montage make 1.5 to 4; closed eyes 1.4 to 2.5 ..."""
RATIO_WITHOUT_ALPHA = 1.1
"""... and without alpha so much. Closed eyes reach 1.0, other heads and electrodes that change their places 1.14 to 1.8
(simulated, 8 to 32 channels)."""
COMB_S = 0.05
"""The comb adds each sample to the one half a period of alpha before it."""
LASTING_S = 6
"""So long it must last: eyes that close, a pop or a clenched jaw raise the correlations threefold for some seconds."""
USUAL_S = 120
"""The usual is the median of so many seconds."""
LEAST_S = 8
"""No verdict before so many seconds are known."""


class Drift:
    """Watches the RMS correlation between different sources over the last 3 s, once a second."""

    def __init__(self, components: int, rate_hz: float) -> None:
        self._second = round(rate_hz)
        self._tail = np.zeros((max(1, round(COMB_S * rate_hz)), components))
        self._products = np.zeros((WINDOW_S, 2, components, components))  # As they are, and without alpha.
        self._rows = 0
        self._seconds = 0
        self._above = 0
        self._usual: deque[tuple[float, float]] = deque(maxlen=USUAL_S)

    def push(self, Y: FloatArray) -> int | None:
        """Takes in sources (L, r). How many samples ago the mixing changed, or None where it did not."""
        now = self._products[self._seconds % WINDOW_S]
        both = np.concatenate((self._tail, Y))
        self._tail = both[len(Y) :]
        combed = Y + both[: len(Y)]
        now[0] += Y.T.dot(Y)
        now[1] += combed.T.dot(combed)
        self._rows += len(Y)
        if self._rows < self._second:
            return None
        self._rows = 0
        self._seconds += 1
        if self._seconds >= WINDOW_S:
            sums = self._products.sum(axis=0)
            self._judge(dependence(sums[0]), dependence(sums[1]))
        self._products[self._seconds % WINDOW_S] = 0.0
        # The change lies in the second before the first excess, of which none is taken: after a loss of gain, what is
        # left of the old mixing would outweigh all that follows.
        return (self._above - 1) * self._second if self._above == LASTING_S else None

    def _judge(self, value: float, without_alpha: float) -> None:
        above = len(self._usual) >= LEAST_S
        if above:
            usual, usual_without = (median(values) for values in zip(*self._usual, strict=True))
            above = value > RATIO * usual and without_alpha > RATIO_WITHOUT_ALPHA * usual_without
        self._above = self._above + 1 if above else 0
        if not above:
            self._usual.append((value, without_alpha))

    def get_state(self) -> State:
        return {
            "drift_tail": self._tail.copy(),
            "drift_products": self._products.copy(),
            "drift_counts": np.array([self._rows, self._seconds, self._above]),
            "drift_usual": np.array(self._usual, dtype=np.float64).reshape(-1, 2),
        }

    def set_state(self, kept: Kept) -> None:
        self._tail = kept.array("drift_tail", *self._tail.shape)
        self._products = kept.array("drift_products", *self._products.shape)
        self._rows, self._seconds, self._above = (int(count) for count in kept.array("drift_counts", 3))
        self._usual.extend((value, without) for value, without in kept.array("drift_usual", None, 2).tolist())


def dependence(products: FloatArray) -> float:
    """RMS of the correlations between different sources, from the sums of their products (r, r)."""
    r = len(products)
    if r < 2:
        return 0.0
    scale = np.sqrt(np.maximum(products.diagonal(), np.finfo(float).tiny))
    R = products / scale / scale[:, np.newaxis]
    return float(np.sqrt(max(0.0, float(np.vdot(R, R)) - r) / (r * (r - 1))))
