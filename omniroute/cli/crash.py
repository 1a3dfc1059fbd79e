"""The report of a fault of ours: enough to find it by, and no secret.

Always true: a report names code, and kinds of exceptions; of their words it holds only those that are known to hold
no secret, our own errors' and the operating system's. It holds no variable's value, and of the command line nothing
but the command.
"""

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from omniroute import __version__
from omniroute.errors import OmniRouteError

PACKAGE = Path(__file__).parents[1]


def write_report(error: Exception, command: str) -> Path | None:
    """Write a report into the working directory, or where that cannot be written, into the one for temporary files.

    Returns:
        Where it is; None where nothing can be written.
    """
    now = datetime.now(UTC)
    text = report(error, command, now)
    name = f"omniroute-report-{now:%Y%m%d-%H%M%S}-{os.getpid()}.txt"
    for folder in (Path(), Path(tempfile.gettempdir())):
        try:
            (folder / name).write_text(text, encoding="utf-8")
        except OSError:
            continue
        return folder / name
    return None


def report(error: Exception, command: str, now: datetime) -> str:
    """Give the report's text."""
    return "\n".join(
        [
            "A fault of OmniRoute. This report holds no secret: of exceptions, most words are left out.",
            "",
            f"omniroute   {__version__}",
            f"command     {command}",
            f"time        {now:%Y-%m-%d %H:%M:%S} UTC",
            f"python      {platform.python_version()} ({platform.python_implementation()})",
            f"system      {platform.system()} {platform.release()} {platform.machine()}",
            "",
            *_told(error),
            "",
        ]
    )


def place(error: BaseException) -> str:
    """Name the line of ours that an exception came through last: ``omniroute/config/load.py:88``."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(PACKAGE)]
    last = next(reversed(ours or frames), None)
    return f"{_short(last.filename)}:{last.lineno}" if last is not None else "an unknown place"


def _told(error: BaseException) -> Iterator[str]:
    """Tell an exception, after what led to it and before what it gathers."""
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None:
        yield from _told(earlier)
        yield "then:"
    yield f"{type(error).__module__}.{type(error).__qualname__}{_words(error)}"
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"  {_short(frame.filename)}:{frame.lineno} in {frame.name}"
        yield f"    {frame.line}"
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from (f"  | {line}" for line in _told(each))


def _words(error: BaseException) -> str:
    if isinstance(error, OmniRouteError):
        return f": {error.message}"
    return f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""


def _short(file: str) -> str:
    """Leave out where this machine keeps its packages."""
    folder = next((each for each in (PACKAGE.parent, *map(Path, sys.path)) if Path(file).is_relative_to(each)), None)
    return Path(file).relative_to(folder).as_posix() if folder is not None and folder != Path() else file
