"""The detector and its peers on the same labelled recordings, by the same rule.

By default on the people whom the shipped model has never seen. With what a cross-validation has kept on all of them.
Prints Markdown. The same recordings give the same figures, the times apart.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from nictate.cli.shell import progress
from nictate.edges.onnx import load_model
from nictate.peers.contest import Row, groups_of, rows_of, usual_peers
from nictate.peers.drawing import draw
from nictate.peers.ourselves import cost_ms, rows_of_detector
from nictate.peers.table import markdown
from nictate.service import one_core, shipped_card
from nictate.signals import ConfigError, StreamError
from nictate.training.corpus import load
from nictate.training.crossvalidate import reopen
from nictate.training.judge import Judged

SKIP_S = (1.0, 0.3)
"""Not scored at either end of a recording, as by `nictate evaluate`."""


def arguments() -> argparse.Namespace:
    about = argparse.ArgumentParser(prog="scripts/bench-peers", description="Measures the detector beside others.")
    about.add_argument("data", type=Path, help="folder of labelled recordings")
    about.add_argument("--model", type=Path, help="the model's card [default: the shipped one]")
    about.add_argument(
        "--cross-validated",
        type=Path,
        metavar="WORK",
        help="all people, with the networks that `nictate evaluate --cross-validate --work WORK` has kept",
    )
    about.add_argument("--doubtful", nargs="*", default=[], metavar="SET/RECORDING", help="also tell of sets without")
    about.add_argument("--zero-phase", nargs="*", default=[], metavar="SET", help="take no latency from these sets")
    about.add_argument("--only", nargs="*", metavar="NAME", help="only the peers that are named so [default: all]")
    about.add_argument("--json", type=Path, help="also write everything to this file")
    about.add_argument("--picture", type=Path, help="also draw F1 by set into this file")
    about.add_argument("--markdown", type=Path, help="write the tables to this file instead")
    return about.parse_args()


def compare(wanted: argparse.Namespace) -> None:
    peers = usual_peers()
    if wanted.only is not None:
        unknown = set(wanted.only) - {peer.name for peer in peers}
        if unknown:
            raise ConfigError(f"no peer {', '.join(sorted(unknown))}: there are {', '.join(p.name for p in peers)}")
        peers = tuple(peer for peer in peers if peer.name in wanted.only)
    card, network = load_model(wanted.model or shipped_card())
    with progress(1.0, "") as advance:
        signals = load(wanted.data, lambda done, of: advance(1.0 / of if done else 0.0, "reading"))
    if wanted.cross_validated is None:
        people = card.about.get("split", {}).get("test", [])
        signals = tuple(s for s in signals if s.subject in people)
        if not signals:
            raise ConfigError("none of the people that the card keeps for the test is in this folder")
        models = [Judged(card, network, signals)]
    else:
        folds = reopen(signals, wanted.cross_validated).folds
        models = [Judged(*load_model(fold.card), tuple(fold.tested(signals))) for fold in folds]
    groups = groups_of(signals, wanted.doubtful)
    with progress(len(signals), "recordings") as advance:
        ours = rows_of_detector(models, groups, SKIP_S, wanted.zero_phase, lambda name: advance(1.0, name))
    rows: list[Row] = []
    with progress(len(peers) * len(groups), "peers x sets") as advance:
        for peer in peers:
            rows += rows_of(
                peer, groups, SKIP_S, wanted.zero_phase, lambda of, by=peer.name: advance(1.0, f"{by}: {of}")
            )
    ms = cost_ms(card, network, signals)
    rows += [dataclasses.replace(row, ms_per_minute=ms) for row in ours]
    who = (
        f"All {len({s.subject for s in signals})} people, nictate cross-validated."
        if wanted.cross_validated is not None
        else f"The {len({s.subject for s in signals})} people whom the model {card.sha256[:12]} has never seen."
    )
    shifted = [g.name for g in groups if not g.within and g.name in wanted.zero_phase]
    if shifted:
        moved = "a zero-phase filter has moved part of each blink before it"
        who += f" No delay is taken from {', '.join(shifted)}: {moved}."
    picture = "" if wanted.picture is None else f"\n\n![F1 on each set]({wanted.picture.name})"
    text = markdown(rows, groups, f"{who} Measured by `scripts/bench-peers`.{picture}")
    if wanted.markdown is None:
        print(text)  # noqa: T201
    else:
        wanted.markdown.write_text(text, encoding="utf-8")
    if wanted.json is not None:
        told = {"model": card.sha256, "rows": [row.to_dict() for row in rows]}
        wanted.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    if wanted.picture is not None:
        draw(rows, groups, wanted.picture)


def main() -> int:
    wanted = arguments()
    one_core()
    try:
        compare(wanted)
    except (ConfigError, StreamError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
