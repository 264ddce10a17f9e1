"""What is wrong with a file, in one line that names it, whatever is in the file and in its name."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nictate.signals import ConfigError, StreamError

HEADER_OF = {".eeg": ".vhdr", ".vmrk": ".vhdr", ".fdt": ".set"}
"""The file to name instead of one that holds only a part of a recording."""

FOLDER_SUFFIXES = (".mff", ".ds", ".mefd")
"""Formats that are folders."""


@contextmanager
def door(path: Path) -> Iterator[None]:
    """Puts the file's name before each complaint; whatever else a parser throws becomes a `StreamError`.

    Raises `StreamError` at once when there is nothing to read: no file, an empty one, a part of a recording.
    """
    try:
        _check_there(path)
        yield
    except (ConfigError, StreamError) as error:
        raise type(error)(f"{shown(path.name)}: {error}") from error
    # Third-party parsers fed with a broken file raise anything: struct.error, AssertionError, AttributeError,
    # UnicodeDecodeError, zlib.error, RecursionError ... A list of them would be wrong with the next release.
    except Exception as error:
        raise StreamError(f"{shown(path.name)}: cannot be read: {reason(error)}") from error


def _check_there(path: Path) -> None:
    if not path.exists():
        raise StreamError(f"no such file in {shown(str(path.absolute().parent), 200)}")
    if path.is_dir():
        if path.suffix.lower() not in FOLDER_SUFFIXES:
            raise StreamError("is a folder, not a recording")
    elif path.stat().st_size == 0:
        raise StreamError("is empty")
    header = path.with_suffix(HEADER_OF.get(path.suffix.lower(), path.suffix))
    if header != path and header.exists():
        raise StreamError(f"is a part of a recording; open {shown(header.name)} instead")


def reason(error: BaseException) -> str:
    """The words of a third party's exception, or its type where it has none."""
    return _one_line(str(error)) or type(error).__name__


def shown(text: str, limit: int = 80) -> str:
    """Text of a stranger, fit for one line of a terminal: printable, at most `limit` characters."""
    clean = "".join(c if c.isprintable() else "?" for c in text)
    return clean if len(clean) <= limit else clean[: limit - 3] + "..."


def listed(names: Iterable[str], most: int = 12) -> str:
    """Names of strangers, separated by commas; of more than `most`, how many more there are."""
    texts = [shown(name, 40) for name in names]
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


@contextmanager
def overheard(notes: list[str]) -> Iterator[None]:
    """Collects in `notes` what a library warns of meanwhile, so that nothing is printed.

    Warnings belong to the process: another thread's are collected as well.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            note(notes, (str(warning.message) for warning in caught))


def note(notes: list[str], texts: Iterable[str]) -> None:
    """Adds to `notes` what a library has said, each text once and in one line."""
    lines = [_one_line(text) for text in texts]
    notes.extend(dict.fromkeys(line for line in lines if line not in notes))


def _one_line(text: str) -> str:
    return shown(" ".join(text.split()), 300)
