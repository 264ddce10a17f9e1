"""Each subscriber is given each entry once, in order; nobody waits for anybody, and nothing grows."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_service import PATIENCE_S, Memory, entry, starts_and_blinks

from nictate.edges.web.hub import Follower, Hub, written
from nictate.signals import KINDS, Kind
from nictate.wire import to_sse


def run(program: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(program, PATIENCE_S))


async def drained(follower: Follower, count: int) -> list[int]:
    """The next ``count`` ids; too few when nothing more comes."""
    ids: list[int] = []
    while len(ids) < count and (messages := await follower.take(PATIENCE_S)):
        ids += [message.id for message in messages]
    return ids


@dataclass
class Publish:
    count: int
    lost: bool
    """Journalled, but the hub is not told."""


@dataclass
class Follow:
    after: int | None
    kinds: tuple[Kind, ...]


@dataclass
class Take:
    who: int


steps = st.lists(
    st.builds(Publish, st.integers(1, 7), st.booleans())
    | st.builds(
        Follow, st.none() | st.integers(0, 12), st.lists(st.sampled_from(KINDS), min_size=1, unique=True).map(tuple)
    )
    | st.builds(Take, st.integers(0, 5)),
    max_size=25,
)


@given(steps=steps, ring=st.integers(1, 4), page=st.integers(1, 3), before=st.integers(0, 5))
@settings(max_examples=150)
def test_everybody_is_given_each_entry_once_in_order_however_slowly_they_take(
    steps: list[Publish | Follow | Take], ring: int, page: int, before: int
) -> None:
    async def program() -> None:
        pages = Memory(starts_and_blinks(1, before))
        hub = Hub(pages, ring=ring, page=page)
        hub.open()
        followers: list[tuple[Follower, int, tuple[Kind, ...], list[int]]] = []
        for step in steps:
            match step:
                case Publish(count, lost):
                    new = starts_and_blinks(pages.newest_id + 1, pages.newest_id + count)
                    pages.entries += new
                    if not lost:
                        hub.publish(new)
                    await asyncio.sleep(0)
                case Follow(after, kinds):
                    begin = hub.newest if after is None or after > pages.newest_id else after
                    followers.append((hub.follow(after, kinds), begin, kinds, []))
                case Take(who) if who < len(followers):
                    follower, _, _, got = followers[who]
                    messages = await follower.take(0.0)
                    assert len(messages) <= page
                    got += [message.id for message in messages]
        last = entry(pages.newest_id + 1, "blink")
        pages.entries.append(last)
        hub.publish([last])
        for follower, begin, kinds, got in followers:
            expected = [e.id for e in pages.entries if e.id > begin and e.event.kind in kinds]
            while len(got) < len(expected) and (messages := await follower.take(PATIENCE_S)):
                got += [message.id for message in messages]
            assert got == expected
            assert len(hub._ring) <= ring

    run(program())


def test_what_was_published_last_needs_no_journal_and_is_written_once() -> None:
    async def program() -> None:
        pages = Memory()
        hub = Hub(pages, ring=8)
        hub.open()
        first, second = hub.follow(0), hub.follow()
        hub.publish(starts_and_blinks(1, 5))
        told = list(await first.take(PATIENCE_S))
        again = list(await second.take(PATIENCE_S))
        assert [message.id for message in told] == [1, 2, 3, 4, 5]
        assert all(a is b for a, b in zip(told, again, strict=True))
        assert pages.reads == 0

    run(program())


def test_a_message_is_what_the_wire_says() -> None:
    assert written(entry(7)).sse.decode() == to_sse(entry(7))


def test_publishing_while_no_loop_runs_does_no_harm_and_loses_nothing() -> None:
    pages = Memory(starts_and_blinks(1, 9))
    hub = Hub(pages, ring=4)
    hub.publish(pages.entries[:3])
    hub.publish(pages.entries[3:])

    async def program() -> None:
        hub.open()
        assert await drained(hub.follow(0), 9) == list(range(1, 10))
        follower = hub.follow()
        pages.entries.append(entry(10))
        hub.publish([entry(10)])
        assert await drained(follower, 1) == [10]

    run(program())
    hub.publish([entry(11)])
    hub.show("late")
    hub.close()


def test_what_is_published_before_the_loop_runs_is_kept_within_a_bound() -> None:
    hub = Hub(Memory(), ring=10)
    for k in range(1, 1000):
        hub.publish([entry(k)])
    assert len(hub._said) == 10


def test_many_threads_may_publish_and_show_while_others_take() -> None:
    async def program() -> None:
        pages = Memory()
        hub = Hub(pages, ring=16, page=5)
        hub.open()
        viewer, follower = hub.look_on(), hub.follow(0)

        def work() -> None:
            for k in range(1, 301):
                pages.entries.append(entry(k))
                hub.publish([entry(k)])
                hub.show(str(k))

        worker = threading.Thread(target=work)
        worker.start()
        assert await drained(follower, 300) == list(range(1, 301))
        worker.join()
        seen: list[int] = []
        while not seen or seen[-1] != 300:
            seen += [int(scene) for scene in await viewer.take(PATIENCE_S)]
        assert seen == sorted(set(seen))

    run(program())


def test_entries_thrown_away_meanwhile_are_passed_over() -> None:
    async def program() -> None:
        pages = Memory(starts_and_blinks(1, 20))
        hub = Hub(pages, ring=2, page=3)
        hub.open()
        follower = hub.follow(0)
        assert await drained(follower, 3) == [1, 2, 3]
        del pages.entries[:15]
        assert await drained(follower, 5) == [16, 17, 18, 19, 20]
        behind = hub.follow(0)
        pages.entries.clear()
        pages.entries.append(entry(21))
        hub.publish([entry(21)])
        assert await drained(behind, 1) == [21]
        assert await drained(follower, 1) == [21]
        nothing = hub.follow(0)
        pages.entries.clear()
        assert [message.id for message in await nothing.take(0.05)] == [21]  # The ring has it.

    run(program())


def test_an_entry_that_the_journal_tells_before_the_hub_does_comes_once() -> None:
    async def program() -> None:
        pages = Memory(starts_and_blinks(1, 4))
        hub = Hub(pages, ring=2)
        hub.open()
        follower = hub.follow(0)
        pages.entries += starts_and_blinks(5, 6)
        assert await drained(follower, 6) == [1, 2, 3, 4, 5, 6]
        hub.publish(starts_and_blinks(5, 6))
        hub.publish([entry(7)])
        assert await drained(follower, 1) == [7]
        hub.publish([entry(6)])
        await asyncio.sleep(0)
        assert hub.newest == 7
        assert list(hub._ring) == [6, 7]

    run(program())


def test_whoever_waits_is_woken_by_leaving_and_by_the_end() -> None:
    async def program() -> None:
        hub = Hub(Memory())
        hub.open()
        leaving, staying, viewer = hub.follow(), hub.follow(), hub.look_on()
        assert (hub.followers, hub.viewers) == (2, 1)
        waits = [asyncio.create_task(each.take(PATIENCE_S)) for each in (leaving, staying)]
        looks = asyncio.create_task(viewer.take(PATIENCE_S))
        await asyncio.sleep(0)
        leaving.leave()
        leaving.leave()
        assert list(await waits[0]) == []
        assert leaving.ended
        assert not staying.ended
        assert (hub.followers, hub.viewers) == (1, 1)
        await asyncio.to_thread(hub.close)
        assert list(await waits[1]) == []
        assert list(await looks) == []
        assert staying.ended
        assert viewer.ended

    run(program())


def test_a_cancelled_subscriber_leaves_nothing_behind() -> None:
    async def program() -> None:
        hub = Hub(Memory())
        hub.open()
        waits = asyncio.create_task(hub.follow().take(PATIENCE_S))
        await asyncio.sleep(0)
        assert len(hub._waiting) == 1
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits
        assert not hub._waiting

    run(program())


def test_viewers_see_every_scene_unless_they_are_slow_and_nobody_makes_any_for_none() -> None:
    async def program() -> None:
        hub = Hub(Memory())
        hub.open()
        hub.show("nobody looks")
        viewer = hub.look_on()
        for k in range(3):
            hub.show(f"scene {k}")
        assert list(await viewer.take(PATIENCE_S)) == ["scene 0", "scene 1", "scene 2"]
        assert list(await viewer.take(0.01)) == []
        for k in range(100):
            hub.show(f"scene {k}")
            await asyncio.sleep(0)
        assert list(await viewer.take(PATIENCE_S)) == ["scene 99"]
        assert len(hub._scenes) == Hub.SCENES

    run(program())


def test_a_journal_that_fails_is_told_to_whoever_reads_it_and_to_nobody_else() -> None:
    async def program() -> None:
        pages = Memory(starts_and_blinks(1, 9))
        hub = Hub(pages, ring=2)
        hub.open()
        pages.failing = True
        with pytest.raises(OSError, match="on fire"):
            await hub.follow(0).take(PATIENCE_S)
        live = hub.follow()
        hub.publish([entry(10)])
        assert await drained(live, 1) == [10]

    run(program())
