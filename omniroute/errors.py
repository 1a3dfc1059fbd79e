"""Every error that crosses a border, drawn as a tree.

OmniRouteError                  never raised itself
├── ConfigError                 the configuration cannot be used; carries every diagnostic
├── RequestError                the client's fault
│   ├── Malformed               400  not JSON, or not this format
│   ├── TooLarge                413  longer than server.max_body
│   ├── WrongProvider           400  the model is another provider's than the path's
│   ├── Conflict                409  this idempotency key came with another body
│   ├── AmbiguousModel          400  several providers have a model of this name; says which
│   └── UnknownModel            404  no such name; carries what was probably meant
├── Refused                     our decision
│   ├── Unauthenticated         401  no key, or not one of ours
│   ├── Forbidden               403  the key may not do this
│   ├── RateLimited             429  more than the key, its policy or a provider may take now; says when
│   ├── OverBudget              429  a budget is spent; says which, and when it begins anew
│   ├── Unfit                   422  no target can serve this request
│   └── Draining                503  the gateway is stopping
├── AllFailed                   every target failed; carries each failure (in routing.failure, where failures are known)
├── StorageError                500  the database cannot be used
└── Bug                         500  should not happen

Always true: a message names what, where and what to do, and holds no secret; ``code`` is stable and public;
constructors only hold. Inside the gateway an upstream's trouble is a value (``routing.failure``), not an exception.
"""

from collections.abc import Sequence


class OmniRouteError(Exception):
    """The root: an HTTP status, a stable code, and words for a person."""

    status: int = 500
    code: str = "internal_error"

    def __init__(self, message: str) -> None:
        """Hold the words."""
        super().__init__(message)
        self.message = message


class ConfigError(OmniRouteError):
    """The configuration cannot be used; ``diagnostics`` says why, all of it."""

    code = "invalid_configuration"

    def __init__(self, message: str, diagnostics: Sequence[object] = ()) -> None:
        """Hold the words and the findings."""
        super().__init__(message)
        self.diagnostics = tuple(diagnostics)


class RequestError(OmniRouteError):
    """The request is at fault."""

    status = 400
    code = "invalid_request"


class Malformed(RequestError):
    """The body is not what its format says; ``param`` is the field at fault, where there is one."""

    def __init__(self, message: str, param: str | None = None) -> None:
        """Hold the words and the field."""
        super().__init__(message)
        self.param = param


class TooLarge(RequestError):
    """The body is longer than the gateway takes."""

    status = 413
    code = "request_too_large"


class WrongProvider(RequestError):
    """A dedicated provider route was asked for another provider's model."""

    code = "wrong_provider"


class Conflict(RequestError):
    """An idempotency key came again, with another body."""

    status = 409
    code = "idempotency_conflict"


class AmbiguousModel(RequestError):
    """Several providers have a model of this name, and the request does not say which of them is meant."""

    code = "ambiguous_model"


class UnknownModel(RequestError):
    """No provider, alias or combo has this name."""

    status = 404
    code = "model_not_found"


class Refused(OmniRouteError):
    """The gateway decided against it; ``by`` is the path of the key of the configuration that says so, if one does."""

    status = 403
    code = "refused"

    def __init__(self, message: str, by: tuple[str | int, ...] = ()) -> None:
        """Hold the words and the path."""
        super().__init__(message)
        self.by = by


class Unauthenticated(Refused):
    """There is no client key, or it is not one of ours."""

    status = 401
    code = "invalid_api_key"


class Forbidden(Refused):
    """The key is known, and may not do this."""

    code = "forbidden"


class RateLimited(Refused):
    """More was asked for than may be now; ``retry_after`` is in seconds, None where nobody can say."""

    status = 429
    code = "rate_limited"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        """Hold the words and the wait."""
        super().__init__(message)
        self.retry_after = retry_after


class OverBudget(RateLimited):
    """A budget has no room for this request; ``retry_after`` is until its next period, None where there is none."""

    code = "budget_exceeded"


class Unfit(Refused):
    """No target could carry this request; the message gives each one's reason."""

    status = 422
    code = "no_fitting_target"


class Draining(Refused):
    """The gateway is stopping and takes no new requests."""

    status = 503
    code = "shutting_down"


class StorageError(OmniRouteError):
    """The database cannot be used; seen at start, by commands, and by who asks for runtime data."""

    code = "storage_error"


class Bug(OmniRouteError):
    """Something that should not happen, happened."""
