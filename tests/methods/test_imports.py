"""The house's rule: a wing imports itself and foundations, foundations no wing, methods nothing else of paperlab."""

import ast
from pathlib import Path

import paperlab
import pytest

METHODS = Path(paperlab.__file__).parent / "methods"
WINGS = sorted(path.parent.name for path in METHODS.glob("*/__init__.py"))


def imported(path):
    """Modules of paperlab that a file imports, as tuples below ``paperlab``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (tuple(name.split(".")[1:]) for name in names if name.split(".")[0] == "paperlab")


def test_there_are_no_modules_beside_the_wings():
    assert [path.name for path in METHODS.glob("*.py")] == ["__init__.py"]
    assert "foundations" in WINGS


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_imports_itself_and_foundations(wing):
    allowed = {wing, "foundations"}
    for path in (METHODS / wing).glob("*.py"):
        for name in imported(path):
            assert name[0] == "methods" and name[1] in allowed, f"{wing}/{path.name} imports paperlab.{'.'.join(name)}"


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_says_what_it_is_and_imports_nothing(wing):
    tree = ast.parse((METHODS / wing / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree) and len(tree.body) == 1
