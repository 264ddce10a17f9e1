from __future__ import annotations

import numpy as np
from made_recordings import Above

from nictate.peers.contest import usual_peers
from nictate.peers.peer import Peer


def test_what_was_found_in_a_whole_recording_was_decided_at_no_time() -> None:
    peer: Peer[float] = Above()
    (found,) = peer.find(np.array([0.0, 2.0, 0.0]), 100.0, [1.0])
    assert found.peaks.tolist() == [1.0]
    assert found.decided.tolist() == []


def test_peers_have_names_of_their_own_and_defaults_among_what_they_try() -> None:
    peers = usual_peers()
    assert len({peer.name for peer in peers}) == len(peers)
    for peer in peers:
        assert peer.default is None or peer.default in peer.settings
        assert len({str(setting) for setting in peer.settings}) == len(peer.settings)
