"""The wheel: what setup.py puts into it, and that ChimeraX's own builder makes the same one."""

import email
import importlib.util
import logging
import re
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "chimerax/makesphere/"


def found(module):
    """Check whether a module is installed; a broken one must fail, not skip."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


IN_CHIMERAX = found("chimerax.bundle_builder")
needs_bdist_wheel = pytest.mark.skipif(
    not (found("setuptools.command.bdist_wheel") or found("wheel.bdist_wheel")),
    reason="needs setuptools 70.1 or newer, or the wheel package",
)


def copy_tree(folder):
    """Copy the repository without what a build or an editor leaves behind."""
    litter = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info", "*.mrc")
    return Path(shutil.copytree(ROOT, folder, ignore=litter))


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def python():
    """ChimeraX's sys.executable is ChimeraX, which does not run scripts as Python does."""
    if not IN_CHIMERAX:
        return sys.executable
    from chimerax.core.python_utils import chimerax_python_executable

    return chimerax_python_executable()


def build(tree, out):
    command = [python(), "setup.py", "-q", "bdist_wheel", "--dist-dir", str(out)]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = out.glob("*.whl")
    return wheel


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def dist_info(wheel, name):
    (content,) = (c for n, c in contents(wheel).items() if n.endswith(f".dist-info/{name}"))
    return content.decode()


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return copy_tree(tmp_path_factory.mktemp("wheel") / "tree")


@pytest.fixture(scope="module")
def wheel(tree, tmp_path_factory):
    return build(tree, tmp_path_factory.mktemp("out"))


@pytest.fixture(scope="module")
def metadata(wheel):
    return email.message_from_string(dist_info(wheel, "METADATA"))


@pytest.fixture(scope="module")
def chimerax_classifiers(metadata):
    """kind -> fields, split as ChimeraX's toolshed splits them."""
    lines = [line for line in metadata.get_all("Classifier") if line.startswith("ChimeraX")]
    fields = [[field.strip() for field in line.split(" ::")] for line in lines]
    assert len({f[1] for f in fields}) == len(fields), "one of each kind"
    return {f[1]: f[2:] for f in fields}


@pytest.fixture(scope="module")
def bundle():
    return ElementTree.parse(ROOT / "bundle_info.xml").getroot()


@needs_bdist_wheel
def test_holds_all_of_src_and_nothing_else(tree, wheel):
    names = contents(wheel).keys()
    info = {name for name in names if ".dist-info/" in name}
    assert names - info == {PACKAGE + name for name in files(tree / "src")}
    assert {Path(name).name for name in info} == {
        "METADATA",
        "WHEEL",
        "RECORD",
        "top_level.txt",
        "LICENSE",
    }


@needs_bdist_wheel
@pytest.mark.skipif(IN_CHIMERAX, reason="ChimeraX builds for itself")
def test_chimerax_1_8_can_read_the_metadata(metadata):
    # Its pkginfo finds no classifiers in later versions, and does not see a bundle in the wheel.
    assert metadata["Metadata-Version"] in ("2.1", "2.2", "2.3")


@needs_bdist_wheel
def test_is_pure_python_and_named_as_chimerax_names_it(wheel, bundle):
    version = bundle.get("version")
    assert wheel.name.lower() == f"chimerax_makesphere-{version}-py3-none-any.whl"
    assert "Root-Is-Purelib: true\nTag: py3-none-any\n" in dist_info(wheel, "WHEEL")


def test_named_data_files_exist(bundle):
    named = [element.text for element in bundle.iter("DataFile") if "*" not in element.text]
    assert named
    assert [name for name in named if not (ROOT / "src" / name).is_file()] == []


def test_toolbar_icon_is_packaged(bundle):
    icons = {f"icons/{provider.get('icon')}" for provider in bundle.iter("Provider")}
    assert icons <= {element.text for element in bundle.iter("DataFile")}


@needs_bdist_wheel
def test_bundle_classifier_comes_first_and_names_the_package(chimerax_classifiers):
    assert next(iter(chimerax_classifiers)) == "Bundle"
    assert chimerax_classifiers["Bundle"] == [
        *("Volume Data", "1,1", "chimerax.makesphere", "", "true")
    ]


