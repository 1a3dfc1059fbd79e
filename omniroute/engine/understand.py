"""From a request's bytes to the decision who may serve it: admitted, read, planned.

Always true: what is refused here is refused before anything is sent.
"""

from typing import cast

import msgspec

from omniroute.engine.admission import admit
from omniroute.engine.attempt import Wish
from omniroute.engine.record import Record
from omniroute.engine.reply import Client
from omniroute.engine.runtime import Equipment, Runtime
from omniroute.errors import Draining
from omniroute.formats.codec import Asked, Codec, Place
from omniroute.formats.glance import facts_of
from omniroute.formats.translate import Translation
from omniroute.names import ProviderName, Scope
from omniroute.routing.chance import seed_of
from omniroute.routing.plan import Plan, make_plan


class Inbound(msgspec.Struct, frozen=True):
    """What a request's head says.

    ``presented`` is the client key as it came; ``provider`` and ``place`` are what the path says; ``counts`` where
    tokens are to be counted, and nothing is to be answered.
    """

    request_id: str
    codec: Codec
    presented: bytes | None
    provider: ProviderName | None = None
    place: Place = Place()
    wish: Wish = Wish()
    counts: bool = False


class Understood(msgspec.Struct, frozen=True):
    """A request that was read, and the plan for it.

    ``plain`` says that ``asked`` was read from the bytes as they came.
    """

    plain: bool
    asked: Asked
    wish: Wish
    translation: Translation
    plan: Plan
    equipment: Equipment


async def understand(rt: Runtime, inbound: Inbound, client: Client, record: Record) -> Understood:
    """Admit a client, read what it asks, and decide who may answer.

    Raises:
        OmniRouteError: it is refused.
        ClientLeft: the client left before its request was complete.
    """
    if rt.draining:
        raise Draining("the gateway is stopping; send this request again in a moment")
    snapshot, codec = record.live.snapshot, inbound.codec
    key = admit(snapshot, inbound.presented, Scope.INFERENCE, record.at / 1e6)
    record.key = key.name if key else ""
    body = await client.body(snapshot.server.max_body)
    plain = body
    if inbound.counts and codec.counter is not None:
        plain = codec.counter.plain(body, inbound.place.model or "")
    asked = codec.ask(plain, inbound.place)
    record.asked, record.stream, record.session = asked.model, asked.stream, inbound.wish.session
    facts = facts_of(asked, codec.format, inbound.provider, inbound.wish.session)
    equipment = cast("Equipment", record.live.secrets)
    translation = Translation(codec, asked)
    rt.health.heed(snapshot.resilience)
    view = rt.health.view(record.began, equipment.unusable)
    plan = make_plan(snapshot, facts, view, translation.fit, seed_of(record.request_id))
    record.replaced = plan.replaced
    return Understood(plain is body, asked, inbound.wish, translation.under(plan.shaping), plan, equipment)
