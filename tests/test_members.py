from __future__ import annotations

import numpy as np
import pytest

from nictate.members import MemberRules, Members

RULES = MemberRules(missing_s=1.0, noisy_ratio=6.0, noisy_s=3.0, return_s=8.0)
FRAME_S, TURN = 0.04, 25  # Turns of 1 s.


class Story:
    """Members, told second by second."""

    def __init__(self, channels: int = 4) -> None:
        self.members = Members(RULES, channels, FRAME_S, TURN)
        self.channels = channels

    def go(self, seconds: int, bad: tuple[int, ...] = (), power: dict[int, float] | None = None) -> list[list[int]]:
        """Which channels are outside after each second."""
        good = np.ones(self.channels, dtype=np.bool_)
        good[list(bad)] = False
        powers = np.full(self.channels, 100.0)
        for k, value in (power or {}).items():
            powers[k] = value
        told = []
        for _ in range(seconds):
            for _ in range(TURN):
                self.members.push(good)
            self.members.finish(powers)
            told.append(np.flatnonzero(~self.members.inside).tolist())
        return told


def test_channels_that_are_good_stay() -> None:
    assert Story().go(30) == [[]] * 30


def test_a_channel_that_cannot_be_used_leaves_and_comes_back() -> None:
    story = Story()
    story.go(10)
    assert story.go(5, bad=(2,)) == [[2]] * 5
    assert story.go(10) == 7 * [[2]] + 3 * [[]]


def test_a_short_fault_changes_nothing() -> None:
    story = Story()
    story.go(5)
    for _ in range(20):
        story.members.push(np.array([True, False, True, True]))
    assert story.go(3) == [[]] * 3


@pytest.mark.parametrize("channels", [3, 64])
def test_a_channel_far_too_noisy_leaves_and_comes_back(channels: int) -> None:
    story = Story(channels)
    story.go(10)
    assert story.go(6, power={1: 6.1**2 * 100.0}) == 2 * [[]] + 4 * [[1]]
    told = story.go(20)
    back = told.index([])
    assert 3 <= back <= 9
    assert told[back:] == (20 - back) * [[]]


def test_who_blinks_often_keeps_the_frontal_channels() -> None:
    story = Story()
    for _ in range(10):
        assert story.go(2, power={0: 1e6}) == [[]] * 2
        assert story.go(1) == [[]]


def test_two_channels_cannot_outvote_each_other() -> None:
    assert Story(2).go(20, power={0: 1e6}) == [[]] * 20


def test_a_channel_bad_from_the_start_leaves() -> None:
    assert Story().go(3, bad=(0,)) == [[0]] * 3
