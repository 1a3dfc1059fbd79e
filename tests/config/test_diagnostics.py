import pytest

from omniroute.config.diagnostics import Diagnostic, has_errors
from omniroute.names import Severity


@pytest.mark.parametrize(
    ("found", "stops"),
    [
        ([], False),
        ([Severity.HINT, Severity.WARNING], False),
        ([Severity.WARNING, Severity.ERROR], True),
    ],
)
def test_only_an_error_stops_a_configuration_from_being_used(found: list[Severity], *, stops: bool) -> None:
    assert has_errors(tuple(Diagnostic("OR0000", each, "x") for each in found)) is stops
