"""Every diagnostic code there is: what it means, how bad it is, and what to do.

Always true: a code is never used for something else, not even after its rule is gone; a name is unique; the example
called right is valid TOML, and, beside a provider named ``acme`` if it has none, a configuration that loads. This is
a literal table: a new rule is a new row. ``docs/reference/rules.md`` and ``omniroute rule`` show what stands here.
"""

from collections.abc import Mapping
from itertools import groupby
from types import MappingProxyType

import msgspec

from omniroute.names import Severity


class Rule(msgspec.Struct, frozen=True):
    """One kind of finding.

    ``name`` is kebab-case; ``severity`` is the usual one; ``meaning`` is one line, ``explanation`` a paragraph on why
    it matters and what to do; ``wrong`` and ``right`` are examples in TOML, in which a comment names the file where
    there are several.
    """

    code: str
    name: str
    severity: Severity
    meaning: str
    explanation: str
    wrong: str
    right: str


FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "OR1": "Syntax",
        "OR2": "Schema",
        "OR3": "References",
        "OR4": "Security",
        "OR5": "Lint",
        "OR8": "Guard rails",
        "OR9": "Environment",
    }
)
"""What the codes that begin alike are about."""

_ERROR, _WARNING, _HINT = Severity.ERROR, Severity.WARNING, Severity.HINT

