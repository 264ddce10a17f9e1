from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pylsl

from nictate.edges.lsl import now


def test_now_is_the_clock_that_streams_are_stamped_by() -> None:
    before = pylsl.local_clock()
    assert before <= now() <= pylsl.local_clock()


def test_liblsl_is_silenced_only_where_the_user_has_no_configuration(tmp_path: Path) -> None:
    """In a process of its own, because liblsl is configured once. Any module of the package will do."""
    program = (
        "from nictate.edges.lsl.outlets import pylsl; from nictate.edges.lsl.liblsl import quieten\n"
        "outlet = pylsl.StreamOutlet(pylsl.StreamInfo('a', 'EEG', source_id='b'))\n"
        "print(quieten(), outlet.get_info().session_id())\n"
    )

    inherited = {name: value for name, value in os.environ.items() if name != "LSLAPICFG"}

    def session(environment: dict[str, str]) -> tuple[str, str]:
        child = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env={**inherited, "HOME": str(tmp_path), **environment},
        )
        return child.stdout.strip(), child.stderr.strip()

    assert session({}) == ("True default", "")
    (tmp_path / "own.cfg").write_text("[lab]\nSessionID = ours\n[log]\nlevel = -3\n")
    assert session({"LSLAPICFG": str(tmp_path / "own.cfg")}) == ("False ours", "")
    (tmp_path / "lsl_api.cfg").write_text("[lab]\nSessionID = here\n[log]\nlevel = -3\n")
    assert session({}) == ("False here", "")
