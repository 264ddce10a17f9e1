from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from nictate.gate import GateRules
from nictate.ocular import Ocular, OcularRules
from nictate.signals import BoolArray, ConfigError, FloatArray
from nictate.survey import Survey
from nictate.unmixing import Components

RATE_HZ, N, TURN = 250.0, 10, 25
CHANNELS, FRONTAL = 6, (1, 4)
RULES, GATE = OcularRules(), GateRules()

RNG = np.random.default_rng(7)
MIXING = RNG.uniform(-0.5, 0.5, (CHANNELS, CHANNELS))
MIXING[:, 2] = [0.2, 1.0, 0.1, 0.3, 0.9, 0.05]  # The eyes', whose component is number 2.
BLINKS_S = np.arange(2.0, 60.0, 3.0)


def sources(seconds: float = 60.0) -> FloatArray:
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    S = 4.0 * np.random.default_rng(0).standard_normal((len(t), CHANNELS))
    S[:, 2] += sum(150.0 * np.exp(-0.5 * ((t - at) / 0.06) ** 2) for at in BLINKS_S)
    return S


def components(
    signs: FloatArray | None = None, order: FloatArray | None = None, mixing: FloatArray = MIXING
) -> Components:
    """The true un-mixing, with each component's arbitrary scale and place."""
    A = mixing if order is None else mixing[:, order]
    A = A if signs is None else A * signs
    return Components(np.linalg.pinv(A), A, np.arange(CHANNELS))


@dataclass
class Run:
    source: FloatArray
    removed: FloatArray
    ocular: Ocular
    trusted: list[bool]


