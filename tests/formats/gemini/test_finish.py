"""Why an answer ended."""

import pytest

from omniroute.formats.gemini.finish import finish_losses, read_finish, write_finish
from omniroute.ir.response import Finish


@pytest.mark.parametrize(
    ("reason", "calls", "expected"),
    [
        ("STOP", False, Finish.STOP),
        ("STOP", True, Finish.TOOLS),
        ("MAX_TOKENS", True, Finish.LENGTH),
        ("SAFETY", False, Finish.REFUSED),
        ("MALFORMED_FUNCTION_CALL", False, Finish.OTHER),
        (1, True, Finish.TOOLS),
        (2, False, Finish.LENGTH),
        (9, False, Finish.OTHER),
        ([], False, Finish.OTHER),
    ],
)
def test_a_finish_reason_is_read(reason: object, calls: bool, expected: Finish) -> None:
    assert read_finish(reason, calls=calls) is expected


def test_every_finish_is_written_and_read_as_itself_but_for_a_pause() -> None:
    for finish in Finish:
        found = read_finish(write_finish(finish), calls=finish is Finish.TOOLS)
        assert (found is finish) is not bool(finish_losses(finish))
    assert finish_losses(None) == []
