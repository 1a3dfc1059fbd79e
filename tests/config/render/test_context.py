import msgspec
import pytest

from omniroute.config.render.context import RenderContext


def test_a_context_is_the_same_for_every_style_that_reads_it() -> None:
    context = RenderContext(version="1")
    with pytest.raises(AttributeError):
        context.files = 2  # type: ignore[misc] # the point of the test
    with pytest.raises(TypeError):
        context.counts["providers"] = 1  # type: ignore[index] # the point of the test
    assert msgspec.structs.replace(context, files=2).files == 2
