"""The structure: imports run one way, and the engine knows neither ChimeraX nor Qt."""

import ast

import pytest
from conftest import ROOT

SOURCE = ROOT / "src"
# From the bottom up: a module may import only those listed before it.
FLOORS = [
    "errors naming grid memory scratch contents",
    "amount sphere",
    "level mrc strength",
    "radial particle recipe",
    "map request",
    "destination",
    "decoy",
    "report",
]
ENGINE = {f"engine.{name}": floor for floor, names in enumerate(FLOORS) for name in names.split()}
OUTSIDE = {"numpy", "mrcfile", "psutil", "fcntl"}


def modules(folder):
    paths = (path for path in folder.glob("*.py") if path.name != "__init__.py")
    return {".".join(path.relative_to(SOURCE).with_suffix("").parts): path for path in paths}


def imports(name, path):
    """List what a module imports anywhere: our own modules, and other packages."""
    package = ["chimerax", "makesphere", *name.split(".")[:-1]]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *filter(None, [node.module])])
            ours = start.removeprefix("chimerax.makesphere").lstrip(".")
            if not node.level:
                yield start
            elif ours in ("", "engine", "panel"):
                yield from (f"{start}.{alias.name}" for alias in node.names)
            else:
                yield start


def ours(imported):
    prefix = "chimerax.makesphere."
    return imported.removeprefix(prefix) if imported.startswith(prefix) else None


@pytest.mark.parametrize("name, path", modules(SOURCE / "engine").items())
def test_the_engine_needs_only_numpy_and_mrcfile_and_never_imports_upward(name, path):
    for imported in imports(name, path):
        other = ours(imported)
        if other is None:
            package = imported.partition(".")[0]
            assert package in OUTSIDE or _is_standard(package), imported
        else:
            assert ENGINE[other] < ENGINE[name], f"{name} climbs to {other}"


def _is_standard(package):
    import sys

    return package in sys.stdlib_module_names


def test_every_module_of_the_engine_has_a_floor():
    assert set(modules(SOURCE / "engine")) == set(ENGINE)


@pytest.mark.parametrize("name, path", modules(SOURCE).items())
def test_command_and_shell_do_not_know_the_panel(name, path):
    found = {ours(imported) for imported in imports(name, path)} - {None}
    if name != "bundle":
        assert not {other for other in found if other.startswith("panel")}
    if name == "arguments":
        assert all(other.startswith("engine.") for other in found)
        packages = {i.partition(".")[0] for i in imports(name, path) if not ours(i)}
        assert all(map(_is_standard, packages))


@pytest.mark.parametrize("name, path", modules(SOURCE / "panel").items())
def test_the_panel_only_runs_commands(name, path):
    """It makes nothing itself: it runs the text of a command."""
    found = {ours(imported) for imported in imports(name, path)} - {None}
    assert not {"cmd", "__main__", "engine.scratch"} & found
    tree = ast.parse(path.read_text("utf-8"))
    names = {
        alias.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for alias in n.names
    }
    assert not {"Batch", "MapFile", "write"} & names


def test_the_engine_prints_nothing():
    for path in modules(SOURCE / "engine").values():
        calls = [n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)]
        assert "print" not in {getattr(call.func, "id", "") for call in calls}, path.name
