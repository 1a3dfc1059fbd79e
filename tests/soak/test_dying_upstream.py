"""A thousand requests at once against three upstreams, of which one dies and comes back."""

from tests.support.dying import judge, tell

CLIENTS, REQUESTS = 1_000, 3_000


async def test_of_1000_concurrent_requests_none_is_lost_when_an_upstream_dies() -> None:
    story = await tell(CLIENTS, REQUESTS, cooldown=1.0)
    print(story.table())
    judge(story, CLIENTS)
