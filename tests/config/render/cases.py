"""The findings of the golden renderings, made by hand over the sources beside the expected texts."""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from omniroute.config.diagnostics import Diagnostic, Edit, Related
from omniroute.config.render import RenderContext
from omniroute.config.source import Source
from omniroute.names import Severity
from tests.config.render.places import at

ROOT = Path(__file__).parents[2] / "golden" / "render"

Sources = Mapping[str, Source]

CONTEXT = RenderContext(
    version="0.1.0",
    config_hash=None,
    files=1,
    counts={"providers": 1, "aliases": 1, "combos": 1},
    elapsed=0.21,
    fix_command="omniroute check --fix",
)


class Case(msgspec.Struct, frozen=True):
    """Findings, and what is said besides."""

    findings: tuple[Diagnostic, ...]
    context: RenderContext = CONTEXT


def sources_of(case: str) -> Sources:
    """Read a case's sources, line ends as they are."""
    return {path.name: Source(path.name, path.read_bytes().decode()) for path in (ROOT / case).glob("*.toml")}


def simple(sources: Sources) -> Case:
    source = sources["input.toml"]
    finding = Diagnostic(
        "OR3001",
        Severity.ERROR,
        "combo `fast` refers to a provider that does not exist",
        at(source, '"amce/small"'),
        ("combos", "fast", "targets", 1),
        "no provider named `amce`",
        hint="did you mean `acme`?",
    )
    return Case((finding,))


def related(sources: Sources) -> Case:
    combos, routes = sources["input.toml"], sources["routes.toml"]
    unknown = Diagnostic(
        "OR3001",
        Severity.ERROR,
        "combo `fast` refers to a provider that does not exist",
        at(combos, '"acne"'),
        ("combos", "fast", "targets", 1, "provider"),
        "no provider named `acne`",
        related=(Related(at(routes, "providers.acme"), "a provider with a similar name is defined here"),),
        hint="did you mean `acme`?",
        fix=(Edit(at(combos, "acne"), "acme"),),
    )
    loop = Diagnostic(
        "OR3010",
        Severity.ERROR,
        "aliases and combos form a loop",
        at(routes, "smart"),
        ("aliases", "smart"),
        "1. smart -> best",
        related=(
            Related(at(routes, "best", after='"best"'), "2. best -> top"),
            Related(at(combos, '"smart"'), "3. top -> smart, and round again"),
        ),
    )
    counts = {"providers": 12, "aliases": 9, "combos": 5, "policies": 3, "budgets": 2}
    context = msgspec.structs.replace(CONTEXT, files=4, counts=counts)
    return Case((loop, unknown), context)


def tabs(sources: Sources) -> Case:
    source = sources["input.toml"]
    finding = Diagnostic(
        "OR2004",
        Severity.ERROR,
        "`poll` of `[reload]` is not a duration",
        at(source, '"15"'),
        ("reload", "poll"),
        "a number and its unit, such as `15s`",
    )
    return Case((finding,))


def chinese(sources: Sources) -> Case:
    source = sources["input.toml"]
    finding = Diagnostic(
        "OR2003",
        Severity.ERROR,
        "unknown key `快` in target 2 of combo `writing`",
        at(source, '"快"'),
        ("combos", "writing", "targets", 1, "快"),
        "not a key of a target",
    )
    return Case((finding,))


def emoji(sources: Sources) -> Case:
    source = sources["input.toml"]
    first = Diagnostic(
        "OR3002",
        Severity.ERROR,
        "alias `party` refers to something that does not exist",
        at(source, '"nobody"'),
        ("aliases", "party"),
        "no combo, alias or model of this name",
    )
    second = msgspec.structs.replace(
        first,
        summary="alias `crowd` refers to something that does not exist",
        place=at(source, '"🎉🎉"'),
        path=("aliases", "crowd"),
    )
    return Case((first, second))


def crlf(sources: Sources) -> Case:
    source = sources["input.toml"]
    first = Diagnostic(
        "OR2003",
        Severity.ERROR,
        "unknown key `base_ulr` in provider `café`",
        at(source, "base_ulr"),
        ("providers", "café", "base_ulr"),
        "did you mean `base_url`?",
        fix=(Edit(at(source, "base_ulr"), "base_url"),),
    )
    second = Diagnostic(
        "OR1001",
        Severity.ERROR,
        "a value is missing",
        at(source, "", after="timeout ="),
        label="the line ends here",
    )
    return Case((first, second))


def masked(sources: Sources) -> Case:
    source = sources["input.toml"]
    secret = at(source, '"sk-live-4f9a7c21d8e35b60af17c2"')
    clear = Diagnostic(
        "OR4001",
        Severity.ERROR,
        "secret written in plain text",
        secret,
        ("providers", "acme", "api_key"),
        "31 characters, looks like an API key",
        hint='move it out of version control: api_key = "env:ACME_API_KEY"',
        note="it may already be in git history; replace it",
        masked=True,
    )
    beside = Diagnostic(
        "OR2003",
        Severity.ERROR,
        "unknown key `tmeouts` in provider `acme`",
        at(source, "tmeouts"),
        ("providers", "acme", "tmeouts"),
        "did you mean `timeouts`?",
        related=(Related(secret, "the same table has `api_key` here"),),
    )
    unknown_kind = msgspec.structs.replace(
        clear,
        place=at(source, "'hunter2'"),
        path=("providers", "house", "api_key"),
        label="7 characters, not a reference",
        hint="",
        note="",
    )
    return Case((beside, clear, unknown_kind))


