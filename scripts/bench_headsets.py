"""The detector on headsets that are sold, worn by simulated people.

Prints Markdown. The same model gives the same figures on every machine.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from nictate.cli.shell import progress
from nictate.edges.onnx import load_model
from nictate.service import one_core, shipped_card
from nictate.signals import ConfigError
from nictate.training.headsets import BLINKS_UV, HEADSETS, LASTING_S, table, wear_all

ABOUT = f"""# Headsets

Where a headset has its electrodes, and what they are measured against, decides how much of a blink it shows. Here the
same {len(BLINKS_UV)} simulated people wear each for {LASTING_S / 60:g} minutes. Their blinks are of \
{", ".join(f"{uv:g}" for uv in BLINKS_UV)} µV at Fp1
against linked ears, half blinks and doubles among them, and they look about, clench their jaws and do all else that
`nictate simulate` does. Nothing but places, reference and rate is the headset's own: amplifiers, dry electrodes and
hair are not simulated. No network and no threshold has seen these people, but it was by them that the re-reference was
designed. For real recordings see the figures of the [README](../README.md). Measured by
`scripts/bench-headsets`.

*Looked at* are the channels that the detector chooses by their names; *blinks, µV* is how high a full blink of the
median person is where it is seen best.

"""


def arguments() -> argparse.Namespace:
    about = argparse.ArgumentParser(prog="scripts/bench-headsets", description="Measures the detector on headsets.")
    about.add_argument("--model", type=Path, help="the model's card [default: the shipped one]")
    about.add_argument("--markdown", type=Path, help="write the page to this file instead")
    return about.parse_args()


def main() -> int:
    """The exit status: 2 for what the operator can mend."""
    wanted = arguments()
    one_core()
    try:
        card, network = load_model(wanted.model or shipped_card())
        with progress(len(HEADSETS), "headsets") as advance:
            page = ABOUT + table(wear_all(card, network, lambda name: advance(1.0, name)))
        if wanted.markdown is None:
            print(page, end="")  # noqa: T201
        else:
            wanted.markdown.write_text(page, encoding="utf-8")
    except (ConfigError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