@needs_bdist_wheel
@pytest.mark.parametrize(("kind", "name"), [("Command", "makesphere"), ("Tool", "Make Sphere")])
def test_command_and_tool_classifiers(chimerax_classifiers, kind, name):
    found_name, category, synopsis = chimerax_classifiers[kind]
    assert (found_name, category) == (name, "Volume Data")
    assert synopsis


@needs_bdist_wheel
def test_toolbar_classifier(chimerax_classifiers):
    name, manager, *pairs = chimerax_classifiers["Provider"]
    assert (name, manager) == ("makesphere", "toolbar")
    settings = dict(pair.split(":", 1) for pair in pairs)
    assert settings["tab"] == "Map"
    assert settings["display_name"] == '"Make sphere"'


@needs_bdist_wheel
def test_requirements(metadata, bundle):
    required = [Requirement(text) for text in metadata.get_all("Requires-Dist")]
    declared = [
        Requirement(dependency.get("name") + dependency.get("version"))
        for dependency in bundle.iter("Dependency")
    ]
    assert required == declared
    versions = {requirement.name: requirement.specifier for requirement in required}
    core = versions["ChimeraX-Core"]
    for version in ["1.8", "1.9", "1.10.1", "1.11", "1.12", "1.12.dev202601311040"]:
        assert core.contains(version, prereleases=True), version
    for version in ["1.7.1", "2.0"]:
        assert not core.contains(version, prereleases=True), version
    # ChimeraX 1.8 has SciPy 1.13.0: an install must not bring another.
    assert versions["scipy"].contains("1.13.0")


def test_every_imported_bundle_is_a_dependency(bundle):
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    imported = set(re.findall(r"^ *(?:from|import) chimerax\.(\w+)", source, re.MULTILINE))
    needed = {"chimerax-" + name.replace("_", "") for name in imported - {"makesphere"}}
    declared = {dependency.get("name").lower() for dependency in bundle.iter("Dependency")}
    assert needed - declared == set()


@needs_bdist_wheel
def test_leaves_no_litter_and_ships_no_deleted_module(tmp_path):
    tree = copy_tree(tmp_path / "tree")
    gone = tree / "src" / "gone.py"
    gone.touch()
    before = files(tree)
    assert PACKAGE + "gone.py" in contents(build(tree, tmp_path / "first"))
    assert files(tree) == before
    # what `devel build` leaves in the tree must not come back either
    stale = tree / "build" / "lib" / PACKAGE
    stale.mkdir(parents=True)
    gone.rename(stale / "gone.py")
    assert PACKAGE + "gone.py" not in contents(build(tree, tmp_path / "second"))


@needs_bdist_wheel
def test_refuses_what_only_chimerax_could_read(tmp_path):
    tree = copy_tree(tmp_path / "tree")
    info = tree / "bundle_info.xml"
    text = info.read_text("utf-8").replace("</BundleInfo>", "<CModule name='x'/></BundleInfo>")
    info.write_text(text, "utf-8")
    with pytest.raises(AssertionError, match=r"cannot read from .*: CModule"):
        build(tree, tmp_path / "out")


def test_setuptools_obeys_only_setup_py():
    assert not (ROOT / "setup.cfg").exists()
    pyproject = ROOT / "pyproject.toml"
    tables = tomllib.loads(pyproject.read_text("utf-8")) if pyproject.exists() else {}
    assert "project" not in tables
    assert "setuptools" not in tables.get("tool", {})


@needs_bdist_wheel
@pytest.mark.skipif(not IN_CHIMERAX, reason="needs ChimeraX's bundle builder")
@pytest.mark.filterwarnings("ignore")  # of setuptools, at how ChimeraX calls it
def test_chimerax_builds_the_same_wheel(wheel, tmp_path):
    from chimerax.bundle_builder import BundleBuilder

    builder = BundleBuilder(logging.getLogger(__name__), str(copy_tree(tmp_path / "tree")))
    builder.make_wheel()
    theirs = Path(builder.wheel_path)
    assert wheel.name == theirs.name
    assert dist_info(wheel, "METADATA") == dist_info(theirs, "METADATA")
    assert contents(wheel) == contents(theirs)
