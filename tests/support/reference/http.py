"""``docs/reference/http.md``: every path, from the tables that serve them."""

from collections.abc import Iterable

from omniroute.gateway.routes import (
    ACTIONS,
    DEDICATED,
    DEDICATED_PREFIX,
    INFERENCE,
    MODELS_PREFIXES,
    OPERATIONS,
    PAGES,
    READS,
    TAUGHT,
    TOLERATED,
    Page,
    Spot,
)
from tests.support.reference.markdown import code, fenced, paragraph, table

REQUEST = """\
curl http://127.0.0.1:20128/v1/chat/completions \\
  -H 'Authorization: Bearer sk-omni-…' -H 'Content-Type: application/json' \\
  -d '{"model": "coding", "messages": [{"role": "user", "content": "Hello!"}]}'
"""

KEYS: tuple[tuple[str, str], ...] = (
    ("Authorization: Bearer KEY", "as OpenAI's clients send it"),
    ("x-api-key: KEY", "as Anthropic's clients send it"),
    ("x-goog-api-key: KEY", "as Google's clients send it"),
)

HEADERS: tuple[tuple[str, str, str], ...] = (
    ("X-Request-Id", "every response", "The request's own id, which errors, the log and usage rows name."),
    (
        "X-OmniRoute-Config",
        "every response",
        "Generation and hash of the configuration that the request was served with: `42-9f3ac1d27e04`.",
    ),
    ("X-OmniRoute-Target", "answers", "The target that answered: `openai/gpt-5`."),
    ("X-OmniRoute-Attempts", "answers, and errors after an attempt", "How many attempts were made."),
    (
        "X-OmniRoute-Loss",
        "answers",
        "What could not be said in the target's format or the client's: `top_k dropped`. See [fidelity](fidelity.md).",
    ),
    (
        "X-OmniRoute-Deprecated",
        "answers",
        "The model that was asked for is gone, and this one answered: `acme/large-1 -> acme/large-2`.",
    ),
    ("X-OmniRoute-Session-Id", "answers", "The conversation, as the request named it in its headers or its body."),
    (
        "X-OmniRoute-Count",
        "counts of tokens",
        "`provider`: the provider's own counter; `estimate`: nobody could count.",
    ),
    ("X-OmniRoute-Progress", "streams", "`enabled` where the client asked for progress."),
    (
        "X-OmniRoute-Idempotent",
        "answers",
        "`true` where another request under the same idempotency key was answered, and this is that answer.",
    ),
    (
        "X-OmniRoute-Cache",
        "answers",
        "`HIT`: this answer was given before. `MISS`: it was not there, and is kept if it is a good one. One from the "
        "semantic cache has `X-OmniRoute-Cache-Similarity`, the cosine of the two questions.",
    ),
    ("Age", "answers from a cache", "How many seconds ago the answer was made."),
    (
        "X-OmniRoute-Budget-Warning",
        "answers",
        "A budget that the request is paid from runs low, or cannot be watched because a price is unknown.",
    ),
    (
        "X-OmniRoute-Downgraded",
        "answers",
        "A budget is spent: this model was asked in place of the one that was named.",
    ),
    (
        "X-RateLimit-…",
        "requests of keys with a rate",
        "How the key's limits stand: `-Limit-`, `-Remaining-` and `-Reset-`, each of `Requests` and `Tokens`. Clients "
        "of `anthropic-messages` get `anthropic-ratelimit-requests-limit` and its like.",
    ),
    (
        "Retry-After",
        "429",
        "Seconds until it is worth asking again: an upstream, the key's rate, or its budget has room then.",
    ),
)


ASKED: tuple[tuple[str, str, str], ...] = (
    (
        "X-Session-Id",
        "inference",
        "The conversation that a request belongs to: it stays with the target and the credential that answered it "
        "last, as long as they can serve it. Also, the first of them that is there: `x_session_id`, "
        "`X-OmniRoute-Session`, `Session-Id`, `session_id` (proxies may drop those with underscores); else, in the "
        "body, `prompt_cache_key`, `conversation`, or the session in `metadata.user_id`. Two keys never share one.",
    ),
    (
        "X-OmniRoute-Tags",
        "inference",
        "Words of the client's own for what a request belongs to, between commas: at most ten, each of 64 letters, "
        "digits and `._:/-`. Others are left out.",
    ),
    (
        "Idempotency-Key",
        "inference",
        "Requests of one caller with the same key and the same body are answered once; another body is refused with "
        "409. Without it, `X-Request-Id` is taken for one, and another body is another request. "
        "See [idempotency](../explanation/caching.md#idempotency).",
    ),
    (
        "X-OmniRoute-No-Cache: true, Cache-Control: no-cache, no-store",
        "inference",
        "No cache answers this request, and its answer is not kept.",
    ),
    (
        "X-OmniRoute-Progress: true",
        "streams of server-sent events",
        "Every two seconds, and at the end, an event `progress` of ours stands between those of the answer: "
        "`characters` sent so far, `elapsed_ms`, `done`, and in the last one `output_tokens` as the provider reported "
        "them. Clients that do not know it may stumble over it, so it is only sent to those that ask.",
    ),
    (
        "anthropic-version, anthropic-beta",
        "`/v1/messages`",
        "Passed on to providers of that format.",
    ),
    (
        "OpenAI-Organization, OpenAI-Project, OpenAI-Beta",
        "OpenAI's paths",
        "Passed on to providers of that format, unless the provider's own `headers` set them.",
    ),
)


