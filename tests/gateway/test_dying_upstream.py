"""An upstream dies under load and comes back, and no client notices; with a thousand clients in ``make soak``."""

from tests.support.dying import judge, tell

CLIENTS, REQUESTS = 60, 300


async def test_an_upstream_that_dies_and_comes_back_loses_nobody_a_request() -> None:
    story = await tell(CLIENTS, REQUESTS, cooldown=0.3)
    print(story.table())
    judge(story, CLIENTS)
