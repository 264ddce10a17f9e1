from __future__ import annotations

import numpy as np

from nictate.framing import Frame
from nictate.ica import PassThrough


def test_without_un_mixing_the_source_is_absent_and_the_input_is_what_is_clean() -> None:
    samples = np.random.default_rng(0).standard_normal((10, 3))
    none = np.zeros(3, dtype=np.bool_)
    parts = PassThrough().push(Frame(samples, np.arange(10) / 250.0, ~none, none))
    assert not parts.trusted
    assert np.array_equal(parts.cleaned, samples)
    assert parts.source.shape == (10,)
    assert not parts.source.any()
