"""From the one thread that detects to everybody who listens: each event once, in order, however slow the listener.

No subscriber has a queue of its own. What was published last lies in one ring that all share, written down as JSON
once; a subscriber is a number, the id of the last entry that it was given. Whoever is further behind than the ring
reaches reads on in the journal, by pages, and is back in the ring when it has caught up. So a subscriber that reads
nothing costs nothing here, and nobody waits for anybody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from nictate.signals import KINDS, Kind
from nictate.wire import Entry, entry_to_json


class Reads(Protocol):
    """What the hub needs of a journal. Called from other threads."""

    @property
    def newest_id(self) -> int:
        """0 when there is none."""

    def read(self, after: int = 0, limit: int = 1000) -> list[Entry]:
        """Entries with larger ids, the smallest ids first."""


@dataclass(frozen=True, slots=True)
class Message:
    """An entry as it is sent, written down once for all."""

    id: int
    kind: Kind
    json: str
    """`nictate.wire.entry_to_json`."""
    sse: bytes
    """`nictate.wire.to_sse`."""


def written(entry: Entry) -> Message:
    """An entry, made ready to be sent."""
    json = entry_to_json(entry)
    return Message(entry.id, entry.event.kind, json, f"id: {entry.id}\ndata: {json}\n\n".encode())


class Hub:
    """What is going on, for any number of subscribers.

    `publish`, `show` and `close` may be called from any thread and at any time; all else belongs to the loop that runs
    while the hub is `open`.
    """

    READERS = 2
    """Pages of the journal that are read at a time: those who catch up wait for each other, not the others for them."""
    SCENES = 8
    """As many are kept for viewers; who is further behind misses what was in between."""

    def __init__(self, pages: Reads, *, ring: int = 2048, page: int = 100) -> None:
        """``ring`` entries are kept at hand, and ``page`` at most are given to a subscriber at a time."""
        self._pages = pages
        self._size = ring
        self._page = page
        self._ring: dict[int, Message] = {}  # Without holes, up to `newest`.
        self._scenes: deque[str] = deque(maxlen=self.SCENES)
        self._shown = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self._reading = asyncio.Semaphore(self.READERS)
        self._lock = Lock()
        # What has been said and not yet taken over by the loop. Where the loop does not come round, events are found
        # in the journal later, and scenes are gone.
        self._said: deque[Entry] = deque(maxlen=ring)
        self._seen: deque[str] = deque(maxlen=self.SCENES)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._called = False
        self.newest = 0
        """Id of the last entry that was published, or that was in the journal when the hub was opened."""
        self.closed = False
        self.followers = 0
        """Subscribers to events now."""
        self.viewers = 0
        """Subscribers to scenes now; without any, none need to be made."""

    # ---------------------------------------------------------------------------------------------- from any thread

    def publish(self, entries: Sequence[Entry]) -> None:
        """Tell everybody of entries that are in the journal, in their order."""
        with self._lock:
            self._said.extend(entries)
            self._call()

    def show(self, scene: str) -> None:
        """Show everybody who looks on; kept for nobody."""
        if self.viewers:
            with self._lock:
                self._seen.append(scene)
                self._call()

    def close(self) -> None:
        """End every subscription."""
        with self._lock:
            self.closed = True
            self._call()

    def _call(self) -> None:
        """Have the loop come round, once for all that has been said until then."""
        if self._loop is not None and not self._called:
            try:
                self._loop.call_soon_threadsafe(self._come_round)
            except RuntimeError:  # The loop has ended.
                return
            self._called = True

    # -------------------------------------------------------------------------------------------------- in the loop

    def open(self) -> None:
        """From now on, in the running loop. Reads the journal's newest id."""
        newest = self._pages.newest_id
        with self._lock:
            self.newest = max(self.newest, newest)
            self._loop = asyncio.get_running_loop()
            self._called = False
            self._call()

    def _come_round(self) -> None:
        with self._lock:
            said, seen = list(self._said), list(self._seen)
            self._said.clear()
            self._seen.clear()
            self._called = False
        for entry in said:
            if entry.id <= self.newest:
                continue
            if entry.id != self.newest + 1:
                # Some were said before the loop ran, or while it did not come round: the journal has them.
                self._ring.clear()
            self._ring[entry.id] = written(entry)
            self.newest = entry.id
            if len(self._ring) > self._size:
                del self._ring[entry.id - self._size]
        self._scenes.extend(seen)
        self._shown += len(seen)
        waiting, self._waiting = self._waiting, set()
        for sleeper in waiting:
            if not sleeper.done():
                sleeper.set_result(None)

    def follow(self, after: int | None = None, kinds: Collection[Kind] = KINDS) -> Follower:
        """A new subscriber to all entries of ``kinds`` with an id above ``after``; None: to those published from now.

        An ``after`` that has not been reached is of another journal, which is gone: that, too, is from now.
        It counts as a follower until it `leave`s.
        """
        # The journal may be ahead of what has been published by a moment.
        if after is None or (after > self.newest and after > self._pages.newest_id):
            after = self.newest
        return Follower(self, after, kinds)

    def look_on(self) -> Viewer:
        """A new viewer of scenes, until it `leave`s."""
        return Viewer(self)


