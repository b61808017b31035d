"""Make decoys for all maps in a folder, without windows; existing spheres are left out.

    ChimeraX --nogui --exit --script "batch.py FOLDER [makesphere's arguments]"

For example:  "batch.py maps save decoys". Without arguments it makes the recommended decoys beside
each map, measured at the contour level at which ChimeraX opens it. Warnings are repeated at the
end, by map: look at those maps. The exit status is 0 only if every map got its spheres.
"""

import sys
from pathlib import Path

from chimerax.core.commands import run
from chimerax.core.errors import UserError
from chimerax.core.logger import PlainTextLog
from chimerax.makesphere.arguments import quoted

ENDINGS = (".mrc", ".map", ".ccp4", ".mrc.gz", ".map.gz")


class Warnings(PlainTextLog):
    """Keeps the warnings that are logged."""

    excludes_other_logs = False

    def __init__(self):
        super().__init__()
        self.sentences = []

    def log(self, level, sentence):
        """Keep a message if it is a warning."""
        if level == self.LEVEL_WARNING:
            self.sentences.append(sentence)
        return True


def main(session, folder, *words):
    """Open each map of a folder, run makesphere on it, and close it."""
    files = sorted(Path(folder).resolve().iterdir())
    maps = [f for f in files if f.name.lower().endswith(ENDINGS) and "_sphere_r" not in f.name]
    failed, warned = [], {}
    for count, path in enumerate(maps, start=1):
        session.logger.info(f"[{count}/{len(maps)}] {path.name}")
        models, warnings = [], Warnings()
        session.logger.add_log(warnings)
        try:
            models, _ = session.open_command.open_data(str(path))
            session.models.add(models)
            # A word that was quoted for the script is quoted again for the command.
            line = " ".join(map(quoted, ("makesphere", models[0].atomspec, *words)))
            spheres = run(session, line)
            models += spheres if isinstance(spheres, list) else [spheres]
            warned[path.name] = warnings.sentences
        except (UserError, ValueError) as error:
            session.logger.warning(f"{path.name}: {error}")
            failed.append(path.name)
        finally:
            session.logger.remove_log(warnings)
        session.models.close(models)
    session.logger.info(f"Spheres made for {len(maps) - len(failed)} of {len(maps)} maps")
    for name, sentences in warned.items():
        for sentence in sentences:
            session.logger.warning(f"{name}: {sentence.strip()}")
    if failed:
        session.logger.warning(f"No sphere for: {', '.join(failed)}")
    # ChimeraX without windows makes it its exit status; with windows it would quit.
    if (failed or not maps) and not session.ui.is_gui:
        raise SystemExit(1)


folder, *words = sys.argv[1:]
main(session, folder, *words)  # noqa: F821  ChimeraX gives the session.