def http_page() -> str:
    """Make the page."""
    dedicated = [(code(f"{DEDICATED_PREFIX}{{provider}}/{rest}"), each) for rest, each in DEDICATED.items()]
    inference = [(code(path), _spoken(each)) for path, each in INFERENCE.items()]
    models = [(code(f"{MODELS_PREFIXES[0]}{{model}}:{verb}"), _spoken(spot)) for verb, (spot, _) in ACTIONS.items()]
    tolerated = [(code(path), code(meant)) for path, meant in TOLERATED.items()]
    return "\n".join(
        [
            "# HTTP\n",
            paragraph(
                "The gateway answers on `server.host` and `server.port`. Nothing over HTTP changes the configuration: "
                "outside inference, everything answers GET and HEAD only, but for a question that is asked by POST and "
                "for the operations on runtime data."
            ),
            "## Inference\n",
            fenced(REQUEST, "console"),
            table(("POST", "wire format"), (*inference, *models, *((path, code(each)) for path, each in dedicated))),
            paragraph(
                "`model` is a combo, an alias, or `provider/model` ([the configuration](config.md)). On the path of a "
                "provider the prefix is added where it is missing, and another provider's model is refused. Where the "
                "target speaks the wire format of the path, whole answers and streams are the provider's own bytes; "
                "where it does not, request and answer are translated ([what that costs](fidelity.md))."
            ),
            paragraph(
                "Without `stream` an answer is whole, but for Ollama's format, whose documented default is to stream. "
                "`:streamGenerateContent` answers in server-sent events with `?alt=sse`, as one JSON array without; "
                "Google's paths are known under `/v1/models/`, too."
            ),
            paragraph("Clients whose base URL has the prefix twice, or not at all, are understood:"),
            table(("POST", "means"), tolerated),
            "## Request headers\n",
            table(("header", "on", "meaning"), ((code(name), where, meaning) for name, where, meaning in ASKED)),
            "## Pages\n",
            table(("GET", "who may see it", "what it shows"), (_page(each) for each in PAGES)),
            table(("POST that only reads", "who may see it", "what it shows"), (_page(each) for each in READS)),
            paragraph("These are understood too:"),
            table(("GET or POST", "means"), _also((*PAGES, *READS))),
            *_operations(),
            "## Client keys\n",
            paragraph(
                "Where a key is required (`server.require_api_key`), it is sent in one of these headers; the first one "
                "that is there counts. A key has scopes: `inference`, which is what a new key has, `status` and "
                "`operate`. On paths that begin with `/v1beta/` it may also be the query's `key`, as Gemini has it; a "
                "header is better, because proxies write URLs into their logs."
            ),
            table(("header", ""), ((code(header), meaning) for header, meaning in KEYS)),
            "## Response headers\n",
            table(("header", "on", "meaning"), ((code(name), where, meaning) for name, where, meaning in HEADERS)),
            paragraph("Errors and their codes are on [a page of their own](errors.md)."),
        ]
    )


def _spoken(spot: Spot) -> str:
    return f"{code(spot.format)}, a count of tokens" if spot.counts else code(spot.format)


def _also(pages: Iterable[Page]) -> list[tuple[str, str]]:
    """Give each other path of a page with the one that is meant."""
    return [(_path(other), _path(page.path)) for page in pages for other in page.also]


def _path(path: str) -> str:
    return code(path.replace(":path", ""))


def _page(page: Page) -> tuple[str, str, str]:
    who = "anybody" if page.scope is None else f"keys with the scope `{page.scope}`"
    return _path(page.path), who, page.summary


def _operations() -> list[str]:
    rows = (
        (", ".join(each.methods), _path(each.path), f"keys with the scope `{each.scope}`", each.summary)
        for each in OPERATIONS
    )
    lessons = ((_path(each.path), each.what) for each in TAUGHT)
    return [
        "## Operations\n",
        paragraph(
            "They act on runtime data only, always need a key, and each is a row of the audit log (`omniroute audit`). "
            "Of several workers the one that answers acts, on what it knows."
        ),
        table(("method", "path", "who may do it", "what it does"), rows),
        paragraph(
            "Clients that want to change the configuration at one of these paths, or below, get 405, and the TOML to "
            "write in its place:"
        ),
        table(("path", "what it would change"), lessons),
    ]
