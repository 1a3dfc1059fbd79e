"""From a request's bytes to the decision who may serve it: admitted, read, planned.

Always true: what is refused here is refused before anything is sent.
"""

from typing import cast

import msgspec

from omniroute.engine.admission import Caller, admit
from omniroute.engine.attempt import Wish
from omniroute.engine.equipment import Equipment
from omniroute.engine.record import Record
from omniroute.engine.replays import Wanted
from omniroute.engine.reply import Client
from omniroute.engine.runtime import Runtime
from omniroute.errors import Draining
from omniroute.formats.codec import Asked, Codec, Place
from omniroute.formats.conversation import Conversation, conversation_of
from omniroute.formats.glance import facts_of
from omniroute.formats.translate import Translation
from omniroute.ir.facts import Facts
from omniroute.names import ProviderName, Scope
from omniroute.routing.chance import seed_of
from omniroute.routing.permit import Address
from omniroute.routing.plan import Plan, make_plan


class Inbound(msgspec.Struct, frozen=True):
    """What a request's head says.

    ``presented`` is the client key as it came, ``address`` where it came from, where that matters; ``provider`` and
    ``place`` are what the path says; ``counts`` where tokens are to be counted, and nothing is to be answered.
    ``wants`` is what it says of being repeated.
    """

    request_id: str
    codec: Codec
    presented: bytes | None
    provider: ProviderName | None = None
    place: Place = Place()
    wish: Wish = Wish()
    counts: bool = False
    address: Address | None = None
    wants: Wanted = Wanted()


class Heard(msgspec.Struct, frozen=True):
    """A request that was let in and read: who asks, what, and in which conversation.

    ``plain`` says that ``asked`` was read from the bytes as they came.
    """

    caller: Caller
    body: bytes
    plain: bool
    asked: Asked
    talk: Conversation
    facts: Facts


class Understood(msgspec.Struct, frozen=True):
    """A request that was read, and the plan for it; ``plain`` is as in ``Heard``."""

    plain: bool
    asked: Asked
    wish: Wish
    translation: Translation
    plan: Plan
    equipment: Equipment


async def hear(rt: Runtime, inbound: Inbound, client: Client, record: Record) -> Heard:
    """Admit a client, and read what it asks.

    Raises:
        OmniRouteError: it is refused.
        ClientLeft: the client left before its request was complete.
    """
    if rt.draining:
        raise Draining("the gateway is stopping; send this request again in a moment")
    snapshot, codec = record.live.snapshot, inbound.codec
    caller = admit(snapshot, inbound.presented, Scope.INFERENCE, record.at / 1e6, inbound.address)
    record.key, record.tags = caller.name, inbound.wish.tags
    body = await client.body(snapshot.server.max_body)
    plain = body
    if inbound.counts and codec.counter is not None:
        plain = codec.counter.plain(body, inbound.place.model or "")
    asked = codec.ask(plain, inbound.place)
    talk = conversation_of(asked, caller.name, inbound.wish.session, snapshot.resilience.sticky)
    record.asked, record.stream, record.session = asked.model, asked.stream, talk.named
    facts = facts_of(asked, codec.format, inbound.provider, talk.session, talk.guess)
    record.input_estimate = facts.input_tokens or 0
    return Heard(caller, body, plain is body, asked, talk, facts)


def understand(rt: Runtime, inbound: Inbound, heard: Heard, record: Record) -> Understood:
    """Decide who may answer.

    Raises:
        OmniRouteError: it is refused.
    """
    snapshot = record.live.snapshot
    equipment = cast("Equipment", record.live.secrets)
    translation = Translation(inbound.codec, heard.asked)
    rt.health.heed(snapshot.resilience)
    view = rt.health.view(record.began, equipment.unusable)
    seed = seed_of(record.request_id)
    plan = make_plan(snapshot, heard.facts, view, translation.fit, seed, heard.caller.policy)
    record.replaced = plan.replaced
    return Understood(heard.plain, heard.asked, inbound.wish, translation.under(plan.shaping), plan, equipment)
