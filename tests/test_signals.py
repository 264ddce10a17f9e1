from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nictate.signals import (
    EGI_BEHIND,
    EGI_FRONTAL,
    MAX_CHANNELS,
    BlinkEvent,
    Block,
    ConfigError,
    Montage,
    StreamError,
    frontal_rank,
    is_behind,
)


@pytest.mark.parametrize(
    ("name", "rank"),
    [
        ("Fp1", 0),
        ("FPZ", 0),
        ("fp2", 0),
        ("EEG Fp1-REF", 0),
        ("EEG FP1-LE", 0),
        ("Fp1.", 0),
        ("Fc1.", None),
        ("RAW_AF7", 1),
        ("AFz", 1),
        ("Fp1-A1", 0),
        ("Fp1/A2", 0),
        ("Fp1–A1", 0),
        ("F7", 2),
        ("Fp1-F7", 0),
        ("Fp1-Fp2", None),
        ("AF7-AF8", None),
        ("Cz", None),
        ("A1-Fp1", None),
        ("EXG1", None),
        ("FT7", None),
        ("", None),
        ("-", None),
    ],
)  # fmt: skip
def test_frontal_rank_understands_what_makers_add(name: str, rank: int | None) -> None:
    assert frontal_rank(name) == rank


@given(st.text(max_size=40))
def test_no_label_is_an_error(name: str) -> None:
    assert frontal_rank(name) in (None, 0, 1, 2)
    assert Montage((name,), 250.0).frontal in ((), (0,))


@given(st.sampled_from(["Fp1", "AF7", "F3", "Cz"]), st.sampled_from(["EEG ", "RAW_", "eeg:"]))
def test_decorations_change_nothing(name: str, prefix: str) -> None:
    assert frontal_rank(f"{prefix}{name}") == frontal_rank(name)
    assert frontal_rank(f" {name.lower()} ") == frontal_rank(name)


def test_the_nearest_to_the_eyes_come_first_and_the_far_ring_is_left_out() -> None:
    montage = Montage(("F3", "AF7", "Cz", "Fp2", "Fp1"), 250.0)
    assert montage.frontal == (3, 4, 1)
    assert Montage(("F3", "Cz", "F4"), 250.0).frontal == (0, 2)
    assert Montage(("AF3", "F7", "Cz"), 250.0).frontal == (0, 1)


def test_channels_are_sorted_into_rings_by_their_distance_from_the_eyes() -> None:
    montage = Montage(("F3", "AF7", "Cz", "Fp2", "Fp1"), 250.0, ("eeg", "eeg", "eeg", "eeg", "misc"))
    assert montage.rings == ((3,), (1,), (0,))
    assert Montage(("x", "Cz"), 250.0).rings == ((), (), ())


def test_frontal_channels_are_eeg_channels() -> None:
    montage = Montage(("Fp1", "Fp2", "VEOG"), 250.0, ("misc", "eeg", "eog"))
    assert montage.eeg == (1,)
    assert montage.frontal == (1,)


@pytest.mark.parametrize("size", EGI_FRONTAL)
def test_egi_nets_are_known_by_their_numbers(size: int) -> None:
    names = tuple(f"E{k}" for k in range(1, size))
    montage = Montage(names, 250.0)
    assert tuple(montage.names[k] for k in montage.frontal) == tuple(f"E{k}" for k in EGI_FRONTAL[size])


@pytest.mark.parametrize("size", EGI_BEHIND)
def test_the_back_of_an_egi_net_is_known_by_its_numbers(size: int) -> None:
    montage = Montage(tuple(f"E{k}" for k in range(1, size)), 250.0)
    assert tuple(montage.names[k] for k in montage.behind) == tuple(f"E{k}" for k in EGI_BEHIND[size])
    assert not set(EGI_BEHIND[size]) & set(EGI_FRONTAL[size])


@pytest.mark.parametrize("name", ["T7", "T3", "TP9", "CPz", "p4.", "PO10", "EEG O1-REF", "Iz", "RAW_TP10", "P3-A1"])
def test_the_back_of_the_head_is_temporal_parietal_and_occipital(name: str) -> None:
    assert is_behind(name)


@pytest.mark.parametrize(
    "name", ["Fp1", "F3", "FT7", "C3", "Cz", "T1", "T2", "T", "P", "P300", "T7-P7", "M1", "AUX", ""]
)
def test_other_places_and_derivations_are_not(name: str) -> None:
    assert not is_behind(name)


def test_against_a_reference_at_the_forehead_the_back_is_no_background() -> None:
    names = ("Fp1", "T7", "T8", "Pz", "misc")
    kinds = ("eeg", "eeg", "eeg", "eeg", "misc")
    assert Montage(names, 250.0, kinds, "Cz").behind == (1, 2, 3)
    assert Montage(names, 250.0, kinds, "Fpz").behind == ()
    assert Montage(MUSE, 256.0).behind == ()


