"""``GET /api/config/status``: which configuration is in force, and what came of the last attempt at one.

Always true: what is running and what was tried last are two facts, shown side by side; diagnostics are rendered as
``omniroute check --format json`` does, so a secret in them is masked.
"""

from typing import Any

import msgspec

from omniroute import __version__
from omniroute.config.render import RenderContext, render
from omniroute.engine.reload import Reloader


def config_status(reloader: Reloader) -> dict[str, Any]:
    """Describe the state of the configuration, ready to be written as JSON; instants are Unix microseconds."""
    status = reloader.status()
    report = render(status.last_attempt.diagnostics, "json", RenderContext(__version__))
    shown: dict[str, Any] = {
        field: msgspec.to_builtins(getattr(status, field))
        for field in status.__struct_fields__
        if field != "last_attempt"
    }
    attempt = {
        field: msgspec.to_builtins(getattr(status.last_attempt, field))
        for field in status.last_attempt.__struct_fields__
        if field != "diagnostics"
    }
    return {**shown, "last_attempt": {**attempt, "diagnostics": msgspec.json.decode(report)["diagnostics"]}}