def run(x: FloatArray, ica: list[Components], usable: list[BoolArray] | None = None, mature: bool = True) -> Run:
    """The un-mixings are those of the turns, the last of them of all further ones; so are the usable channels."""
    survey = Survey(CHANNELS, RATE_HZ, N, RULES.memory_s)
    ocular = Ocular(FRONTAL, CHANNELS, RATE_HZ, N, RULES, GATE)
    all_of_them: BoolArray = np.ones(CHANNELS, dtype=np.bool_)
    source, removed, trusted = [], [], []
    for k in range(0, len(x), N):
        turn, at = divmod(k // N, TURN)
        now = all_of_them if usable is None else usable[min(turn, len(usable) - 1)]
        eyes = ocular.push(x[k : k + N], survey.push(x[k : k + N]), now)
        source.append(eyes.source)
        removed.append(np.zeros((N, CHANNELS)) if eyes.removed is None else eyes.removed)
        trusted.append(ocular.trusted)
        if at == TURN - 1:
            survey.finish(now)
            ocular.learn(ica[min(turn, len(ica) - 1)], survey.covariance, mature=mature)
    return Run(np.concatenate(source), np.concatenate(removed), ocular, trusted)


S = sources()
X = S @ MIXING.T
LATE = slice(round(20 * RATE_HZ), None)
TRUE = S[:, 2] * MIXING[list(FRONTAL), 2].mean()


def test_the_eyes_component_is_found_told_in_frontal_uv_and_taken_out() -> None:
    done = run(X, [components()])
    assert len(done.ocular.scores) == 1
    assert done.ocular.correlation is not None
    assert done.ocular.correlation > 0.9
    assert done.ocular.maps[0] == pytest.approx(MIXING[:, 2] / MIXING[list(FRONTAL), 2].mean())
    assert done.trusted[-1]
    assert np.corrcoef(done.source[LATE], TRUE[LATE])[0, 1] > 0.99
    blinks = TRUE[LATE] > 40.0
    assert done.source[LATE][blinks].mean() == pytest.approx(TRUE[LATE][blinks].mean(), rel=0.05)
    left = (X - done.removed)[LATE][:, FRONTAL[0]]
    assert np.abs(left).max() < 30.0
    assert np.abs(X[LATE][:, FRONTAL[0]]).max() > 150.0


def test_signs_scales_and_places_of_the_components_do_not_matter_whenever_they_change() -> None:
    rng = np.random.default_rng(1)
    still = run(X, [components()])
    moved = run(
        X, [components(rng.choice([-1.0, 1.0], 6) * rng.uniform(0.1, 10.0, 6), rng.permutation(6)) for _ in range(60)]
    )
    assert moved.source == pytest.approx(still.source, abs=1e-6)
    assert moved.removed == pytest.approx(still.removed, abs=1e-6)


def test_what_the_forehead_does_not_show_is_not_in_the_source_however_much_the_component_lets_through() -> None:
    quiet = slice(round(30.6 * RATE_HZ), round(31.4 * RATE_HZ))  # Between two blinks.
    popped = X.copy()
    popped[quiet, 3] += 2000.0
    row = run(X, [components()]).ocular.blink_row
    assert row is not None
    assert abs(2000.0 * row[3]) > 100.0  # As large as a blink, by the un-mixing alone.
    still, done = (run(x, [components()]).source[quiet] for x in (X, popped))
    assert np.abs(done).max() < 2.0 * np.abs(X[quiet][:, FRONTAL].mean(axis=1)).max()
    assert np.abs(still).max() < 40.0


def test_what_only_the_forehead_shows_is_not_in_the_source() -> None:
    """A noise of all frontal electrodes alone is not what a blink's map looks like."""
    quiet = slice(round(30.6 * RATE_HZ), round(31.4 * RATE_HZ))
    other = S.copy()
    # Of the other sources, the one that shows most at the forehead.
    k = int(np.abs(np.delete(MIXING, 2, axis=1)[list(FRONTAL)].mean(axis=0)).argmax())
    k += k >= 2
    other[quiet, k] += 300.0
    x = other @ MIXING.T
    assert np.abs(x[quiet][:, FRONTAL].mean(axis=1)).max() > 40.0
    done = run(x, [components()])
    assert np.abs(done.source[quiet] - S[quiet, 2] * MIXING[list(FRONTAL), 2].mean()).max() < 15.0


def test_the_gain_goes_through_and_the_polarity_of_the_channels_is_that_of_the_source() -> None:
    done = run(X, [components()])
    for gain in (-1.0, 0.1, 30.0):
        other = run(gain * X, [components()])
        assert other.source == pytest.approx(gain * done.source, abs=1e-6 * abs(gain))
        assert other.removed == pytest.approx(gain * done.removed, abs=1e-6 * abs(gain))
        assert other.trusted == done.trusted


def test_offsets_of_the_channels_do_not_matter_even_if_the_un_mixing_changes() -> None:
    rng = np.random.default_rng(2)
    ica = [components(mixing=MIXING * (1.0 + 0.01 * rng.standard_normal(MIXING.shape))) for _ in range(60)]
    done, other = run(X, ica), run(X + rng.uniform(-1e4, 1e4, CHANNELS), ica)
    assert other.source == pytest.approx(done.source, abs=1e-4)
    assert other.removed == pytest.approx(done.removed, abs=1e-4)


def test_an_un_mixing_that_changes_is_faded_over() -> None:
    """No sample of the source steps further than the signal itself, though the map changes by a tenth at once."""
    other = MIXING.copy()
    other[:, 2] *= np.linspace(0.9, 1.1, CHANNELS)
    at = round(30.5 * RATE_HZ)  # Between blinks, and half a second before the gate opens again.
    calm = S.copy()
    calm[:, [0, 1, 3, 4, 5]] = 0.0
    done = run(calm @ MIXING.T, 30 * [components()] + [components(mixing=other)])
    response = done.source[20 * 250 :] / np.where(np.abs(TRUE[20 * 250 :]) > 40.0, TRUE[20 * 250 :], np.nan)
    assert np.nanmax(np.abs(response - 1.0)) < 0.25
    assert np.abs(np.diff(done.source[at - 250 : at + 250])).max() < 40.0


def test_a_component_that_is_not_at_the_forehead_or_does_not_go_with_it_is_not_ocular() -> None:
    back = MIXING.copy()
    back[:, 2] = [1.0, 0.1, 0.3, 0.3, 0.1, 0.9]
    assert run(S @ back.T, [components(mixing=back)]).ocular.correlation is None
    opposed = MIXING.copy()
    opposed[:, 2] = [0.2, 1.0, 0.1, 0.3, -1.0, 0.05]  # Right against left: the gaze to the side.
    found = run(S @ opposed.T, [components(mixing=opposed)])
    assert not any(found.trusted)
    for a in found.ocular.maps:
        assert abs(a @ opposed[:, 2]) < 0.8 * np.linalg.norm(a) * np.linalg.norm(opposed[:, 2])


def test_without_blinks_nearly_nothing_is_taken_out_and_the_source_is_not_trusted() -> None:
    calm = S.copy()
    calm[:, 2] = 8.0 * np.random.default_rng(3).standard_normal(len(S))
    done = run(calm @ MIXING.T, [components()])
    assert (done.removed**2).mean() < 1e-3 * ((calm @ MIXING.T) ** 2).mean()
    assert not any(done.trusted)


def test_an_un_mixing_that_is_not_learned_well_is_not_trusted() -> None:
    assert not any(run(X, [components()], mature=False).trusted)


@pytest.mark.parametrize("bad", [0, 3, FRONTAL[0]])
def test_a_channel_that_cannot_be_used_is_bridged_by_the_others(bad: int) -> None:
    x = X.copy()
    x[round(30 * RATE_HZ) :, bad] = 1e5
    good: BoolArray = np.ones(CHANNELS, dtype=np.bool_)
    without = good.copy()
    without[bad] = False
    done = run(x, [components()], 30 * [good] + [without])
    after = slice(round(30 * RATE_HZ), None)
    assert done.trusted[-1]
    assert np.corrcoef(done.source[after], TRUE[after])[0, 1] > 0.95
    assert not done.removed[after][:, bad].any()
    assert np.abs(done.removed[after]).max() < 400.0


def test_where_no_frontal_channel_is_left_the_source_is_not_trusted() -> None:
    good: BoolArray = np.ones(CHANNELS, dtype=np.bool_)
    without = good.copy()
    without[list(FRONTAL)] = False
    done = run(X, [components()], 30 * [good] + [without])
    assert done.trusted[29 * TURN]
    assert not any(done.trusted[31 * TURN :])


def test_after_a_hole_the_components_are_known_and_the_baseline_is_that_of_the_new_signal() -> None:
    ocular = run(X, [components()]).ocular
    ocular.restart()
    good: BoolArray = np.ones(CHANNELS, dtype=np.bool_)
    first = X[:N] + 5e4
    assert ocular.trusted
    eyes = ocular.push(first, first.mean(axis=0), good)
    assert eyes.removed is None
    assert np.abs(eyes.source).max() < 50.0


def test_the_state_is_trusted_at_once() -> None:
    ocular = run(X, [components()]).ocular
    other = Ocular(FRONTAL, CHANNELS, RATE_HZ, N, RULES, GATE)
    other.set_state(ocular.get_state())
    assert other.trusted
    ocular.restart()
    good: BoolArray = np.ones(CHANNELS, dtype=np.bool_)
    for k in range(0, 1000, N):
        a, b = (one.push(X[k : k + N], X[k : k + N].mean(axis=0), good) for one in (ocular, other))
        assert a.source == pytest.approx(b.source, abs=1e-9)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rows", np.zeros((1, 3))),
        ("maps", np.full((1, CHANNELS), np.nan)),
        ("scores", np.zeros(4)),
        ("gate/seen", np.zeros(2, dtype=np.int64)),
    ],
)
def test_a_state_that_does_not_fit_is_refused(key: str, value: FloatArray) -> None:
    ocular = run(X, [components()]).ocular
    with pytest.raises(ConfigError, match="fit"):
        ocular.set_state(ocular.get_state() | {key: value})


@pytest.mark.parametrize("frontal", [(), (CHANNELS,), (-1,)])
def test_frontal_channels_that_are_not_there_are_refused(frontal: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="frontal"):
        Ocular(frontal, CHANNELS, RATE_HZ, N, RULES, GATE)
