from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nictate.signals import ConfigError, StreamError
from nictate.stream import Query, StreamSummary, chosen, plain


def stream(
    labels: tuple[str, ...] = ("Fp1",), *, units: tuple[str, ...] = (), kinds: tuple[str, ...] = ()
) -> StreamSummary:
    n = len(labels)
    return StreamSummary(
        name="headset",
        type="EEG",
        hostname="lab",
        source_id="serial",
        uid="u1",
        channel_count=n,
        rate_hz=250.0,
        format="float32",
        labels=labels,
        units=units or ("uV",) * n,
        kinds=kinds or ("",) * n,
    )


@given(st.text())
def test_text_from_the_network_is_one_short_printable_line(text: str) -> None:
    line = plain(text)
    assert line.isprintable()
    assert len(line) <= 60


def test_a_query_wants_all_that_it_names_and_nothing_else() -> None:
    one = stream()
    assert Query().matches(one)
    assert Query(type=" eeg ").matches(one)
    assert not Query(type="Markers").matches(one)
    assert Query(type="").matches(replace(one, type="Markers"))
    for field in ("name", "source_id", "hostname", "uid"):
        assert Query(**{field: getattr(one, field)}).matches(one)
        assert not Query(**{field: "another"}).matches(one)
        assert not Query(**{field: getattr(one, field).upper()}).matches(one)


def test_a_query_reads_as_words() -> None:
    assert str(Query(name="x\x1b", source_id="s")) == "a stream with type 'EEG' and name 'x·' and source_id 's'"
    assert str(Query(type="")) == "any stream"


@pytest.mark.parametrize(
    ("field", "option"), [("name", "--name"), ("source_id", "--source-id"), ("hostname", "--hostname")]
)
def test_of_several_streams_all_are_listed_with_the_option_that_tells_them_apart(field: str, option: str) -> None:
    found = [replace(stream(), uid=f"u{k}", **{field: f"no {k}"}) for k in range(3)]
    words = str(Query().ambiguous(found))
    assert words.startswith("3 streams match a stream with type 'EEG': ")
    assert words.endswith(f"Choose one with {option}")
    assert all(str(one) in words for one in found)
    assert str(Query().ambiguous([found[0], replace(found[0], uid="u9")])).endswith("Choose one with --uid")


def test_a_stream_is_succeeded_by_its_source_id_or_else_by_name_and_host() -> None:
    old = stream()
    assert replace(old, uid="u2", name="renamed", hostname="moved").succeeds(old)
    assert not replace(old, uid="u2", source_id="another").succeeds(old)
    assert not replace(old, uid="u2", type="Markers").succeeds(old)
    nameless = replace(old, source_id="")
    assert replace(nameless, uid="u2").succeeds(nameless)
    assert not replace(nameless, uid="u2", hostname="moved").succeeds(nameless)
    assert not replace(nameless, uid="u2", name="renamed").succeeds(nameless)


def test_channels_are_chosen_by_label_or_number() -> None:
    one = stream(("Fp1", "2", "Cz", "Cz", "x\x1b"))
    assert chosen(one, None, None).picks == (0, 1, 2, 3, 4)
    read = chosen(one, ("4", "fp1", " 2 "), None)
    assert (read.picks, read.names) == ((3, 0, 1), ("Cz", "Fp1", "2"))
    assert chosen(stream(("a", "1")), ("1",), None).picks == (1,)  # the label goes first


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (("Oz",), "'Oz' is not there; the stream has: Fp1, 2, Cz, Cz, x·$"),
        (("6",), "'6' is not there"),
        (("0",), "'0' is not there"),
        (("Cz",), "'Cz' is there 2 times; use its number: 3, 4"),
        (("Fp1", "1"), "'1' is given twice"),
        ((), "names no channel"),
    ],
)
def test_channels_that_cannot_be_chosen_are_refused(wanted: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        chosen(stream(("Fp1", "2", "Cz", "Cz", "x\x1b")), wanted, None)


def test_units_are_made_microvolts_channel_by_channel() -> None:
    one = stream(
        ("Fp1", "Fp2", "Cz", "Oz", "acc"),
        units=("microvolts", "V", "millivolts", "nV", "g"),
        kinds=("eeg", "eeg", "eeg", "eeg", "acc"),
    )
    read = chosen(one, None, None)
    assert np.array_equal(read.scale, [1.0, 1e6, 1e3, 1e-3, 1.0])
    assert (read.kinds, read.believed_uv, read.remarks) == (one.kinds, (0,), ())


def test_a_unit_that_is_not_known_is_refused_until_told() -> None:
    one = stream(("Fp1",), units=("counts",))
    with pytest.raises(StreamError, match=r"channel 'Fp1' of .* is in 'counts', not a known unit of voltage; say"):
        chosen(one, None, None)
    assert np.array_equal(chosen(one, None, "nV").scale, [1e-3])
    with pytest.raises(ConfigError, match="--unit 'furlong' is not known; use uV, mV, V or nV"):
        chosen(one, None, "furlong")


def test_what_is_missing_is_completed_and_said() -> None:
    read = chosen(stream(("Fp1", "", ""), units=("uV", "", "")), None, None)
    assert read.names == ("Fp1", "ch2", "ch3")
    assert (read.kinds, read.believed_uv) == ((), (0, 1, 2))
    assert read.remarks == (
        "2 of 3 channels have no label: called by number, ch1, ch2 ...",
        "2 of 3 channels have no unit: taken to be uV (or say --unit)",
    )


def test_a_channel_without_a_kind_among_others_that_have_one_is_eeg() -> None:
    assert chosen(stream(("a", "b"), kinds=("", "eog")), None, None).kinds == ("eeg", "eog")


def test_what_is_no_eeg_is_refused() -> None:
    with pytest.raises(StreamError, match="format string, not numbers"):
        chosen(replace(stream(), format="string"), None, None)
    with pytest.raises(StreamError, match="has no channels"):
        chosen(stream(()), None, None)
