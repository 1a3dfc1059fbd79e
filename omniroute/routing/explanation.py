"""What an explanation holds: values that ``routing.explain`` finds, and ``routing.wording`` puts into words.

Always true: as JSON, it is what ``schemas/explanation.schema.json`` says.
"""

import msgspec

from omniroute.config.origins import Hop, Origin
from omniroute.ir.loss import Loss
from omniroute.names import Capability, Strategy
from omniroute.routing.ruling import Ruling


class Listed(msgspec.Struct, frozen=True):
    """What a combo lists: a target or another combo, its weight, and the aliases by which it is listed."""

    name: str
    weight: int
    way: tuple[Hop, ...]
    origin: Origin | None


class Arrival(msgspec.Struct, frozen=True):
    """What the last name is.

    ``kind`` is ``combo``, ``model`` (``provider/model``), ``prefix`` where the provider is called by another of its
    names, ``bare`` where one provider alone lists the model, or ``gone`` where another model is in its place.
    """

    name: str
    kind: str
    to: str
    origin: Origin | None


class Shape(msgspec.Struct, frozen=True):
    """A key of the combo, or of the caller's policy, by which requests are changed before they are sent."""

    key: str
    origin: Origin | None


class Choice(msgspec.Struct, frozen=True):
    """A combo, how it chooses (``rule`` says it in a line), and whether that hangs on chance or on experience.

    ``steps`` are what it chooses from, in the order written.
    """

    combo: str
    strategy: Strategy
    rule: str
    by_chance: bool
    by_experience: bool
    steps: tuple[Listed, ...]
    origin: Origin | None


class Tried(msgspec.Struct, frozen=True):
    """A candidate: where its target is listed, and where its credential is; ``own`` says that nothing is translated.

    ``full`` says that its target has no room for one more request, and so comes behind those that have.
    """

    target: str
    credential: str
    format: str
    own: bool
    losses: tuple[Loss, ...]
    origin: Origin | None
    credential_origin: Origin | None
    full: bool = False


class LeftOut(msgspec.Struct, frozen=True):
    """A target that is not asked; ``code`` is stable."""

    target: str
    code: str
    reason: str
    origin: Origin | None


class Unusable(msgspec.Struct, frozen=True):
    """A credential without a secret."""

    provider: str
    credential: str
    reason: str
    origin: Origin | None


class Limit(msgspec.Struct, frozen=True):
    """A limit in force, of these targets, or of the whole request where there are none; times in seconds."""

    name: str
    value: float
    seconds: bool
    origin: Origin | None
    targets: tuple[str, ...] = ()


class Question(msgspec.Struct, frozen=True):
    """What was asked."""

    asked: str
    format: str
    stream: bool
    needs: tuple[Capability, ...]
    input_tokens: int | None
    session: str | None
    seed: int
    key: str | None = None


class Explanation(msgspec.Struct, frozen=True):
    """A decision and its reasons; ``problem`` says why nobody serves the request, where that is so.

    ``status`` is what the client is answered then, and ``decided`` the key of the configuration that says so, if one
    does. ``ruling`` is the policy that holds for who asks, if any does. ``way`` are the aliases that were followed,
    ``arrivals`` what the last name is in the end; where that stands for nothing, there are none.
    """

    question: Question
    config: str
    way: tuple[Hop, ...] = ()
    arrivals: tuple[Arrival, ...] = ()
    shapes: tuple[Shape, ...] = ()
    combos: tuple[Choice, ...] = ()
    candidates: tuple[Tried, ...] = ()
    rejected: tuple[LeftOut, ...] = ()
    unusable: tuple[Unusable, ...] = ()
    limits: tuple[Limit, ...] = ()
    problem: str | None = None
    ruling: Ruling | None = None
    status: int | None = None
    decided: Origin | None = None
