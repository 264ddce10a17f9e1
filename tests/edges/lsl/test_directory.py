from __future__ import annotations

import pylsl
from live_streams import ALL_ANSWER_S, outlet

from nictate.edges.lsl import EegOutlet, streams
from nictate.signals import Montage


def test_what_a_stream_says_of_itself_is_listed(source_id: str) -> None:
    montage = Montage(("Fp1", "<b>\x1b[31m&'\"\n", "EOG L"), 249.4, ("eeg", "eeg", "eog"), "Cz")
    with EegOutlet(montage, "headset <1>", source_id):
        words = outlet(source_id, kind="Markers", name="words", rate_hz=0.0, value_format=pylsl.cf_string)
        small = outlet(source_id, kind="eeg", name="lower case", value_format=pylsl.cf_float32)
        mine = [stream for stream in streams(ALL_ANSWER_S) if stream.source_id == source_id]
        everything = [stream for stream in streams(ALL_ANSWER_S, every_type=True) if stream.source_id == source_id]
        del words, small
    assert [(stream.name, stream.format) for stream in everything] == [
        ("headset <1>", "double64"),
        ("lower case", "float32"),
        ("words", "string"),
    ]
    assert mine == everything[:2]
    stream = mine[0]
    assert (stream.labels, stream.rate_hz) == (tuple(name.strip() for name in montage.names), 249.4)
    assert stream.units == ("microvolts",) * 3
    assert (stream.kinds, stream.reference) == (montage.kinds, "Cz")
    assert str(stream).isprintable()


def test_a_poor_description_is_told_as_it_is(source_id: str) -> None:
    """Of three channels none is described, or one, or five; a single one may stand in another place."""
    outlets = [
        outlet(source_id, [{"name": f"n{k}", "type": "EEG"} for k in range(described)], name=str(described), count=3)
        for described in (0, 1, 5)
    ]
    single = pylsl.StreamInfo("single", "EEG", 1, 250.0, pylsl.cf_float32, source_id)
    single.desc().append_child("channel").append_child_value("name", "Fpz")
    outlets.append(pylsl.StreamOutlet(single))
    found = {stream.name: stream for stream in streams(ALL_ANSWER_S) if stream.source_id == source_id}
    del outlets
    assert {name: stream.labels for name, stream in found.items()} == {
        "0": ("", "", ""),
        "1": ("n0", "", ""),
        "5": ("n0", "n1", "n2"),
        "single": ("Fpz",),
    }
    assert found["0"].kinds == found["0"].units == ("", "", "")
    assert found["5"].kinds == ("eeg", "eeg", "eeg")
