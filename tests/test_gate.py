from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nictate.gate import Gate, GateRules
from nictate.signals import ConfigError, FloatArray

RATE_HZ, N = 250.0, 10
RULES = GateRules()


def noise(seconds: float = 40.0, seed: int = 0, components: int = 1) -> FloatArray:
    return np.random.default_rng(seed).standard_normal((round(seconds * RATE_HZ), components))


def shares(r: FloatArray, rules: GateRules = RULES, gate: Gate | None = None) -> FloatArray:
    """The share taken out of each sample of activities above their baselines (n, components)."""
    if gate is None:
        gate = Gate(rules, RATE_HZ, N)
        gate.rearrange([None] * r.shape[1])
    return np.concatenate([gate.push(r[k : k + N]).share for k in range(0, len(r), N)])


def test_noise_leaves_the_gate_closed_and_a_blink_opens_it_in_the_same_sample() -> None:
    r = 3.0 * noise()
    assert (shares(r) > 0.0).mean() < 1e-3
    at = 9003
    r[at] = 300.0
    share = shares(r)[:, 0]
    assert not share[at - 50 : at].any()
    assert share[at] > 0.999


def test_the_share_is_what_the_docstring_says() -> None:
    r = noise()
    r[5000:5100] *= 20.0
    r[7003], r[8003:8008] = 5.0, 5.0  # Opens the gate, and is not evident.
    gate = Gate(RULES, RATE_HZ, N)
    gate.rearrange([None])
    energy, evident, share, expected = 0.0, False, [], []
    for k in range(0, len(r), N):
        share.append(gate.push(r[k : k + N]).share[:, 0])
        rest = min(gate.rest[0], 1e100)
        for x in r[k : k + N, 0]:
            energy = max(x * x, energy * np.exp(-1.0 / (RULES.release_s * RATE_HZ)))
            evident = evident or energy > RULES.evident * rest
            limit = (RULES.hold if evident else RULES.threshold) * rest
            expected.append(max(0.0, 1.0 - (limit / energy) ** 2))
        evident = evident and any(expected[-N:])
    assert np.allclose(np.concatenate(share), expected, rtol=0, atol=1e-9)


def test_an_evident_opening_is_held_where_another_one_is_closed() -> None:
    rules = dataclasses.replace(RULES, release_s=0.005)  # So that the energy is that of the sample.
    r = noise(10.0)
    gates = []
    for height in (5.0, 10.0):  # 25 and 100 times the energy at rest: opened, and evident.
        gate = Gate(rules, RATE_HZ, N)
        gate.rearrange([None])
        shares(r, gate=gate)
        opened = np.full((N, 1), 3.5)  # 12 times: above hold, below threshold.
        opened[0] = height
        gates.append(gate.push(opened).share[:, 0])
    assert gates[0][0] > 0.0
    assert not gates[0][-1]
    assert (gates[1] > 0.3).all()


@pytest.mark.parametrize("scale", [0.1, 1.0, 40.0])
def test_what_is_at_rest_is_the_energy_of_the_noise_and_blinks_do_not_raise_it(scale: float) -> None:
    r = scale * noise(60.0)
    for onset in range(1000, len(r), 1000):  # Every 4 s.
        r[onset : onset + 75] += 50.0 * scale
    gate = Gate(RULES, RATE_HZ, N)
    gate.rearrange([None])
    shares(r, gate=gate)
    assert gate.rest[0] == pytest.approx(scale**2, rel=0.4)
    assert gate.events[0] == 14  # Those after the first second.


@given(st.floats(0.01, 100.0), st.booleans())
@settings(max_examples=20, deadline=None)
def test_gain_and_polarity_do_not_matter(gain: float, inverted: bool) -> None:
    r = noise(10.0)
    r[1500:1600] += 30.0
    assert np.allclose(shares(-gain * r if inverted else gain * r), shares(r), rtol=0, atol=1e-6)


