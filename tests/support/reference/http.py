"""``docs/reference/http.md``: every path, from the tables that serve them."""

from omniroute.gateway.routes import DEDICATED, DEDICATED_PREFIX, INFERENCE, OPERATIONS, PAGES, Page
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
    ("Retry-After", "429 from upstream", "Seconds until the first of the upstreams wants to be asked again."),
)


def http_page() -> str:
    """Make the page."""
    dedicated = [(code(f"{DEDICATED_PREFIX}{{provider}}/{rest}"), each) for rest, each in DEDICATED.items()]
    inference = [(code(path), each) for path, each in INFERENCE.items()]
    return "\n".join(
        [
            "# HTTP\n",
            paragraph(
                "The gateway answers on `server.host` and `server.port`. Nothing over HTTP changes the configuration: "
                "outside inference, everything answers GET and HEAD only."
            ),
            "## Inference\n",
            fenced(REQUEST, "console"),
            table(("POST", "wire format"), ((path, code(each)) for path, each in (*inference, *dedicated))),
            paragraph(
                "`model` is a combo, an alias, or `provider/model` ([the configuration](config.md)). On the path of a "
                "provider the prefix is added where it is missing, and another provider's model is refused. Whole "
                "answers and streams are the provider's own bytes, in the wire format of the path."
            ),
            "## Pages\n",
            table(("GET", "who may see it", "what it shows"), (_page(each) for each in PAGES)),
            *_operations(),
            "## Client keys\n",
            paragraph(
                "Where a key is required (`server.require_api_key`), it is sent in one of these headers; the first one "
                "that is there counts. A key has scopes: `inference`, which is what a new key has, `status` and "
                "`operate`."
            ),
            table(("header", ""), ((code(header), meaning) for header, meaning in KEYS)),
            "## Response headers\n",
            table(("header", "on", "meaning"), ((code(name), where, meaning) for name, where, meaning in HEADERS)),
            paragraph("Errors and their codes are on [a page of their own](errors.md)."),
        ]
    )


def _page(page: Page) -> tuple[str, str, str]:
    who = "anybody" if page.scope is None else f"keys with the scope `{page.scope}`"
    return code(page.path.replace(":path", "")), who, page.summary


def _operations() -> list[str]:
    if not OPERATIONS:
        return []
    rows = (_page(each) for each in OPERATIONS)
    return ["## Operations\n", table(("POST", "who may do it", "what it does"), rows)]
