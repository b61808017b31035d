"""Run mutmut on a module: the share of mutations that the tests catch, and the others.

    make mutants                             all modules that run without ChimeraX
    make mutants MODULE=naming               one
    make mutants MODULE=naming.x_tag         one function
    make mutants MODULE=naming LAST=7        a tenth: those whose number ends in 7

mutmut finds out which tests run a function, and tries its mutations against those, the quickest
first. It leaves constants of modules and decorated functions alone. Its settings: pyproject.toml.
"""

import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STAGE = ROOT / "build/mutants"
# mutmut tells a module's name by its path.
LINKS = {
    "chimerax/makesphere": "src",
    **{name: name for name in ("tests", "examples", "pyproject.toml")},
}


def mutmut(*words, **settings):
    program = Path(sys.executable).with_name("mutmut")
    return subprocess.run([program, *words], cwd=STAGE, text=True, **settings)


def main(module="*", last=""):
    shutil.rmtree(STAGE, ignore_errors=True)
    for link, target in LINKS.items():
        (STAGE / link).parent.mkdir(parents=True, exist_ok=True)
        (STAGE / link).symlink_to(ROOT / target)
    chosen = f"*.{module}*{last}"
    mutmut("run", "--max-children", "2", chosen, check=True)
    lines = mutmut("results", "--all", "true", check=True, capture_output=True).stdout.splitlines()
    found = dict(line.strip().split(": ") for line in lines)
    tried = [name for name in found if fnmatch(name, chosen)]
    missed = [name for name in tried if found[name] in ("survived", "no tests")]
    for name in missed:
        mutmut("show", name)
    caught = len(tried) - len(missed)
    print(f"{caught} of {len(tried)} mutations caught, {caught / len(tried):.1%}")


if __name__ == "__main__":
    main(*sys.argv[1:])
