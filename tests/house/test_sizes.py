"""No file, function or signature grows past its limit (docs/decisions/0009)."""

import ast
from collections.abc import Iterator

from tests.house.tree import Module, functions, modules, none_of, parse

FILE_LINES = 400
FUNCTION_LINES = 50
ARGUMENTS = 6
LITERAL_SHARE = 0.6
MARK = "# literal table"

COMPUTED = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.IfExp)


def span(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def literal_lines(module: Module) -> int:
    """Count the lines of marked literals: the mark's line stands directly above an assignment that computes nothing."""
    lines = module.text.splitlines()
    total = 0
    for node in module.tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None or node.lineno < 2:
            continue
        marked = lines[node.lineno - 2].startswith(MARK)
        if marked and not any(isinstance(inner, COMPUTED) for inner in ast.walk(node.value)):
            total += span(node) + 1
    return total


def long_file(module: Module) -> Iterator[str]:
    lines = len(module.text.splitlines())
    if lines > FILE_LINES and literal_lines(module) <= LITERAL_SHARE * lines:
        yield f"{module.path}: {lines} lines"


def long_functions(module: Module) -> Iterator[str]:
    for function in functions(module.tree):
        if span(function) > FUNCTION_LINES:
            yield f"{module.path}:{function.lineno}: {function.name} has {span(function)} lines"


def wide_functions(module: Module) -> Iterator[str]:
    for function in functions(module.tree):
        taken = function.args
        names = [each.arg for each in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)]
        if names[:1] in (["self"], ["cls"]):
            del names[0]
        count = len(names) + (taken.vararg is not None) + (taken.kwarg is not None)
        if count > ARGUMENTS:
            yield f"{module.path}:{function.lineno}: {function.name} takes {count} arguments"


def test_no_source_file_is_longer_than_the_limit() -> None:
    none_of(finding for module in modules() for finding in long_file(module))


def test_no_function_is_longer_than_the_limit() -> None:
    none_of(finding for module in modules() for finding in long_functions(module))


def test_no_function_takes_more_arguments_than_the_limit() -> None:
    none_of(finding for module in modules() for finding in wide_functions(module))


def test_a_file_of_401_lines_is_found() -> None:
    assert list(long_file(parse("x = 1\n" * 400))) == []
    assert list(long_file(parse("x = 1\n" * 401))) == ["omniroute/example.py: 401 lines"]


def test_a_long_file_is_let_be_only_when_it_is_mainly_a_marked_literal() -> None:
    table = "TABLE = {\n" + "".join(f"    {row}: 'word',\n" for row in range(500)) + "}\n"
    logic = "x = 1\n" * 400
    assert list(long_file(parse(f"# literal table: words\n{table}"))) == []
    assert list(long_file(parse(table)))
    assert list(long_file(parse(f"# literal table: words\n\n{table}")))
    assert list(long_file(parse(f"# literal table: words\n{table}{logic}")))
    assert list(long_file(parse("# literal table: words\n" + table.replace("'word'", "(lambda: 1)"))))


def test_a_function_of_51_lines_is_found_wherever_it_is_nested() -> None:
    body = "        x = 1\n"
    assert list(long_functions(parse("class C:\n    def f(self):\n" + body * 49))) == []
    assert list(long_functions(parse("class C:\n    async def f(self):\n" + body * 50)))


def test_a_seventh_argument_is_found_and_self_is_not_counted() -> None:
    assert list(wide_functions(parse("def f(a, b, /, c, *, d, e, f): ..."))) == []
    assert list(wide_functions(parse("class C:\n    def f(self, a, b, c, d, e, f): ..."))) == []
    assert list(wide_functions(parse("def f(a, b, c, d, e, f, g): ...")))
    assert list(wide_functions(parse("def f(a, b, c, d, e, *f, **g): ...")))
