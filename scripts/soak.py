"""Pushes hours of a simulated stream through the detector as fast as it goes, and watches the memory of the process.

Exit code 1 when resident memory at the end is more than 5 MB above that after the first 5 minutes of the stream.
"""

from __future__ import annotations

import argparse
import gc
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

from nictate.service import open_detector
from nictate.signals import Block
from nictate.simulate import Simulator

SETTLED_S = 300.0
ALLOWED_MB = 5.0


def resident_mb() -> float:
    """What the process holds in memory; where the system does not say, the most that it ever held."""
    gc.collect()
    pages = Path("/proc/self/statm")
    if pages.exists():
        return int(pages.read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # Bytes, on macOS.


def endless(simulator: Simulator) -> Iterator[Block]:
    """Five simulated minutes over and over, in blocks of 0.1 s, with times that go on.

    Made once: so the memory of the simulator, which remembers the truth for hours, is no part of what is measured.
    """
    rate_hz = simulator.montage.rate_hz
    size = max(1, round(0.1 * rate_hz))
    blocks = [simulator.pull(size) for _ in range(round(SETTLED_S * rate_hz / size))]
    lasts_s = sum(map(len, blocks)) / rate_hz
    shift_s = 0.0
    while True:
        for block in blocks:
            yield Block(block.samples, block.times + shift_s)
        shift_s += lasts_s


def main() -> int:
    about = argparse.ArgumentParser(prog="scripts/soak", description="Shows that memory stays flat.")
    about.add_argument("--hours", type=float, default=2.0, help="hours of stream, at least 0.1 [default: %(default)s]")
    about.add_argument("--channels", type=int, default=2, help="channels [default: %(default)s]")
    about.add_argument("--rate", type=float, default=250.0, help="sampling rate in Hz [default: %(default)s]")
    about.add_argument("--model", type=Path, help="model card [default: shipped]")
    wanted = about.parse_args()
    if not wanted.hours >= 0.1:
        about.error("--hours: at least 0.1, so that there is something after the first 5 minutes")
    simulator = Simulator(wanted.channels, wanted.rate, seed=1)
    detector = open_detector(simulator.montage, model=wanted.model)
    settled_mb = None
    blinks = 0
    for block in endless(simulator):
        blinks += sum(event.kind == "blink" for event in detector.push(block))
        reached_s = float(block.times[-1])
        if settled_mb is None and reached_s >= SETTLED_S:
            settled_mb = resident_mb()
            print(f"after 5 minutes: {settled_mb:.1f} MB", flush=True)  # noqa: T201
        if reached_s >= 3600.0 * wanted.hours:
            break
    assert settled_mb is not None
    end_mb = resident_mb()
    grown_mb = end_mb - settled_mb
    print(f"after {wanted.hours:g} hours: {end_mb:.1f} MB, {grown_mb:+.1f} MB, {blinks} blinks")  # noqa: T201
    return 1 if grown_mb > ALLOWED_MB else 0


if __name__ == "__main__":
    sys.exit(main())
