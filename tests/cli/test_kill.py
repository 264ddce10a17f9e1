"""The service is killed again and again: whoever subscribes gets each event once, in order."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from programs import running

from nictate.edges.journal import Journal
from nictate.edges.lsl import EegOutlet, now
from nictate.profile import USUAL
from nictate.service import transmit
from nictate.simulate import Simulator
from nictate.wire import entry_to_json

KILLS = 25
SEED = 5


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def headset(source_id: str) -> Iterator[None]:
    """Somebody who blinks as often as can be simulated."""
    profile = replace(USUAL, blinks_per_min=40.0, double_share=0.3, long_share=0.0)
    simulator = Simulator(("Fp1", "Fp2"), 250.0, seed=SEED, profile=profile, start_s=now())
    over = threading.Event()
    with EegOutlet(simulator.montage, "a headset", source_id) as outlet:
        thread = threading.Thread(
            target=transmit,
            args=(simulator, outlet.push, lambda _text, _time: None, over.is_set, now, time.sleep),
        )
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def test_a_service_that_is_killed_25_times_tells_each_event_exactly_once_and_in_order(tmp_path: Path) -> None:
    port, path = free_port(), tmp_path / "journal.sqlite"
    service = ["run", "--source-id", "killed", "--port", port, "--journal", path, "--markers", ""]
    chance = random.Random(SEED)
    with running("listen", f"http://127.0.0.1:{port}", "--json", "--after", "0") as listener:
        with headset("killed"):
            for k in range(KILLS):
                with running(*service) as program:
                    program.says("connected to")
                    if k % 2:
                        # While an event is on its way, or shortly after.
                        known = len(listener.out)
                        listener.until(lambda known=known: len(listener.out) > known)  # type: ignore[misc]
                        time.sleep(chance.uniform(0.0, 0.05))
                    else:
                        time.sleep(chance.uniform(0.0, 0.8))
                    program.process.kill()
        with Journal(path, readonly=True) as journal:
            kept = journal.read(limit=100_000)
        assert [entry.id for entry in kept] == list(range(1, len(kept) + 1))
        assert len({entry.run for entry in kept}) >= KILLS // 2
        # Nobody blinks any more; the service comes back for whoever has not heard everything yet.
        with running(*service) as program:
            program.says("waiting for")  # It takes Ctrl-C from now on.
            listener.until(lambda: len(listener.out) >= len(kept))
            program.interrupt()
        listener.process.kill()
    assert listener.out == [entry_to_json(entry) for entry in kept]
