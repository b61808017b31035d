"""The structure: nothing imports upward, and the engine knows neither ChimeraX nor Qt."""

import ast
import sys
from importlib.util import resolve_name

import pytest
from conftest import ROOT

SOURCE = ROOT / "src"
PACKAGE = "chimerax.makesphere"
# From the bottom up: a module may import only those on lines above its own. The panel, the
# command and the shell are beside each other: none imports another.
FLOORS = """
engine     errors naming grid scratch contents
engine     amount sphere level
.          arguments
engine     mrc strength particle
engine     radial recipe
engine     map request
engine     destination
engine     decoy
engine     report
.          volumes
.          cmd __main__
panel      preview view work
panel      plot places measuring
panel      form mouse
panel      tool
.          bundle
"""
FLOOR = {
    f"{folder}.{name}".lstrip("."): floor
    for floor, (folder, *names) in enumerate(map(str.split, FLOORS.strip().splitlines()))
    for name in names
}
MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts): path
    for path in SOURCE.rglob("*.py")
    if path.name != "__init__.py"
}
DOORS = "panel", "cmd", "__main__"
# What the engine and the table of arguments may import beside Python's own.
OUTSIDE = {"numpy", "scipy", "mrcfile", "psutil"}


def imports(module):
    """List what a module imports anywhere, in full: packages, modules, and names in them."""
    package = f"{PACKAGE}.{module}".rpartition(".")[0]
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = resolve_name("." * node.level + (node.module or ""), package)
            yield start
            yield from (f"{start}.{alias.name}" for alias in node.names)


def test_every_module_has_a_floor():
    assert set(FLOOR) == set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_nothing_imports_upward(module):
    for imported in imports(module):
        other = imported.removeprefix(f"{PACKAGE}.")
        if other in MODULES:
            assert FLOOR[other] < FLOOR[module], f"{module} climbs to {other}"
            doors = {name.partition(".")[0] for name in (module, other)}
            assert len(doors.intersection(DOORS)) < 2, f"{module} knows {other}"


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith(("engine.", "arguments"))])
def test_the_engine_knows_neither_chimerax_nor_qt(module):
    packages = {name.partition(".")[0] for name in imports(module) if not name.startswith(PACKAGE)}
    assert packages - set(sys.stdlib_module_names) <= OUTSIDE
