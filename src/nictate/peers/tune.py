"""The best setting of a peer, chosen by the labels themselves: more than any user could do, so an upper bound.

View (channel and polarity) and setting are chosen by F1, and among equals by fewer false alarms.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nictate.peers.trial import Tally


def view_for(tally: Tally, setting: int) -> int:
    """The view that suits a setting best on one set."""
    return int(np.lexsort((tally.counts[:, setting, 2], -tally.f1[:, setting]))[0])


def alone(tally: Tally) -> tuple[int, int]:
    """The best view and setting for one set."""
    best = np.lexsort((tally.counts[..., 2].ravel(), -tally.f1.ravel()))[0]
    view, setting = np.unravel_index(best, tally.f1.shape)
    return int(view), int(setting)


def together(tallies: Sequence[Tally]) -> int:
    """The one setting with the best F1 over all recordings of the sets, each set in the view that suits it there."""
    settings = range(tallies[0].counts.shape[1])
    summed = np.array([sum(tally.counts[view_for(tally, k), k] for tally in tallies) for k in settings])
    return alone(Tally((), summed[np.newaxis]))[1]
