"""Longer runs, for ``make soak``: they are collected only where somebody names this directory."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave everything here out, unless an argument of the command line leads into this directory."""
    named = (Path(str(each).partition("::")[0]).absolute() for each in config.args)
    return None if any(path.is_relative_to(HERE) for path in named) else collection_path.is_relative_to(HERE)
