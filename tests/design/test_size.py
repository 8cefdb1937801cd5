"""A function fits a screen, a module has one subject and says it first, everything public says what it does."""

from __future__ import annotations

import ast

import pytest

LONGEST_FUNCTION = 40  # lines of the body, its docstring aside
LONGEST_MODULE = 400


def definitions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def body_lines(function):
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def long_functions(name, tree):
    return [
        f"{name}:{function.lineno} {function.name}: {body_lines(function)} lines"
        for function in definitions(tree)
        if body_lines(function) > LONGEST_FUNCTION
    ]


def undocumented(name, tree):
    """Public functions and classes of a module, and the public methods of its public classes, without a docstring."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    public = [node for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]
    for outer in [node for node in public if isinstance(node, ast.ClassDef)]:
        public += [node for node in outer.body if isinstance(node, kinds) and not node.name.startswith("_")]
    return [f"{name}:{node.lineno} {node.name}" for node in public if ast.get_docstring(node) is None]


@pytest.fixture(scope="module")
def sources(checkout):
    """Path -> text of the package, the benchmarks and the tests."""
    paths = [path for folder in ("src", "benchmarks", "tests") for path in sorted((checkout / folder).rglob("*.py"))]
    return {path.relative_to(checkout).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def test_functions_fit_a_screen(sources):
    longest = max(
        (
            (body_lines(one), f"{name} {one.name}")
            for name, text in sources.items()
            for one in definitions(ast.parse(text))
        )
    )
    print(f"longest function: {longest[1]}, {longest[0]} lines")
    assert [line for name, text in sources.items() for line in long_functions(name, ast.parse(text))] == []


def test_modules_have_one_subject(sources):
    lines = {name: text.count("\n") for name, text in sources.items()}
    print("longest modules:", sorted(lines.items(), key=lambda item: -item[1])[:3])
    assert {name: count for name, count in lines.items() if count > LONGEST_MODULE} == {}


def test_first_line_says_what_a_module_is_for(sources):
    silent = [name for name, text in sources.items() if not (ast.get_docstring(ast.parse(text)) or "").strip()]
    assert silent == []
    late = [name for name, text in sources.items() if not text.startswith('"""')]
    assert late == [], "the docstring is not the first line"


def test_everything_public_says_what_it_does(sources):
    own = {name: text for name, text in sources.items() if name.startswith(("src/", "benchmarks/"))}
    assert [line for name, text in own.items() for line in undocumented(name, ast.parse(text))] == []


def test_the_measures_themselves():
    """Worked by hand: the docstring does not count, a nested function counts in both, a private class may be silent."""
    long = "def f():\n    '''Says.\n\n    Much.\n    '''\n" + "    x = 1\n" * 41
    assert long_functions("m", ast.parse(long)) == ["m:1 f: 41 lines"]
    assert long_functions("m", ast.parse(long.replace("    x = 1\n", "", 1))) == []
    silent = "class A:\n    '''Says.'''\n    def b(self): pass\n    def _c(self): pass\nclass _D: pass\ndef e(): pass\n"
    assert undocumented("m", ast.parse(silent)) == ["m:6 e", "m:3 b"]
