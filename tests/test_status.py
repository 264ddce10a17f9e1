"""What the service says of itself."""

from __future__ import annotations

import dataclasses
import json

from nictate.status import ChannelStatus, IcaReport, MapPoint, Status, StreamReport


def test_a_status_is_plain_data_that_json_can_carry() -> None:
    status = Status(
        "connected",
        stream=StreamReport("a", "b", "c", "d", 250.0, (ChannelStatus("Fp1", "flat", looked_at=True),)),
        ica=IcaReport("ICA: on", True, (MapPoint("Fp1", -0.3, 0.9, 1.0),)),
    )
    said = json.loads(json.dumps(dataclasses.asdict(status)))
    assert said["stream"]["channels"] == [{"name": "Fp1", "state": "flat", "looked_at": True}]
    assert said["ica"]["map"][0]["weight"] == 1.0
    assert said["tally"]["blinks_per_min"] is None
