"""What all tests share: a private corner of the Lab Streaming Layer, and the real recordings where they are at hand."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A timing never decides a test, however busy the machine.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# Nothing leaves this machine, and neither another run of these tests nor a headset in the room is seen. liblsl reads
# this when it is first used, so it is written before any test module can import it. Its first estimate of the clock
# offset, which every connection waits for, is made of fewer and quicker probes than in life. A stream takes two ports;
# beyond the usual 32 it would not be found on one machine, and the tests have many streams at a time.
LSL_HOME = Path(tempfile.mkdtemp(prefix="nictate-lsl-"))
LSL_CONFIG = LSL_HOME / "lsl_api.cfg"
LSL_CONFIG.write_text(
    f"""\
[multicast]
ResolveScope = machine
[ports]
PortRange = 128
[lab]
SessionID = {uuid.uuid4()}
[tuning]
MulticastMinRTT = 0.02
ContinuousResolveInterval = 0.1
TimeProbeCount = 6
TimeProbeInterval = 0.01
TimeProbeMaxRTT = 0.05
[log]
level = -3
""",
    encoding="utf-8",
)
os.environ["LSLAPICFG"] = str(LSL_CONFIG)
atexit.register(shutil.rmtree, LSL_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of real recordings; skips the test where there is none."""
    named = os.environ.get("NICTATE_RECORDINGS")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not (folder / "recordings.tsv").is_file():
        pytest.skip(f"no recordings in {folder}: NICTATE_RECORDINGS names the folder with recordings.tsv")
    return folder