def multi_line(sources: Sources) -> Case:
    source = sources["input.toml"]
    text = source.text
    array = Diagnostic(
        "OR2001",
        Severity.ERROR,
        "`targets` of combo `coding` holds numbers",
        at(source, text[text.index("[ # ") : text.index("]\n", text.index("[ # ")) + 1]),
        ("combos", "coding", "targets"),
        "texts or tables are wanted",
    )
    secret_text = text[text.index('"""') : text.rindex('"""') + 3]
    secret = Diagnostic(
        "OR4001",
        Severity.ERROR,
        "secret written in plain text",
        at(source, secret_text),
        ("providers", "acme", "api_key"),
        "over three lines",
        masked=True,
    )
    inside = Diagnostic(
        "OR2004",
        Severity.ERROR,
        "`api_key` of provider `acme` is not a reference",
        at(source, "second-half"),
        ("providers", "acme", "api_key"),
        "env:NAME, file:PATH or keyring:SERVICE/NAME",
    )
    return Case((array, secret, inside))


def nowhere(_sources: Sources) -> Case:
    missing = Diagnostic(
        "OR9001",
        Severity.ERROR,
        "there is no configuration at `config`",
        hint="name a file or a directory with `--config`, or write a first one with `omniroute init`",
        note="looked for the directory config, which is not there,\nand for the file omniroute.toml",
    )
    context = RenderContext(version="0.1.0")
    return Case((missing,), context)


def many(sources: Sources) -> Case:
    source = sources["input.toml"]
    warnings = tuple(
        Diagnostic(
            "OR5003",
            Severity.WARNING,
            f"key `user-{number:02}` has expired",
            at(source, "2020-01-01", after=f"[keys.user-{number:02}]"),
            ("keys", f"user-{number:02}", "expires"),
        )
        for number in range(1, 25)
    )
    error = Diagnostic(
        "OR2003",
        Severity.ERROR,
        "unknown key `polll` in `[reload]`",
        at(source, "polll"),
        ("reload", "polll"),
        "did you mean `poll`?",
    )
    context = msgspec.structs.replace(CONTEXT, counts={"providers": 1, "keys": 24}, elapsed=None)
    return Case((*warnings, error), context)


def long_line(sources: Sources) -> Case:
    source = sources["input.toml"]
    places = (at(source, f'"{target}"') for target in ("acme/model-001", "amce/model-100", "acme/model-199"))
    findings = tuple(
        Diagnostic(
            "OR5004",
            Severity.WARNING,
            f"combo `all` lists `{place.source.text[place.span.start.offset + 1 : place.span.end.offset - 1]}` twice",
            place,
            ("combos", "all", "targets"),
            "the second time",
        )
        for place in places
    )
    wide = Diagnostic(
        "OR2001",
        Severity.ERROR,
        "`targets` of combo `all` is too long",
        at(source, source.text[source.text.index('["acme/model-001"') : source.text.rindex("]") + 1]),
        ("combos", "all", "targets"),
        "200 targets",
    )
    return Case((*findings, wide))


def remarks(sources: Sources) -> Case:
    source = sources["input.toml"]
    unknown = Diagnostic(
        "OR2003",
        Severity.ERROR,
        "unknown key `base_ulr` in provider `house`",
        at(source, "base_ulr"),
        ("providers", "house", "base_ulr"),
        "not a key of a provider",
        hint="did you mean `base_url`?",
        note="a provider that is not in the catalogue needs `base_url`;\n"
        "mending the name also mends OR3003 at input.toml:1:12",
        fix=(Edit(at(source, "base_ulr"), "base_url"),),
    )
    twice = Diagnostic(
        "OR5004",
        Severity.WARNING,
        "target 2 of combo `coding` adds nothing to those before it",
        at(source, '"house/large"', after='"house/large"'),
        ("combos", "coding", "targets", 1),
        "tried before",
    )
    schema_line = Diagnostic(
        "OR5001",
        Severity.HINT,
        "the first line does not name the schema",
        at(source, "", after=""),
        hint="`omniroute init` writes the line, and an editor then completes and checks",
    )
    return Case((schema_line, twice, unknown))


def empty(_sources: Sources) -> Case:
    context = RenderContext(
        version="0.1.0",
        config_hash="9f3ac1d27e04" + "0" * 52,
        files=4,
        counts={"providers": 1500, "aliases": 9, "combos": 0, "keys": 1},
        elapsed=2.126,
    )
    return Case((), context)


CASES: Mapping[str, Callable[[Sources], Case]] = {
    "simple": simple,
    "related": related,
    "tabs": tabs,
    "chinese": chinese,
    "emoji": emoji,
    "crlf": crlf,
    "masked": masked,
    "multi-line": multi_line,
    "nowhere": nowhere,
    "many": many,
    "long-line": long_line,
    "remarks": remarks,
    "empty": empty,
}
