"""``omniroute rule``: what a diagnostic code means."""

import click

from omniroute.config.rules import RULES, Rule
from omniroute.config.rules import rule as find

WIDTH = 100
"""The longest line of an explanation; a narrower terminal has shorter ones."""


@click.command()
@click.argument("code", required=False)
@click.option("--all", "every", is_flag=True, help="List every code in one line each.")
def rule(code: str | None, *, every: bool) -> None:
    """Explain a diagnostic code.

    CODE is what stands in a finding, such as OR3001. Without one, every code is listed.
    """
    if every or code is None:
        click.echo(_table())
        return
    found = find(code.upper())
    if found is None:
        message = f"there is no rule {code}; `omniroute rule --all` lists them"
        raise click.BadParameter(message, param_hint="CODE")
    click.echo(_page(found))


def _table() -> str:
    """List every rule, one a line."""
    name = max(len(each.name) for each in RULES.values())
    severity = max(len(each.severity) for each in RULES.values())
    return "\n".join(
        f"{each.code}  {each.severity:<{severity}}  {each.name:<{name}}  {each.meaning}" for each in RULES.values()
    )


def _page(rule: Rule) -> str:
    """Describe one rule."""
    width = min(WIDTH, click.formatting.HelpFormatter().width)
    words = [click.wrap_text(text, width) for text in (rule.meaning, rule.explanation)]
    examples = [f"{title}\n\n{_indented(text)}" for title, text in (("Wrong:", rule.wrong), ("Right:", rule.right))]
    return "\n\n".join((f"{rule.code} {rule.name} ({rule.severity})", *words, *examples))


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.splitlines())
