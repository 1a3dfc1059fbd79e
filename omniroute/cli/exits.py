"""The exit codes of every command, one place.

Always true: a code keeps its meaning. 2 is what click gives for wrong usage; differences are not 2 on purpose, so
that a mistyped flag never looks like a result.
"""

from enum import IntEnum


class Exit(IntEnum):
    """What a command's exit code means."""

    FINE = 0
    PROBLEMS = 1
    USAGE = 2
    WARNINGS = 3
    BUG = 70
    BAD_CONFIG = 78
    INTERRUPTED = 130


# literal table: what the reference page and scripts are told
MEANINGS = {
    Exit.FINE: "fine, warnings allowed",
    Exit.PROBLEMS: "problems were found, or it could not be done",
    Exit.USAGE: "wrong usage: an unknown option, or a configuration that does not exist",
    Exit.WARNINGS: "`check --deny-warnings` found warnings and no errors",
    Exit.BUG: "a fault of OmniRoute; what is known of it is in a report file",
    Exit.BAD_CONFIG: "`serve` did not start, because of its configuration",
    Exit.INTERRUPTED: "interrupted",
}