def test_a_gate_does_not_open_before_it_knows_what_is_usual() -> None:
    r = noise(4.0)
    r[:200] *= 100.0
    assert not shares(r)[: round(RULES.settle_s * RATE_HZ)].any()


def test_the_baseline_follows_a_closed_gate_holds_while_it_is_open_and_gives_in_to_a_new_level() -> None:
    r = noise(10.0)
    r[1500:] += 40.0  # Six seconds on, the gaze is another one.
    gate = Gate(RULES, RATE_HZ, N)
    gate.rearrange([None])
    follow = np.array([gate.push(r[k : k + N]).follow[0] for k in range(0, len(r), N)])
    frames = round(RULES.patience_s * RATE_HZ / N)
    assert (follow[:150] == pytest.approx(1.0 - np.exp(-0.04 / RULES.baseline_s))) is True
    assert not follow[150 : 150 + frames].any()
    assert follow[151 + frames :] == pytest.approx(1.0 - np.exp(-0.04 / RULES.surrender_s))


def test_components_do_not_meet_and_come_and_go() -> None:
    r = noise(20.0, components=3) * np.array([1.0, 5.0, 0.2])
    r[3000:3100] += np.array([30.0, 0.0, 0.0])
    together = shares(r)
    for k in range(3):
        assert np.array_equal(together[:, [k]], shares(r[:, [k]]))

    gate = Gate(RULES, RATE_HZ, N)
    gate.rearrange([None, None, None])
    first = shares(r[:2000], gate=gate)
    gate.rearrange([2, None, 0])
    assert len(gate) == 3
    then = shares(r[2000:][:, [2, 1, 0]], gate=gate)
    assert np.array_equal(np.concatenate((first[:, 0], then[:, 2])), together[:, 0])
    assert np.array_equal(np.concatenate((first[:, 2], then[:, 0])), together[:, 2])


def test_after_a_hole_the_gate_is_closed_and_knows_what_is_usual() -> None:
    r = noise(10.0)
    gate = Gate(RULES, RATE_HZ, N)
    gate.rearrange([None])
    shares(np.concatenate((r, np.full((N, 1), 100.0))), gate=gate)
    gate.restart()
    assert not gate.push(np.full((N, 1), 1.0)).share.any()
    assert (gate.push(np.full((N, 1), 100.0)).share > 0.99).all()


def test_the_state_goes_on() -> None:
    r = noise(20.0, components=2)
    gate, other = Gate(RULES, RATE_HZ, N), Gate(RULES, RATE_HZ, N)
    gate.rearrange([None, None])
    shares(r, gate=gate)
    other.set_state(gate.get_state())
    assert np.array_equal(other.events, gate.events)
    assert other.rest == pytest.approx(gate.rest, rel=0.1)
    assert (other.push(np.full((N, 2), 30.0)).share > 0.9).all()
    for key, value in (("squares", np.zeros((3, 2))), ("events", np.zeros(1)), ("squares", np.full((750, 2), np.nan))):
        with pytest.raises(ConfigError, match="does not fit"):
            other.set_state(gate.get_state() | {key: value})


@pytest.mark.parametrize("field", ["threshold", "hold", "release_s", "baseline_s", "surrender_s", "memory_s"])
def test_rules_that_cannot_be_are_refused(field: str) -> None:
    with pytest.raises(ConfigError, match="above 0"):
        Gate(dataclasses.replace(RULES, **{field: 0.0}), RATE_HZ, N)


@pytest.mark.parametrize(("hold", "threshold", "evident"), [(19.0, 18.0, 36.0), (8.0, 37.0, 36.0)])
def test_what_holds_a_gate_open_is_less_than_what_opens_it(hold: float, threshold: float, evident: float) -> None:
    with pytest.raises(ConfigError, match="hold <= threshold <= evident"):
        Gate(dataclasses.replace(RULES, hold=hold, threshold=threshold, evident=evident), RATE_HZ, N)
