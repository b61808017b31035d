"""Starting ChimeraX, and importing the package, costs nothing until it is used."""

import json
import subprocess
import sys

from conftest import in_chimerax


@in_chimerax
def test_starting_chimerax_imports_nothing_of_the_bundle(tmp_path):
    script = tmp_path / "loaded.py"
    output = tmp_path / "loaded.json"
    script.write_text(
        "import json, sys\n"
        "from chimerax.core.commands import cli\n"
        "assert 'makesphere' in cli.registered_commands()\n"
        f"json.dump(sorted(sys.modules), open({str(output)!r}, 'w'))\n"
    )
    words = ["--nogui", "--silent", "--exit", "--script", str(script)]
    # In ChimeraX sys.executable is ChimeraX, which takes Python's options too.
    subprocess.run([sys.executable, *words], check=True, timeout=300)
    loaded = json.loads(output.read_text())
    ours = {name for name in loaded if name.startswith("chimerax.makesphere")}
    # With windows, the mouse mode as well.
    assert ours == {"chimerax.makesphere", "chimerax.makesphere.bundle"}
    assert "mrcfile" not in loaded


def test_importing_the_package_imports_nothing_else():
    probe = (
        "import sys; before = set(sys.modules); import chimerax.makesphere;"
        "print(*set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", probe], stdout=subprocess.PIPE, text=True)
    assert set(done.stdout.split()) <= {"chimerax", "chimerax.makesphere"}
