"""The streams on the network, and what they say of themselves."""

from __future__ import annotations

from dataclasses import replace

import pylsl

from nictate.stream import Query, StreamSummary

RESOLVE_S = 1.5
"""How long it takes until all streams have answered: liblsl asks single machines after 0.5 s, the group at once."""
ANSWER_S = 3.0
"""How long a stream that was found may take to answer."""

FORMATS = {
    pylsl.cf_float32: "float32",
    pylsl.cf_double64: "double64",
    pylsl.cf_string: "string",
    pylsl.cf_int8: "int8",
    pylsl.cf_int16: "int16",
    pylsl.cf_int32: "int32",
    pylsl.cf_int64: "int64",
}


def summary(info: pylsl.StreamInfo) -> StreamSummary:
    """What a resolver knows of a stream, without channels."""
    return StreamSummary(
        name=info.name(),
        type=info.type(),
        hostname=info.hostname(),
        source_id=info.source_id(),
        uid=info.uid(),
        channel_count=info.channel_count(),
        rate_hz=info.nominal_srate(),
        format=FORMATS.get(info.channel_format(), "undefined"),
    )


def described(info: pylsl.StreamInfo) -> StreamSummary:
    """The summary with what stands under ``desc``, of which everything may be missing, surplus or nonsense.

    ``info`` must come from an inlet: what a resolver returns has no description.
    """
    desc = info.desc()
    n = info.channel_count()
    labels, units, kinds = [""] * n, [""] * n, [""] * n
    channel = desc.child("channels").child("channel")
    for k in range(n):
        labels[k] = (channel.child_value("label") or channel.child_value("name")).strip()
        units[k] = channel.child_value("unit").strip()
        kinds[k] = channel.child_value("type").strip().lower()
        channel = channel.next_sibling("channel")
    if n == 1 and not labels[0]:
        labels[0] = desc.child("channel").child_value("name").strip()
    reference = desc.child_value("reference") or desc.child("reference").child_value("label")
    return replace(
        summary(info),
        labels=tuple(labels),
        units=tuple(units),
        kinds=tuple(kinds),
        reference=reference.strip(),
    )


def streams(wait_s: float = RESOLVE_S, *, every_type: bool = False) -> list[StreamSummary]:
    """The EEG streams on the network (with ``every_type``, all streams) that answer in ``wait_s`` s, by name.

    A stream that does not tell its description within `ANSWER_S` is listed without labels and units.
    """
    found = []
    for info in pylsl.resolve_streams(wait_s):
        if every_type or Query(source_id=info.source_id()).matches(summary(info)):
            try:
                # A recovering inlet would try for ever to reach a stream that has gone in the meantime.
                found.append(described(pylsl.StreamInlet(info, max_buflen=1, recover=False).info(ANSWER_S)))
            except RuntimeError:  # pylsl's own TimeoutError and LostError
                found.append(summary(info))
    return sorted(found, key=lambda stream: (stream.name, stream.hostname, stream.source_id, stream.uid))