# literal table: one row a rule
_ROWS = (
    Rule(
        "OR1001",
        "syntax-error",
        _ERROR,
        "The file is not TOML.",
        "Nothing in a file can be read once its syntax is broken, so this is the only finding reported for the file; "
        "others may appear when it is mended. Look at the marked place and just before it: a quote or bracket that "
        "is never closed, a text without quotes, or a key without a value are the usual causes.",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
    ),
    Rule(
        "OR1002",
        "duplicate-key",
        _ERROR,
        "A key or table is defined twice in one file.",
        "TOML allows each key and each table once. Which of the two was meant cannot be known, so neither is taken. "
        "Put the contents of both together, or rename one.",
        """\
[aliases]
fast = "acme/small"
fast = "acme/tiny"
""",
        """\
[aliases]
fast = "acme/small"
faster = "acme/tiny"
""",
    ),
    Rule(
        "OR1003",
        "not-utf8",
        _ERROR,
        "The file is not UTF-8 text.",
        "TOML files are UTF-8. Editors on some systems save in another encoding, which shows as soon as a letter "
        "with an accent is written, or as UTF-16, which shows at once. Save the file again as UTF-8, without a byte "
        "order mark.",
        """\
# for the office in K\N{REPLACEMENT CHARACTER}ln (saved as Latin-1, where ö is one byte)
[aliases]
menu = "acme/small"
""",
        """\
# for the office in Köln
[aliases]
menu = "acme/small"
""",
    ),
    Rule(
        "OR1004",
        "duplicate-across-files",
        _ERROR,
        "The same key or entity is written in two files.",
        "All files of a configuration directory are one document, and the order of their names must not decide "
        "who wins. Keep the entity in one of the files.",
        """\
# combos.toml
[combos.coding]
targets = ["acme/large"]

# teams.toml
[combos.coding]
targets = ["acme/small"]
""",
        """\
# combos.toml
[combos.coding]
targets = ["acme/large", "acme/small"]
""",
    ),
    Rule(
        "OR2001",
        "wrong-type",
        _ERROR,
        "A value has another type than its key takes.",
        "Nothing is converted in silence: a number in quotes is not a number, and durations, sizes and money are "
        "texts with their unit. Write the value in the type that the message names.",
        """\
[server]
port = "20128"
""",
        """\
[server]
port = 20128
""",
    ),
    Rule(
        "OR2002",
        "missing-key",
        _ERROR,
        "A table lacks a key that it must have.",
        "The key has no default, because no value of it would be right for everybody. Add it. If a key with a similar "
        "name stands in the same table, it was probably meant, and both findings are reported as one.",
        """\
[combos.coding]
strategy = "priority"
""",
        """\
[combos.coding]
strategy = "priority"
targets = ["acme/large"]
""",
    ),
    Rule(
        "OR2003",
        "unknown-key",
        _ERROR,
        "A table has a key that the language does not know.",
        "A misspelt key that is passed over in silence is a setting that does not act, so unknown keys are refused at "
        "every level. Correct the name, or remove the key; the message names the nearest known one.",
        """\
[providers.acme]
base_ulr = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
    ),
    Rule(
        "OR2004",
        "bad-value",
        _ERROR,
        "A value is of the right type, but not one that its key takes.",
        "The value is not in the list of allowed ones, is out of range, or does not have the form that is asked for, "
        "such as a duration without its unit. The message says what is allowed.",
        """\
[reload]
poll = "15"
""",
        """\
[reload]
poll = "15s"
""",
    ),
    Rule(
        "OR2005",
        "bad-name",
        _ERROR,
        "The name of a table breaks the rule for names.",
        "Names of tables appear in model names, paths, metrics and logs, so they are lower-case letters, digits, dots, "
        "underscores and hyphens, beginning with a letter or a digit. A slash would make it impossible to tell a "
        "provider from a model. Rename the table, and what refers to it.",
        """\
[providers.Acme_EU]
base_url = "https://eu.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
        """\
[providers.acme-eu]
base_url = "https://eu.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
    ),
    Rule(
        "OR2006",
        "not-supported-yet",
        _ERROR,
        "A table or key of the language that this version does not act on.",
        "The schema describes the whole language, so that files can be written against it, but this version would "
        "ignore what is marked. A limit or a policy that is written and does not act is worse than none, so it is "
        "refused. Remove it, or install a version that supports it.",
        """\
[server]
proxy = "socks5://127.0.0.1:1080"
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
    ),
    Rule(
        "OR2007",
        "no-alternative-fits",
        _ERROR,
        "A value may have one of several shapes, and has none of them.",
        "Some keys take either a word or a table, or one of several tables that are told apart by their keys. The "
        "message lists the shapes; where the value is near to one of them, it says what that one lacks.",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
auth = { cookie = "session" }
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
auth = { header = "x-acme-key" }
""",
    ),
    Rule(
        "OR2999",
        "internal-mismatch",
        _ERROR,
        "The schema accepted the configuration, and the gateway could not read it: a fault of the gateway.",
        "The schema and the gateway's own model of the language are made from the same definitions and should never "
        "disagree. Please report this, with the lines that the message shows. Until it is mended, write the value in "
        "another way that the schema allows.",
        "# Whatever is written here, this finding is not the fault of the one who wrote it.\n",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
    ),
    Rule(
        "OR3001",
        "unknown-provider",
        _ERROR,
        "A target names a provider that does not exist.",
        "A target is `provider/model`, parted at the first slash, and the provider must be a table of the "
        "configuration. Requests for such a target could only fail. Correct the name, or add the provider.",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[combos.coding]
targets = ["amce/large"]
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[combos.coding]
targets = ["acme/large"]
""",
    ),
    Rule(
        "OR3002",
        "unknown-target",
        _ERROR,
        "An alias or a combo names something that does not exist.",
        "A name without a slash is an alias or a combo, and there is none of this name. Correct it, or write a model "
        "as `provider/model`.",
        """\
[aliases]
smart = "codign"

[combos.coding]
targets = ["acme/large"]
""",
        """\
[aliases]
smart = "coding"

[combos.coding]
targets = ["acme/large"]
""",
    ),
    Rule(
        "OR3003",
        "provider-without-address",
        _ERROR,
        "A provider has no base_url, and the catalogue has none for this name.",
        "The address of a provider in the catalogue is filled in from there; any other provider needs its own. Add "
        "base_url, or correct the provider's name if it was meant to be one of the catalogue.",
        """\
[providers.house]
formats = ["openai-chat"]
auth = "none"
""",
        """\
[providers.house]
base_url = "http://10.0.0.7:8000/v1"
formats = ["openai-chat"]
auth = "none"
""",
    ),
    Rule(
        "OR3004",
        "provider-without-credential",
        _ERROR,
        "A provider asks for a key, and has none.",
        "Every request to it would be refused. Refer to its key with api_key, or with [[providers.NAME.credentials]] "
        'for several. If it takes requests without a key, say so with auth = "none".',
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
    ),
    Rule(
        "OR3005",
        "duplicate-credential",
        _ERROR,
        "Two credentials of a provider are the same.",
        "Credentials are told apart by their names in logs, usage and cool-downs, and a second entry for one key gives "
        "no second quota: when one is rate-limited, so is the other. Give each its own name and its own key, or "
        "remove one.",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"

[[providers.acme.credentials]]
name = "main"
api_key = "env:ACME_API_KEY"

[[providers.acme.credentials]]
name = "main"
api_key = "env:ACME_SPARE_KEY"
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"

[[providers.acme.credentials]]
name = "main"
api_key = "env:ACME_API_KEY"

[[providers.acme.credentials]]
name = "spare"
api_key = "env:ACME_SPARE_KEY"
""",
    ),
    Rule(
        "OR3006",
        "name-taken",
        _ERROR,
        "An alias and a combo have the same name.",
        "A request for that name could mean either. Rename one of them; an alias that only points to the combo of its "
        "own name can go.",
        """\
[aliases]
coding = "acme/large"

[combos.coding]
targets = ["acme/large", "acme/small"]
""",
        """\
[aliases]
smart = "coding"

[combos.coding]
targets = ["acme/large", "acme/small"]
""",
    ),
    Rule(
        "OR3007",
        "no-format",
        _ERROR,
        "A provider speaks no format that the gateway can use.",
        "This version asks for answers in text, in the formats of chat, and for embeddings where the semantic cache "
        "needs them; images and audio come in later versions. Most providers also have an address for chat: add its "
        "format, or remove the provider until then.",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
formats = ["openai-speech"]
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
formats = ["openai-chat"]
""",
    ),
    Rule(
        "OR3008",
        "no-provider",
        _ERROR,
        "There is no provider at all.",
        "A gateway without a provider can answer nothing, and a configuration without one is more often a file that "
        "was cut or not found than an intention. Add a provider; of one in the catalogue, the key is all it needs.",
        """\
[server]
port = 20128
""",
        """\
[server]
port = 20128

[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
    ),
    Rule(
        "OR3010",
        "reference-loop",
        _ERROR,
        "Aliases or combos refer to each other in a circle.",
        "Following the names never arrives at a model. The message shows each step; make one of them point to "
        "a model, or remove it.",
        """\
[aliases]
smart = "best"
best = "smart"
""",
        """\
[aliases]
smart = "best"
best = "acme/large"
""",
    ),
    Rule(
        "OR3011",
        "unknown-policy",
        _ERROR,
        "A key, or the defaults, name a policy that does not exist.",
        "A key whose policy is not there would be held back by nothing, so this is refused rather than passed "
        "over. Correct the name, or add the policy.",
        """\
[keys.alice]
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
policy = "enginers"

[policies.engineers]
allow_models = ["acme/*"]
""",
        """\
[keys.alice]
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
policy = "engineers"

[policies.engineers]
allow_models = ["acme/*"]
""",
    ),
    Rule(
        "OR3012",
        "unknown-budget",
        _ERROR,
        "A policy names a budget that does not exist.",
        "What is paid from a budget that is not there would be limited by nothing, so this is refused rather than "
        "passed over. Correct the name, or add the budget.",
        """\
[policies.engineers]
budgets = ["team-b"]

[budgets.team-a]
limit = "200.00 USD"
""",
        """\
[defaults]
policy = "engineers"

[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[providers.acme.models.large]
price = { input = "2.00", output = "8.00" }

[policies.engineers]
budgets = ["team-a"]

[budgets.team-a]
limit = "200.00 USD"
""",
    ),
    Rule(
        "OR3013",
        "idle-test",
        _WARNING,
        "A test names something that does not exist, or could never fail.",
        "Such a test says nothing of the configuration: a name that leads nowhere is a mistake of the test, and one "
        "that expects nothing always passes. `omniroute test` counts it as failed. The gateway runs no tests, so this "
        "holds it up in nothing. A test may ask for a model that does not exist where that is what it is about, "
        "and expect the status 404.",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[[tests]]
name = "an answer comes from the large model"
request = { model = "acme/large" }
expect = { server = "amce/large" }
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[[tests]]
name = "an answer comes from the large model"
request = { model = "acme/large" }
expect = { server = "acme/large" }
""",
    ),
    Rule(
        "OR4001",
        "secret-in-clear",
        _ERROR,
        "A secret is written in the file instead of a reference to it.",
        "Configuration is copied, reviewed and kept in version control for ever; a key in it must be taken for known. "
        "Put the key into an environment variable, a file or a keyring, write env:NAME, file:PATH or "
        "keyring:SERVICE/NAME instead, and have the key replaced by its issuer if the file was ever committed. Where a "
        "value only looks like a secret, as a model's name may, a comment with a reason allows the finding. At a "
        "secret's own key, such as api_key, no comment can: only references are read there, a mock's as well.",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "acme-not-a-real-key-0000000000000000"
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
    ),
    Rule(
        "OR4002",
        "duplicate-key-hash",
        _ERROR,
        "Two client keys have the same SHA-256, so they are the same key.",
        "Whoever shows the key could be either, and their usage, scopes and expiry would be decided by chance. Give "
        "each its own key: `omniroute key new NAME` makes one.",
        """\
[keys.alice]
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

[keys.bob]
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
""",
        """\
[keys.alice]
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

[keys.bob]
sha256 = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"
""",
    ),
    Rule(
        "OR4003",
        "keys-not-required",
        _WARNING,
        "The gateway listens beyond this machine and asks for no client key.",
        "Whoever reaches the port can spend the providers' credentials. Make a client key with "
        "`omniroute key new NAME` and require it, or listen on 127.0.0.1. Where something in front of the gateway "
        "checks the callers, allow the finding with a reason.",
        """\
[server]
host = "0.0.0.0"
require_api_key = false
""",
        """\
[server]
host = "0.0.0.0"
require_api_key = true

[keys.alice]
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
""",
    ),
    Rule(
        "OR4004",
        "everyone-is-a-proxy",
        _WARNING,
        "Every address is trusted as a proxy.",
        "The address that X-Forwarded-For gives is believed where it comes from a trusted proxy. If everyone is "
        "one, whoever connects can write any address into it, and pass every rule about addresses. List the "
        "proxies in front of the gateway by their own addresses.",
        """\
[server]
trusted_proxies = ["0.0.0.0/0"]
""",
        """\
[server]
trusted_proxies = ["10.0.0.7", "172.16.0.0/12"]
""",
    ),
    Rule(
        "OR5001",
        "schema-line-missing",
        _HINT,
        "The first line does not name the schema.",
        "With a #:schema line, editors complete keys, explain them and mark mistakes while the file is written. "
        "`omniroute schema` writes the schema of the installed version; point the first line of each file to it.",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
        """\
#:schema ../schemas/omniroute.schema.json
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
    ),
    Rule(
        "OR5002",
        "unused-suppression",
        _WARNING,
        "A comment allows a finding that is not there, that cannot be allowed, or in a form that is not understood.",
        "A comment `# omniroute: allow(CODE) reason` acts on the line that it ends, or on the next line if it stands "
        "alone. It takes warnings and hints, and of errors those of the OR4 family, for which a reason must be given; "
        "but not a secret in clear at a secret's own key. One that matches nothing would hide the finding when it "
        "comes back. Remove the comment or correct it.",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"  # omniroute: allow(OR4001) a mock
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
    ),
    Rule(
        "OR5003",
        "expired-key",
        _WARNING,
        "A client key has expired.",
        "Requests with this key are refused. Remove it, or, if its owner is still to have access, make a new one "
        "with `omniroute key new NAME`.",
        """\
[keys.alice]
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
expires = 2020-01-01
""",
        """\
[keys.alice]
sha256 = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"
expires = 2099-01-01
""",
    ),
    Rule(
        "OR5004",
        "duplicate-target",
        _WARNING,
        "A combo lists a target twice.",
        "A target that has failed for a request is not worth a second try at once, so the repetition only spends an "
        "attempt. Remove it; to send a larger share of requests to a target, give it a weight.",
        """\
[combos.coding]
targets = ["acme/large", "acme/small", "acme/large"]
""",
        """\
[combos.coding]
targets = ["acme/large", "acme/small"]
""",
    ),
    Rule(
        "OR5005",
        "alias-over-model",
        _HINT,
        "An alias takes a name by which a listed model is asked for.",
        "An alias wins over provider/model, so clients that ask for the model by its name get what the alias stands "
        "for, and so do combos that list it. A pattern that holds any name, such as `*`, does this to every model. "
        "Rename the alias, or let it begin with something that no provider is called; if the model is meant to be "
        "replaced, allow the finding.",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[providers.acme.models.large]

[aliases]
"acme/large" = "acme/huge"
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[providers.acme.models.large]

[aliases]
large = "acme/huge"
""",
    ),
    Rule(
        "OR5006",
        "pattern-without-model",
        _HINT,
        "A pattern leads to models of which its provider lists none.",
        "What a pattern stands for is only known when somebody asks, so a mistake in it is found by a client. Where "
        "the provider lists models, one of them is expected to fit. Correct the target; if the provider has such "
        "models without listing them, this is of no concern.",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[providers.acme.models."large-2"]

[aliases]
"big-*" = "acme/larg-*"
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[providers.acme.models."large-2"]

[aliases]
"big-*" = "acme/large-*"
""",
    ),
    Rule(
        "OR5007",
        "weight-without-effect",
        _WARNING,
        "A target has a weight, and the strategy of its combo reads none.",
        "Only the strategy `weighted` shares requests out by the weights of the targets; every other one passes them "
        "over, so that the shares that somebody wrote are not the shares there are. Set the strategy, or remove the "
        "weights.",
        """\
[combos.coding]
targets = [{ model = "acme/large", weight = 3 }, "acme/small"]
""",
        """\
[combos.coding]
strategy = "weighted"
targets = [{ model = "acme/large", weight = 3 }, "acme/small"]
""",
    ),
    Rule(
        "OR5008",
        "uneven-capabilities",
        _HINT,
        "Some targets of a combo cannot take what others can.",
        "A request that needs what a model lacks skips that model, so it has fewer targets to fall back on than the "
        "combo seems to give it, and none if there is but one that fits. Models of which no capability is known are "
        "taken to have all. Add a target that can do the same, or say so in its `capabilities` if it can.",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[providers.acme.models]
large = { capabilities = ["tools", "images"] }
small = { capabilities = ["tools"] }

[combos.coding]
targets = ["acme/large", "acme/small"]
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[providers.acme.models]
large = { capabilities = ["tools", "images"] }
small = { capabilities = ["tools", "images"] }

[combos.coding]
targets = ["acme/large", "acme/small"]
""",
    ),
    Rule(
        "OR5009",
        "strategy-without-data",
        _WARNING,
        "What a strategy goes by is not known of a target.",
        "The strategy `cost-optimized` compares prices, and `context-optimized` the lengths of contexts. A target of "
        "which that is not known cannot be compared, so its place among the others means nothing. Write it beside the"
        " model, as the provider's own documentation gives it.",
        """\
[combos.cheap]
strategy = "cost-optimized"
targets = ["acme/large", "acme/small"]
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[providers.acme.models]
large = { price = { input = "2.00", output = "8.00" } }
small = { price = { input = "0.10", output = "0.40" } }

[combos.cheap]
strategy = "cost-optimized"
targets = ["acme/large", "acme/small"]
""",
    ),
    Rule(
        "OR5010",
        "prompt-cache-hostile",
        _HINT,
        "A strategy spreads requests over targets, and a target caches prompts.",
        "A provider that has read the beginning of a prompt lately, such as a long system prompt or what a "
        "conversation has said so far, reads it again at a fraction of the price. A session stays with the target "
        "that answered it, for as long as the gateway remembers it; all other requests find at each target a cache of"
        " its own. Choose a strategy that stays with a target while it is well; if load has to be shared whatever it "
        "costs, this is of no concern.",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[providers.acme.models]
large = { capabilities = ["cache_hints"] }
other = { capabilities = ["cache_hints"] }

[combos.coding]
strategy = "round-robin"
targets = ["acme/large", "acme/other"]
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[providers.acme.models]
large = { capabilities = ["cache_hints"] }
other = { capabilities = ["cache_hints"] }

[combos.coding]
strategy = "priority"
targets = ["acme/large", "acme/other"]
""",
    ),
    Rule(
        "OR5011",
        "attempts-end-early",
        _HINT,
        "A combo allows fewer attempts than it has targets.",
        "The combo tries its targets in the order in which they are written, and gives up when its attempts are "
        "spent. What stands behind them is tried only where one before it is left out, for lack of a capability or "
        "because it has failed too often of late. Raise `max_attempts`, or remove those targets.",
        """\
[combos.coding]
targets = ["acme/large", "acme/small", "acme/tiny"]
max_attempts = 2
""",
        """\
[combos.coding]
targets = ["acme/large", "acme/small", "acme/tiny"]
max_attempts = 3
""",
    ),
    Rule(
        "OR5012",
        "time-ends-early",
        _HINT,
        "Where targets take as long as they may, there is no time left for those behind them.",
        "No attempt begins when the `total` time of a request is over. If the targets before one may together take "
        "all of it without an answer, that target is not there to fall back on when they hang, which is when it is "
        "needed. Shorten `first_byte`, `first_token` and `answer` of the targets before it, or lengthen `total`.",
        """\
[combos.coding]
targets = ["acme/large", "acme/small"]
timeouts = { total = "2m" }
""",
        """\
[combos.coding]
targets = ["acme/large", "acme/small"]
timeouts = { answer = "1m", first_byte = "10s", first_token = "30s", total = "2m" }
""",
    ),
    Rule(
        "OR5013",
        "single-point-of-failure",
        _WARNING,
        "An alias or a combo does not survive a loss: looked for by `check --survive` only.",
        "Every target that the name can come to is lost with one provider, or with one credential, or `max_attempts` "
        "is spent on what is lost before anything else is tried. Then its clients get no answer, whatever else is "
        "well. Add a target of another provider, a second credential, or more attempts; or allow the finding where "
        "that is accepted. An upstream inside the gateway, such as `echo`, is never lost.",
        """\
# checked with `omniroute check --survive 1`
[combos.coding]
targets = ["acme/large", "acme/small"]
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[providers.other]
base_url = "https://api.other.example/v1"
api_key = "env:OTHER_API_KEY"

[combos.coding]
targets = ["acme/large", "other/large"]
""",
    ),
    Rule(
        "OR5014",
        "replaced-model",
        _WARNING,
        "An alias or a combo names a model that another one replaces.",
        "The catalogue, or `replaced_by` in a file, says that the model is deprecated or gone, and which one is asked "
        "in its place. That one's price, limits and answers may differ from what was meant when the name was written. "
        "Name the new model; or, if the old one is still served and wanted, write its own name as its `replaced_by`, "
        "which takes the replacement back.",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[providers.acme.models."large-1"]
replaced_by = "large-2"

[aliases]
smart = "acme/large-1"
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[providers.acme.models."large-1"]
replaced_by = "large-2"

[aliases]
smart = "acme/large-2"
""",
    ),
    Rule(
        "OR5020",
        "unused-policy",
        _WARNING,
        "A policy holds for nobody.",
        "What a policy forbids is only forbidden to the keys that name it, and to those that name none where it is "
        "the policy of [defaults]. Name it there, or remove it.",
        """\
[policies.engineers]
allow_models = ["acme/*"]
""",
        """\
[keys.alice]
sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
policy = "engineers"

[policies.engineers]
allow_models = ["acme/*"]
""",
    ),
    Rule(
        "OR5021",
        "unused-budget",
        _WARNING,
        "A budget limits nothing.",
        "Requests are paid from the budgets of the policy of their key. One that no policy names is never spent, "
        "and holds nobody back. Name it in the `budgets` of a policy, or remove it.",
        """\
[budgets.team-a]
limit = "200.00 USD"
""",
        """\
[defaults]
policy = "engineers"

[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[providers.acme.models.large]
price = { input = "2.00", output = "8.00" }

[policies.engineers]
budgets = ["team-a"]

[budgets.team-a]
limit = "200.00 USD"
""",
    ),
    Rule(
        "OR5022",
        "budget-without-price",
        _WARNING,
        "Callers with a budget can ask a model whose price is not known.",
        "An unknown price is not zero: what such a model costs cannot be counted, and so not be held back. Write "
        "the price as the provider gives it, also where it is zero, or do not let the policy allow the model. "
        "Models that nobody lists, and that no alias and no combo leads to, are not looked at.",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[providers.acme.models.large]
context = 128_000

[defaults]
policy = "engineers"

[policies.engineers]
budgets = ["team-a"]

[budgets.team-a]
limit = "200.00 USD"
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[providers.acme.models.large]
price = { input = "2.00", output = "8.00" }

[defaults]
policy = "engineers"

[policies.engineers]
budgets = ["team-a"]

[budgets.team-a]
limit = "200.00 USD"
""",
    ),
    Rule(
        "OR5023",
        "allows-nothing",
        _WARNING,
        "A policy allows or denies a name that nothing has.",
        "It is neither a combo nor an alias, nor a model that a provider lists, and it does not begin with the "
        "name of a provider, which may have models that it does not list. A misspelt name that is allowed keeps "
        "its callers out; one that is denied keeps nobody out. Correct the name.",
        """\
[defaults]
policy = "engineers"

[policies.engineers]
allow_models = ["acmee/*"]
""",
        """\
[defaults]
policy = "engineers"

[policies.engineers]
allow_models = ["acme/*"]
""",
    ),
    Rule(
        "OR5024",
        "downgrade-cannot-take-over",
        _WARNING,
        "The model that takes over when a budget is spent has no price, or may not be asked.",
        "When the budget is spent, its callers are to be answered by another model. If their policy denies that "
        "one, or does not allow it, they get no answer; if its price is not known, nobody can tell what is spent "
        "on it. Allow it, write its price, or name another model.",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[providers.acme.models.large]
price = { input = "2.00", output = "8.00" }

[providers.acme.models.small]
price = { input = "0.10", output = "0.40" }

[defaults]
policy = "engineers"

[policies.engineers]
allow_models = ["acme/large"]
budgets = ["team-a"]

[budgets.team-a]
limit = "200.00 USD"
on_exceed = { downgrade = "acme/small" }
""",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"

[providers.acme.models.large]
price = { input = "2.00", output = "8.00" }

[providers.acme.models.small]
price = { input = "0.10", output = "0.40" }

[defaults]
policy = "engineers"

[policies.engineers]
allow_models = ["acme/large", "acme/small"]
budgets = ["team-a"]

[budgets.team-a]
limit = "200.00 USD"
on_exceed = { downgrade = "acme/small" }
""",
    ),
    Rule(
        "OR5025",
        "addresses-kept-out",
        _WARNING,
        "A policy allows only addresses that the address filter keeps out.",
        "The filter of [ip_filter] is looked at before the key. Where the two have no address in common, the keys "
        "with this policy can be used from nowhere. Add the addresses to the filter, or correct those of the "
        "policy.",
        """\
[defaults]
policy = "engineers"

[ip_filter]
mode = "allowlist"
networks = ["10.0.0.0/8", "127.0.0.1"]

[policies.engineers]
allow_ips = ["192.168.7.0/24"]
""",
        """\
[defaults]
policy = "engineers"

[ip_filter]
mode = "allowlist"
networks = ["10.0.0.0/8", "127.0.0.1"]

[policies.engineers]
allow_ips = ["10.7.0.0/16"]
""",
    ),
    Rule(
        "OR5026",
        "own-machine-kept-out",
        _HINT,
        "The address filter keeps the gateway's own machine out.",
        "Programs beside the gateway, such as its health check, a proxy on the same machine or `curl` in a "
        "terminal, come from 127.0.0.1 and are refused. Add it to the allowlist, unless that is what is wanted.",
        """\
[ip_filter]
mode = "allowlist"
networks = ["10.0.0.0/8"]
""",
        """\
[ip_filter]
mode = "allowlist"
networks = ["10.0.0.0/8", "127.0.0.1", "::1"]
""",
    ),
    Rule(
        "OR8001",
        "mass-removal",
        _ERROR,
        "A reload would remove a large part of what is in force.",
        "A file that was cut short while it was written is valid TOML with tables missing, and no other check can tell "
        "that from an intention. The configuration in force goes on serving. If the removal is meant, raise "
        "reload.max_removed_percent first, as a change of its own, or restart the gateway.",
        """\
# In force are ten providers; this file, saved over them, has one.
[reload]
max_removed_percent = 50

[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
        """\
# Saved while the ten are still there; the file with one provider is the next change.
[reload]
max_removed_percent = 100

[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
    ),
    Rule(
        "OR8002",
        "unstable-files",
        _ERROR,
        "The files kept changing while they were read.",
        "Files are read twice and taken only if both readings agree; these did not for several seconds, so what was "
        "read may be half of one version and half of another. The configuration in force goes on serving, and the next "
        "change or the next poll tries again. Write to a temporary name and rename it when it is complete.",
        "# A program that writes this file piece by piece, in place, for seconds.\n",
        """\
# The same file, written to a temporary name and then renamed.
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
    ),
    Rule(
        "OR9001",
        "config-not-found",
        _ERROR,
        "There is no configuration where one was looked for.",
        "The message says which path was tried. Name the right one with --config or OMNIROUTE_CONFIG, or write a first "
        "configuration with `omniroute init`. Of a directory, only its own *.toml files count.",
        "# config/providers.tml: the name does not end in .toml, so this file is not seen.\n",
        """\
# config/providers.toml
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
    ),
    Rule(
        "OR9002",
        "unreadable-file",
        _ERROR,
        "A configuration file exists and cannot be read.",
        "The message gives the operating system's reason, mostly a missing permission. A configuration is read whole "
        "or not at all, so one unreadable file stops all of it. Let the gateway's user read the file.",
        "# -rw------- root root providers.toml, and the gateway runs as another user\n",
        """\
# -rw-r----- root omniroute providers.toml, and the gateway's user is in that group
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
    ),
    Rule(
        "OR9003",
        "config-is-a-mount-point",
        _WARNING,
        "A configuration file is mounted by itself, so changes of it may never be seen.",
        "A mount of a single file holds on to the file as it was. Editors, git and Kubernetes replace a file by "
        "another of the same name, which such a mount does not show. Mount the directory instead.",
        "# docker run --volume ./omniroute.toml:/etc/omniroute/omniroute.toml …\n",
        """\
# docker run --volume ./config:/etc/omniroute …
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
    ),
    Rule(
        "OR9004",
        "secret-unresolvable",
        _ERROR,
        "A secret cannot be found where its reference points.",
        "The form of the reference is right, but the variable is not set, the file is not there, or the keyring has no "
        "such entry, on the machine where this was checked. Set it there, or correct the reference.",
        """\
# The environment has ACME_API_KEY.
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_KEY"
""",
        """\
# The environment has ACME_API_KEY.
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
    ),
    Rule(
        "OR9005",
        "not-put-to-work",
        _ERROR,
        "A configuration was found valid, and could not be put to work.",
        "This is a fault of the gateway, or of what it runs on, and not of the files. The configuration in force goes "
        "on serving. Please report what the message says; a restart may help until it is mended.",
        "# Whatever is written here, this finding is not the fault of the one who wrote it.\n",
        """\
[providers.acme]
base_url = "https://api.acme.example/v1"
api_key = "env:ACME_API_KEY"
""",
    ),
)

RULES: Mapping[str, Rule] = MappingProxyType({row.code: row for row in _ROWS})
"""Every rule by its code, in the order of the codes."""

ON_REQUEST = frozenset({"OR5013"})
"""The rules that are looked at only where somebody asks for it."""


def rule(code: str) -> Rule | None:
    """Find a rule by its code, as it is written in findings (``OR3001``)."""
    return RULES.get(code)


def rule_markdown(rule: Rule) -> str:
    """Describe one rule in Markdown: what it means, why it matters, and both examples; without a heading."""
    return (
        f"{rule.meaning}\n\n{rule.explanation}\n\n"
        f"Wrong:\n\n```toml\n{rule.wrong}```\n\nRight:\n\n```toml\n{rule.right}```\n"
    )


def rules_markdown() -> str:
    """Make the reference page of all rules, by family."""
    parts = [
        "# Rules\n",
        "Every finding of `omniroute check` has a code, which never changes its meaning; `omniroute rule CODE` prints "
        "what is said of it here. Examples are cut to what matters: one without a provider stands beside a provider "
        "named `acme`.\n",
    ]
    for family, rules in groupby(RULES.values(), key=lambda each: each.code[:3]):
        parts.append(f"## {family}: {FAMILIES[family]}\n")
        parts += (f"### {each.code} {each.name} ({each.severity})\n\n{rule_markdown(each)}" for each in rules)
    return "\n".join(parts)
