from __future__ import annotations

import numpy as np
import pytest

from nictate.electrodes import MONTAGES, electrode_position
from nictate.head import SHELLS, dipole_potential, place_sources, shell_potential
from nictate.profile import Profile
from nictate.signals import FloatArray


def seen(source: str, montage: str = "standard_1010", reference: str = "linked-ears") -> dict[str, float]:
    """What each electrode shows of a source."""
    names = MONTAGES[montage]
    sources = place_sources(names, Profile(reference=reference), np.random.default_rng(0))
    return dict(zip(names, sources.mixing[:, sources.names.index(source)], strict=True))


def test_each_source_has_a_name_and_a_column() -> None:
    sources = place_sources(("Cz", "A1"), Profile(cortical_sources=3), np.random.default_rng(0))
    assert sources.names == (
        *("blink", "gaze-horizontal", "gaze-vertical", "muscle-left", "muscle-right", "muscle-frontal"),
        *("alpha-left", "alpha-right", "alpha-middle", "cortex-1", "cortex-2", "cortex-3"),
    )
    assert sources.mixing.shape == (2, 12)
    assert np.isfinite(sources.mixing).all()


def test_blinks_dominate_the_frontal_poles_and_fade_to_the_back() -> None:
    blink = seen("blink")
    assert blink["Fp1"] == pytest.approx(1)
    assert blink["Fp2"] == pytest.approx(1)
    # Nz is as near to the eyes, but below the forehead; all others show less.
    assert max(height for name, height in blink.items() if name not in ("Fp1", "Fp2", "Nz")) < 0.95
    midline = [blink[name] for name in ("Fpz", "AFz", "Fz", "FCz", "Cz", "CPz", "Pz", "POz", "Oz")]
    assert midline == sorted(midline, reverse=True)
    # As averages of real blinks against the ears.
    assert blink["AF7"] == pytest.approx(0.8, abs=0.1)
    assert blink["F7"] == pytest.approx(0.4, abs=0.1)
    assert blink["Fz"] == pytest.approx(0.3, abs=0.1)
    assert blink["Cz"] == pytest.approx(0.1, abs=0.05)
    assert abs(blink["Oz"]) < 0.05


def test_looking_up_spreads_further_back_than_a_blink() -> None:
    blink, up = seen("blink"), seen("gaze-vertical")
    assert up["Fp1"] > 3
    assert up["Cz"] / up["Fp1"] > 1.5 * blink["Cz"] / blink["Fp1"]
    similarity = np.corrcoef(list(blink.values()), list(up.values()))[0, 1]
    assert 0.8 < similarity < 0.98


@pytest.mark.parametrize("reference", ["linked-ears", "average", "Cz"])
def test_looking_to_the_side_is_antisymmetric(reference: str) -> None:
    side = seen("gaze-horizontal", "standard_1020", reference)
    for left, right in [("Fp1", "Fp2"), ("F7", "F8"), ("F3", "F4"), ("T7", "T8"), ("C3", "C4"), ("O1", "O2")]:
        assert side[right] == pytest.approx(-side[left])
        assert side[right] > 0
    assert abs(side["Fz"]) < 1e-12
    assert max(side, key=lambda name: side[name]) == "F8"


def test_muscles_are_where_they_should_be() -> None:
    near = {
        "muscle-left": {"FT7", "T7", "F7"},
        "muscle-right": {"FT8", "T8", "F8"},
        "muscle-frontal": {"Fp1"},
    }
    for source, names in near.items():
        field = seen(source)
        strongest = sorted(field, key=lambda name: -field[name])[:5]
        assert names <= set(strongest)
        assert field[strongest[0]] == pytest.approx(1)
        assert abs(field["Pz"]) < 0.1


def random_dipoles(n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(5)
    electrodes, directions = rng.standard_normal((40, 3)), rng.standard_normal((n, 3))
    electrodes /= np.linalg.norm(electrodes, axis=1, keepdims=True)
    directions *= rng.uniform(0.1, 0.75, (n, 1)) / np.linalg.norm(directions, axis=1, keepdims=True)
    return electrodes, directions, rng.standard_normal((n, 3))


@pytest.mark.parametrize("shells", [[(1.0, 0.33)], [(0.8, 0.5), (0.9, 0.5), (1.0, 0.5)]])
def test_shells_of_one_matter_are_a_homogeneous_sphere(shells: list[tuple[float, float]]) -> None:
    electrodes, positions, moments = random_dipoles(10)
    closed_form = dipole_potential(electrodes, positions, moments)
    assert shell_potential(electrodes, positions, moments, shells) == pytest.approx(closed_form, abs=1e-5)


def test_a_dipole_at_the_centre_has_the_textbook_field() -> None:
    electrodes, _, _ = random_dipoles(1)
    field = dipole_potential(electrodes, np.zeros((1, 3)), np.array([[0.0, 0.0, 2.0]]))
    assert field[:, 0] == pytest.approx(3 * 2 * electrodes[:, 2])


def test_shells_satisfy_the_boundary_conditions() -> None:
    """fₙ against all boundary conditions solved at once, for a radial dipole near the centre (n = 1, 2)."""
    (r1, s1), (r2, s2), (_, s3) = SHELLS
    b = 1e-3
    f = []
    for n in (1, 2):
        m = n + 1
        # Unknown: A1, A2, B2, A3, B3, for B1 = 1.
        M = np.array(
            [
                [r1**n, -(r1**n), -(r1**-m), 0, 0],
                [s1 * n * r1**n, -s2 * n * r1**n, s2 * m * r1**-m, 0, 0],
                [0, r2**n, r2**-m, -(r2**n), -(r2**-m)],
                [0, s2 * n * r2**n, -s2 * m * r2**-m, -s3 * n * r2**n, s3 * m * r2**-m],
                [0, 0, 0, n, -m],
            ]
        )
        x = np.linalg.solve(M, [-(r1**-m), s1 * m * r1**-m, 0, 0, 0])
        f.append((x[3] + x[4]) * n / (2 * n + 1))
    top, bottom = shell_potential(
        np.array([[0, 0, 1.0], [0, 0, -1.0]]), np.array([[0, 0, b]]), np.array([[0, 0, 1.0]])
    )[:, 0]
    assert (top - bottom) / 2 == pytest.approx(3 * f[0], rel=1e-4)
    assert (top + bottom) / 2 == pytest.approx(5 * b * f[1], rel=1e-4)
    assert 1 > f[0] > f[1]


def test_the_skull_blurs() -> None:
    under_cz, up = np.array([[0, 0, 0.75]]), np.array([[0, 0, 1.0]])
    places = np.array([electrode_position("Cz"), electrode_position("C3")])
    bare, covered = (field(places, under_cz, up)[:, 0] for field in (dipole_potential, shell_potential))
    assert covered[0] < 0.5 * bare[0]
    assert covered[1] / covered[0] > bare[1] / bare[0]
