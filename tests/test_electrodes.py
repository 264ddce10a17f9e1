from __future__ import annotations

import numpy as np
import pytest

from nictate.electrodes import CLINICAL_ORDER, MONTAGES, channel_names, electrode_position, reference_channel
from nictate.signals import ConfigError


def test_the_landmarks_of_the_ten_ten_system() -> None:
    s, c = np.sin(np.radians(18)), np.cos(np.radians(18))
    landmarks = {
        "Nz": (0, 1, 0),
        "Cz": (0, 0, 1),
        "Iz": (0, -1, 0),
        "T9": (-1, 0, 0),
        "T10": (1, 0, 0),
        "Fpz": (0, c, s),
        "T7": (-c, 0, s),
        "Fp2": (s * c, c * c, s),
        "C3": (-np.sin(np.radians(36)), 0, np.cos(np.radians(36))),
    }
    for name, expected in landmarks.items():
        assert electrode_position(name) == pytest.approx(expected, abs=1e-12)
    for old, new in [("T3", "T7"), ("t6", "P8"), ("M1", "TP9"), ("FP1", "Fp1")]:
        assert np.array_equal(electrode_position(old), electrode_position(new))


def test_electrodes_are_on_the_sphere_at_distinct_mirrored_places() -> None:
    assert len(CLINICAL_ORDER) == len(set(CLINICAL_ORDER)) == 128
    places = np.array([electrode_position(name) for name in CLINICAL_ORDER])
    assert np.linalg.norm(places, axis=1) == pytest.approx(1)
    distances = np.linalg.norm(places[:, None] - places, axis=2) + 3 * np.eye(128)
    assert distances.min() > 0.1
    assert np.linalg.norm(places * [-1, 1, 1] - places[:, None], axis=2).min(axis=0).max() < 1e-12
    for name in CLINICAL_ORDER:
        odd = next((int(digit) % 2 for digit in reversed(name) if digit.isdigit()), None)
        x = electrode_position(name)[0]
        assert x == 0 if odd is None else x < 0 if odd else x > 0


def test_positions_agree_with_the_template_of_mne() -> None:
    """The template is a real head, longer than wide: an affine map brings the sphere to it."""
    from mne.channels import get_builtin_montages, make_standard_montage

    # The same template, renamed in MNE 1.13.
    known = get_builtin_montages()
    template = make_standard_montage("colin27_1005" if "colin27_1005" in known else "standard_1005")
    theirs = template.get_positions()["ch_pos"]
    names = [name for name in CLINICAL_ORDER if name in theirs]
    assert len(names) == 127  # all but Nz, which it knows as the nasion
    head = np.array([theirs[name] for name in names])
    sphere = np.array([[*electrode_position(name), 1.0] for name in names])
    mapped = sphere @ np.linalg.lstsq(sphere, head)[0]
    radius = np.linalg.norm(head - head.mean(axis=0), axis=1).mean()
    apart = np.linalg.norm(mapped - head, axis=1) / radius
    assert np.median(apart) < 0.1
    assert apart.max() < 0.2
    assert min(np.corrcoef(mapped[:, axis], head[:, axis])[0, 1] for axis in range(3)) > 0.99


def test_montages_by_number_name_and_names() -> None:
    assert channel_names(1) == ("Fp1",)
    assert channel_names(2) == ("Fp1", "Fp2")
    assert channel_names(19) == MONTAGES["standard_1020"]
    assert channel_names("muse") == ("TP9", "AF7", "AF8", "TP10")
    assert channel_names(["cz", "T3"]) == ("cz", "T3")
    for name, names in MONTAGES.items():
        assert channel_names(name) == names
        assert channel_names(names) == names


@pytest.mark.parametrize(
    ("montage", "says"),
    [
        (0, "0 channels"),
        (129, "129 channels"),
        (-1, "-1 channels"),
        (True, "True channels"),
        ("10-20", "10-20"),
        ([], r"\[\]"),
        (2.5, "2.5"),
        ([1, 2], r"\[1, 2\]"),
        (["Fp1", "Xy9"], "Xy9"),
        (["Fp1", "fp1"], "fp1"),
        (["T7", "T3"], "T3"),
        (["C7"], "C7"),
        (["Tz"], "Tz"),
        (["T3h"], "T3h"),
        (["Fp3"], "Fp3"),
        (["C0"], "C0"),
        (["C11"], "C11"),
        (["zz"], "zz"),
        ([""], "''"),
    ],
)
def test_impossible_montages_are_refused(montage: object, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        channel_names(montage)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reference", "channel"), [("linked-ears", None), ("average", None), ("cz", 1), ("T7", 2), ("CPz", None)]
)
def test_the_reference_is_a_channel_when_it_is_at_its_place(reference: str, channel: int | None) -> None:
    assert reference_channel(("Fp1", "Cz", "T3"), reference) == channel


@pytest.mark.parametrize(
    ("names", "reference"),
    [(("Fp1",), "average"), (("Cz",), "cz"), (("Fp1", "Fp2"), "nose"), (("Fp1", "Fp2"), ""), (("Fp1", "Fp2"), None)],
)
def test_impossible_references_are_refused(names: tuple[str, ...], reference: str) -> None:
    with pytest.raises(ConfigError, match=f"reference = {reference!r}"):
        reference_channel(names, reference)
