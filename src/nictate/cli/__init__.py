"""The commands. Each reads its options, calls the service, and prints.

The operator's mistakes end with one line and exit code 2, failures with one line and exit code 1.
"""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from nictate.cli import cleaning, evaluation, exercises, files, label, live, log, run
from nictate.cli.shell import app, say
from nictate.service import one_core
from nictate.signals import ConfigError, StreamError

_UsageError: type[typer.BadParameter] = typer.BadParameter.__mro__[1]
"""What Typer raises for arguments that it does not understand; public only by its children."""

__all__ = ["app", "cleaning", "evaluation", "exercises", "files", "label", "live", "log", "main", "run"]


def main() -> NoReturn:
    """The entry point: errors of ours become one line and an exit code."""
    one_core()
    try:
        code = app(standalone_mode=False)
    except _UsageError as error:
        say(error.format_message())
        sys.exit(2)
    except ConfigError as error:
        say(str(error))
        sys.exit(2)
    except (StreamError, OSError) as error:
        say(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(code or 0)