class Follower:
    """A subscriber to events: a place in the journal."""

    def __init__(self, hub: Hub, after: int, kinds: Collection[Kind]) -> None:
        self._hub = hub
        self._kinds = None if set(kinds) == set(KINDS) else frozenset(kinds)
        self._here = Presence(hub)
        self.cursor = after
        """Id of the last entry that was given, or passed over as one of a kind that is not wished for."""
        hub.followers += 1

    @property
    def ended(self) -> bool:
        """Nothing more will come."""
        return self._here.ended

    async def take(self, wait_s: float) -> Sequence[Message]:
        """The next ones, a page at most; waits for one up to ``wait_s``. Empty: nothing came, or it is over.

        Raises what the journal raises.
        """
        hub, until_s = self._hub, asyncio.get_running_loop().time() + wait_s
        while not self.ended:
            if self.cursor < hub.newest:
                if messages := await self._next():
                    return messages
            elif not await self._here.wait(until_s):
                break
        return ()

    async def _next(self) -> Sequence[Message]:
        """Step forward by a page at most; empty when none of it is of the kinds."""
        hub = self._hub
        last = min(hub.newest, self.cursor + hub._page)
        if self.cursor + 1 in hub._ring:
            messages = [hub._ring[k] for k in range(self.cursor + 1, last + 1)]
        else:
            async with hub._reading:
                messages = await asyncio.to_thread(self._from_journal)
            if not messages:
                # Thrown away by now, by age or size.
                self.cursor = max(self.cursor, hub.newest - len(hub._ring))
                return ()
        self.cursor = messages[-1].id
        if self._kinds is None:
            return messages
        return [message for message in messages if message.kind in self._kinds]

    def _from_journal(self) -> list[Message]:
        return [written(entry) for entry in self._hub._pages.read(self.cursor, self._hub._page)]

    def leave(self) -> None:
        """Be one no longer; may be called again. `take` returns at once."""
        if self._here.leave():
            self._hub.followers -= 1


class Viewer:
    """A subscriber to scenes: sees the next one each time, or misses some."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._here = Presence(hub)
        self._seen = hub._shown
        hub.viewers += 1

    @property
    def ended(self) -> bool:
        """Nothing more will come."""
        return self._here.ended

    async def take(self, wait_s: float) -> Sequence[str]:
        """What has come since the last time, as far as it is kept; waits for it up to ``wait_s``."""
        hub, until_s = self._hub, asyncio.get_running_loop().time() + wait_s
        while not self.ended:
            new, self._seen = hub._shown - self._seen, hub._shown
            if new > len(hub._scenes):
                new = 1  # Too slow: on from now.
            if new:
                return list(hub._scenes)[-new:]
            if not await self._here.wait(until_s):
                break
        return ()

    def leave(self) -> None:
        """Be one no longer; may be called again. `take` returns at once."""
        if self._here.leave():
            self._hub.viewers -= 1


class Presence:
    """Being there, and waiting for news of the hub's."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._left = False
        self._sleeper: asyncio.Future[None] | None = None

    @property
    def ended(self) -> bool:
        return self._left or self._hub.closed

    async def wait(self, until_s: float) -> bool:
        """Whether there may be news by ``until_s``, in s of the loop's time."""
        loop = asyncio.get_running_loop()
        self._sleeper = sleeper = loop.create_future()
        timer = loop.call_at(until_s, _wake, sleeper)
        self._hub._waiting.add(sleeper)
        try:
            await sleeper
        finally:
            timer.cancel()
            self._hub._waiting.discard(sleeper)
        return loop.time() < until_s

    def leave(self) -> bool:
        """Whether it was there before."""
        left, self._left = self._left, True
        if self._sleeper is not None:
            _wake(self._sleeper)
        return not left


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
