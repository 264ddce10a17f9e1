"""Journals to be tested, and what is written into them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import strategies as st

from nictate.edges.journal import Journal, Run
from nictate.edges.journal.journal import DAY_S
from nictate.signals import KINDS, BlinkEvent, BlinkFeatures

PATIENCE_S = 60.0
"""Only a test that fails takes so long."""

RUN = Run("r1", 1.7e9, "headset", "source", "host", 250.0, ("Fp1", "Fp2"), "ab" * 32)
OTHER = dataclasses.replace(RUN, id="r2", began_utc=1.8e9, stream="<b>\x1b\0' OR 1=1", channels=("\u00e9\"',",))
BLINK = BlinkEvent("blink", 12.25, 12.4, 12.6, -180.4, 0.987, 12.9, 12.5)
START = BlinkEvent("blink/start", 12.25, None, None, None, 0.61, 12.5)

times = st.floats(allow_nan=False, allow_infinity=False, width=64).filter(lambda t: abs(t) < 1e12)
shapes = st.builds(
    BlinkFeatures,
    **{field.name: st.floats(allow_nan=False) for field in dataclasses.fields(BlinkFeatures)[:-1]},
    inter_blink=st.none() | times,
)
events = st.builds(
    BlinkEvent,
    kind=st.sampled_from(KINDS),
    onset=times,
    peak=st.none() | times,
    end=st.none() | times,
    amplitude=st.none() | times,
    confidence=st.floats(0.0, 1.0),
    decided=times,
    completes=st.none() | times,
    features=st.none() | shapes,
)


@contextmanager
def fresh() -> Iterator[Path]:
    """A place for a journal, one each time that hypothesis asks."""
    with TemporaryDirectory() as folder:
        yield Path(folder) / "journal.sqlite"


def at(utc: float, kind: str = "blink") -> BlinkEvent:
    """An event that is at this time, when Unix time is the stream's."""
    return dataclasses.replace(BLINK, kind=kind, peak=utc)


def filled(path: Path, count: int) -> Journal:
    """A journal with so many events of one run, a day apart."""
    journal = Journal(path)
    journal.begin(RUN)
    journal.append(RUN, [at(DAY_S * k) for k in range(count)], 0.0)
    return journal


WRITER = """
import sys
from pathlib import Path
from nictate.edges.journal import Journal, Run
from nictate.signals import BlinkEvent
run = Run(sys.argv[2], 0.0, "s", "", "", 250.0, ("Fp1",), "")
with Journal(Path(sys.argv[1])) as journal:
    journal.begin(run)
    while True:
        for entry in journal.append(run, [BlinkEvent("blink/start", 1.0, None, None, None, 0.5, 1.0)] * 2, 0.0):
            print(entry.id, flush=True)
"""
"""A process that writes as fast as it can, and tells each number once it has been given."""
