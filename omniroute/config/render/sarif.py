"""Findings as SARIF 2.1.0, for code scanning (https://docs.oasis-open.org/sarif/sarif/v2.1.0/).

Always true: every rule is described, used or not; a relative file is said to be relative to the root of the checkout;
a finding's fingerprint does not depend on where in its file it stands, so it survives when lines move; snippets are
masked, and the token that stands for a secret is declared (``redactionTokens``, 3.14.28).
"""

import hashlib
from collections.abc import Sequence
from itertools import groupby
from urllib.parse import quote

import msgspec

from omniroute.config.diagnostics import Diagnostic, Edit, Related
from omniroute.config.render.context import RenderContext
from omniroute.config.render.excerpt import cut, line_at
from omniroute.config.render.listing import file_of
from omniroute.config.render.machine import LIMIT, written
from omniroute.config.render.mask import BULLETS, Masks
from omniroute.config.rules import RULES, Rule, rule_markdown
from omniroute.config.source import Place, Span
from omniroute.names import Severity

_Object = dict[str, object]

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "note"}


def render_sarif(diagnostics: Sequence[Diagnostic], masks: Masks, context: RenderContext) -> str:
    """Render sorted findings, all of them, as one run."""
    driver: _Object = {
        "name": "omniroute",
        "version": context.version,
        "rules": [_rule(each) for each in RULES.values()],
    }
    run: _Object = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "redactionTokens": [BULLETS],
        "results": [_result(each, masks) for each in diagnostics],
    }
    return written({"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]})


def _rule(rule: Rule) -> _Object:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.meaning},
        "fullDescription": {"text": rule.explanation},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "help": {"text": rule.explanation, "markdown": rule_markdown(rule)},
    }


def _result(diagnostic: Diagnostic, masks: Masks) -> _Object:
    result: _Object = {
        "ruleId": diagnostic.code,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": _message(diagnostic)},
        "partialFingerprints": {"keyPath/v1": _fingerprint(diagnostic)},
    }
    if diagnostic.place:
        result["locations"] = [{"physicalLocation": _physical(diagnostic.place, masks)}]
    if diagnostic.related:
        result["relatedLocations"] = [_related(id_, each, masks) for id_, each in enumerate(diagnostic.related, 1)]
    if diagnostic.fix:
        result["fixes"] = [_fix(diagnostic)]
    return result


def _message(diagnostic: Diagnostic) -> str:
    """Put the words together; a viewer shows the places."""
    lines = [diagnostic.summary]
    if diagnostic.label:
        lines.append(diagnostic.label)
    lines += (f"{kind}: {words}" for kind, words in (("help", diagnostic.hint), ("note", diagnostic.note)) if words)
    return "\n".join(lines)


def _fingerprint(diagnostic: Diagnostic) -> str:
    """Tell findings apart by code and key path; by code and file, if they are about no key."""
    identity = (diagnostic.code, *(diagnostic.path or (file_of(diagnostic),)))
    return hashlib.sha256(msgspec.json.encode(identity)).hexdigest()[:32]


def _related(id_: int, related: Related, masks: Masks) -> _Object:
    return {"id": id_, "physicalLocation": _physical(related.place, masks), "message": {"text": related.message}}


def _physical(place: Place, masks: Masks) -> _Object:
    return {"artifactLocation": _artifact(place), "region": {**_region(place.span), **_snippet(place, masks)}}


def _artifact(place: Place) -> _Object:
    """Refer to a file (3.4): a relative name below the root of the checkout, an absolute one by itself."""
    name = place.source.name
    if name.startswith("/"):
        return {"uri": f"file://{quote(name)}"}
    return {"uri": quote(name), "uriBaseId": "%SRCROOT%"}


def _region(span: Span) -> _Object:
    return {
        "startLine": span.start.line,
        "startColumn": span.start.column,
        "endLine": span.end.line,
        "endColumn": span.end.column,
    }


def _snippet(place: Place, masks: Masks) -> _Object:
    """Give a region's text, which is only known to be bounded within one line."""
    if place.span.start.line != place.span.end.line:
        return {}
    line = cut(line_at(place, masks), LIMIT)
    return {"snippet": {"text": line.text[line.start : line.end]}}


def _fix(diagnostic: Diagnostic) -> _Object:
    by_file = groupby(sorted(diagnostic.fix, key=_edit_order), key=lambda edit: edit.place.source.name)
    fix: _Object = {"artifactChanges": [_change(tuple(edits)) for _, edits in by_file]}
    if diagnostic.hint:
        fix["description"] = {"text": diagnostic.hint}
    return fix


def _edit_order(edit: Edit) -> tuple[str, int]:
    return (edit.place.source.name, edit.place.span.start.offset)


def _change(edits: Sequence[Edit]) -> _Object:
    replacements = [{"deletedRegion": _region(e.place.span), "insertedContent": {"text": e.text}} for e in edits]
    return {"artifactLocation": _artifact(edits[0].place), "replacements": replacements}