def test_two_numbered_electrodes_are_no_egi_net() -> None:
    assert Montage(("E1", "E2"), 250.0).frontal == ()


MUSE = ("TP9", "AF7", "AF8", "TP10")


@pytest.mark.parametrize(
    "names",
    [
        MUSE,
        MUSE[::-1],
        ("TP9", "FP1", "FP2", "TP10"),
        tuple(f"RAW_{name}" for name in MUSE),
        tuple(f"EEG {name.lower()}." for name in MUSE),
    ],
)
def test_a_muse_shows_blinks_on_all_four_channels_and_its_aux_may_be_anything(names: tuple[str, ...]) -> None:
    assert Montage(names, 256.0).blink_channels == (0, 1, 2, 3)
    assert Montage(("Right AUX", *names, "AUX_L"), 256.0).blink_channels == (1, 2, 3, 4)
    assert Montage((*names, "ACC"), 256.0, ("eeg",) * 4 + ("misc",)).blink_channels == (0, 1, 2, 3)
    # Who says so has another reference there, and a cap is none.
    assert Montage(names, 256.0, reference="linked-ears").blink_channels == Montage(names, 256.0).frontal
    cap = Montage((*names, "Cz"), 256.0)
    assert cap.blink_channels == cap.frontal
    derived = Montage(tuple(f"{name}-M1" for name in names), 256.0)
    assert derived.blink_channels == derived.frontal


@pytest.mark.parametrize("reference", ["Fpz", "FPz", "EEG Fp1", "fp2"])
def test_against_a_reference_at_a_frontal_pole_blinks_are_seen_everywhere(reference: str) -> None:
    assert Montage(("Fp2", "Cz", "Oz"), 250.0, ("eeg", "eeg", "misc"), reference).blink_channels == (0, 1)


@pytest.mark.parametrize("reference", ["", "Cz", "A1", "linked-ears", "average", "Fz", "AFz", "AF7", "CMS/DRL", "?"])
def test_against_any_other_reference_they_are_seen_at_the_forehead(reference: str) -> None:
    montage = Montage(("Fp2", "Cz", "AF7", "F3"), 250.0, reference=reference)
    assert montage.blink_channels == montage.frontal == (0, 2)
    assert Montage(("O1", "O2"), 250.0, reference=reference).blink_channels == ()


@given(st.lists(st.text(max_size=12), min_size=1, max_size=6), st.text(max_size=12))
def test_which_channels_show_blinks_is_never_an_error(names: list[str], reference: str) -> None:
    montage = Montage(tuple(names), 250.0, reference=reference)
    assert set(montage.blink_channels) <= set(montage.eeg)


@pytest.mark.parametrize(
    ("names", "rate_hz", "kinds", "says"),
    [
        ((), 250.0, (), "no channels"),
        (("x",) * (MAX_CHANNELS + 1), 250.0, (), "257 channels"),
        (("a", "b"), 250.0, ("eeg",), "1 channel kinds for 2"),
        (("a",), 50.0, (), "50 Hz"),
        (("a",), 5000.0, (), "5000 Hz"),
        (("a",), math.nan, (), "nan Hz"),
        (("a",), math.inf, (), "inf Hz"),
        (("a",), 0.0, (), "0 Hz"),
        (("a",), -250.0, (), "-250 Hz"),
    ],
)
def test_a_montage_that_is_not_served_is_refused_in_one_line(
    names: tuple[str, ...], rate_hz: float, kinds: tuple[str, ...], says: str
) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        Montage(names, rate_hz, kinds)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("rate_hz", [100.0, 99.6, 127.9, 249.4, 2000.0, 2048.0])
def test_rates_that_devices_deliver_are_served(rate_hz: float) -> None:
    assert Montage(("x",) * MAX_CHANNELS, rate_hz).eeg == tuple(range(MAX_CHANNELS))


@pytest.mark.parametrize(("samples", "times"), [((3,), (3,)), ((3, 2), (2,)), ((3, 2), (3, 1)), ((2, 3, 1), (2,))])
def test_a_block_whose_shapes_do_not_fit_is_refused(samples: tuple[int, ...], times: tuple[int, ...]) -> None:
    with pytest.raises(StreamError, match="a block of samples"):
        Block(np.zeros(samples), np.zeros(times))


def test_a_block_may_be_empty() -> None:
    assert len(Block(np.zeros((0, 4)), np.zeros(0))) == 0


def test_a_blink_lasts_from_its_onset_to_its_end() -> None:
    start = BlinkEvent("blink/start", 1.0, None, None, None, 0.9, 1.1)
    assert start.duration is None
    assert BlinkEvent("blink", 1.0, 1.1, 1.25, 150.0, 0.9, 1.5, completes=1.1).duration == 0.25
