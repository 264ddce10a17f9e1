"""Reading a stream of markers, over any restart of who sends them."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress

import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as LslTimeoutError

from nictate.edges.lsl.directory import ANSWER_S, RESOLVE_S, summary
from nictate.signals import StreamError
from nictate.stream import Query

PULL_S = 0.2
"""The longest wait at a time: what Ctrl-C has to wait for."""
BUFFER = 10
"""Hundreds of markers that wait at most; what comes on top pushes out the oldest."""


def heard_markers(
    query: Query, stop: Callable[[], bool], say: Callable[[str], None] = lambda _: None
) -> Generator[tuple[str, float], None, None]:
    """Text and time (s on the LSL clock of this machine) of each marker of the wanted stream, until ``stop()``.

    Waits for the stream as long as it is not there. LSL keeps nothing: what is sent while nobody is connected is gone.
    ``say`` is told when it is found and lost.

    Raises `ConfigError` when several streams match, `StreamError` when the one that does sends no texts.
    """
    last_uid, told = "", False
    while not stop():
        found = [info for info in pylsl.resolve_streams(RESOLVE_S) if query.matches(summary(info))]
        # One that has just been lost may be listed for a moment longer.
        found = [info for info in found if info.uid() != last_uid] or found
        if len(found) > 1:
            raise query.ambiguous([summary(info) for info in found])
        if not found:
            if not told:
                say(f"waiting for {query}: not there yet")
            told = True
            continue
        stream = summary(found[0])
        if stream.format != "string" or stream.channel_count < 1:
            raise StreamError(f"{stream} sends no texts: it is no stream of markers")
        try:
            # Recovery is ours: liblsl's would tell nobody, and needs a source_id.
            inlet = pylsl.StreamInlet(found[0], max_buflen=BUFFER, recover=False, processing_flags=pylsl.proc_clocksync)
            inlet.open_stream(ANSWER_S)
            # Asked for once before the first marker, whose time would else be the sender's.
            with suppress(LslTimeoutError):
                inlet.time_correction(ANSWER_S)
        except (LostError, LslTimeoutError):
            continue
        say(f"{stream}: connected")
        told, last_uid = False, stream.uid
        with suppress(LostError):
            while not stop():
                values, time_s = inlet.pull_sample(PULL_S)
                if time_s is not None:
                    yield str(values[0]), float(time_s)
        if not stop():
            say(f"{stream}: lost; looking for it")
