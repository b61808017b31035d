"""Measure makesphere beside what people would use instead: table, plot, figures.

    python benchmarks/bench.py [--boxes 128 256 512] [--rounds 5] [--peers VENV] [--work FOLDER]

Every way runs in processes of its own, the ways of a task in turn, with nothing left to write from
the one before and the map in the page cache. A way that is not installed is reported as absent.
The environment variable CHIMERAX names a ChimeraX that has the bundle.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import report

HERE = Path(__file__).parent
WAYS = str(HERE / "ways.py")
# Ways that need the peers' Python, and the module that tells whether they are there.
PEERS = {"skimage": "skimage", "pytom": "pytom_tm", "ttmask": "ttmask"}
NUMBER = re.compile(r"\d+\.\d[\w.]*")
VERSIONS = """
import importlib.metadata, json, sys
found = {"Python": sys.version.split()[0]}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""
MAP = """
import sys
import numpy as np, mrcfile
n, path = int(sys.argv[1]), sys.argv[2]
noise, axis = np.random.default_rng(n), (np.arange(n) - n // 2) / n
with mrcfile.new_mmap(path, (n, n, n), mrc_mode=2, overwrite=True) as file:
    for k, z in enumerate(axis):
        blob = np.exp(-(axis[:, None] ** 2 + axis**2 + z**2) / (2 * 0.12**2))
        file.data[k] = blob + 0.05 * noise.standard_normal((n, n), dtype=np.float32)
    file.voxel_size = 1.0
    file.set_volume()
    file.update_header_stats()
"""


def main():
    """Measure, then write results.md and results.png beside this file."""
    parser = argparse.ArgumentParser(description="Measure makesphere beside its peers.")
    parser.add_argument("--boxes", type=int, nargs="+", default=[128, 256, 512])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", type=Path, default=Path("build/bench/venv"))
    parser.add_argument("--work", type=Path, default=Path("build/bench"))
    options = parser.parse_args()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    bench = Bench(work, options.peers.absolute() / "bin", options.rounds)
    for box in options.boxes:
        bench.run(box)
    results = {
        "machine": machine(),
        "versions": bench.versions(),
        "date": time.strftime("%Y-%m-%d"),
        "boxes": options.boxes,
        "rounds": options.rounds,
        "runs": bench.runs,
    }
    (work / "results.json").write_text(json.dumps(results))
    print(report.write(results, HERE))


class Bench:
    """Runs of all ways, and what they took: ``runs[task][way][box]`` is a list of rounds."""

    def __init__(self, work, peers, rounds):
        self.work, self.peers, self.rounds = work, peers, rounds
        self.output = work / "out" / "sphere.mrc"
        self.output.parent.mkdir(exist_ok=True)
        self.relion = shutil.which("relion_mask_create")
        self.chimerax = shutil.which(os.environ.get("CHIMERAX", "ChimeraX"))
        self.runs = {task: {way: {} for way in ways} for task, (_, ways) in report.TASKS.items()}

    def run(self, box):
        """Measure all ways in one box."""
        path = self.work / f"map{box}.mrc"
        subprocess.run([sys.executable, "-c", MAP, str(box), path], check=True)
        if self.chimerax:
            for way, rounds in self._in_chimerax(box, path).items():
                self.runs["chimerax"][way][box] = rounds
        for round in range(self.rounds):
            print(f"box {box}, round {round + 1}", file=sys.stderr)
            for task, ways in self.runs.items():
                if task == "chimerax":
                    continue
                for way, found in ways.items():
                    taken = (
                        self._shell(way, box, path)
                        if task == "shell"
                        else self._inside(task, way, box, path)
                    )
                    if taken:
                        found.setdefault(box, []).append(taken)
        path.unlink()

    def _prepare(self, path):
        """Leave no file of the round before, nothing unwritten, and the map in the page cache."""
        shutil.rmtree(self.output.parent)
        self.output.parent.mkdir()
        os.sync()
        with open(path, "rb") as file:
            while file.read(2**20):
                pass

    def _python(self, way):
        if way not in PEERS:
            return sys.executable
        probe = [self.peers / "python", "-c", f"import {PEERS[way]}"]
        try:
            found = subprocess.run(probe, stderr=subprocess.DEVNULL).returncode == 0
        except OSError:
            found = False
        return self.peers / "python" if found else None

    def _inside(self, task, way, box, path):
        if (python := self._python(way)) is None:
            return None
        self._prepare(path)
        words = [python, WAYS, f"{task}:{way}", str(box), path, self.output]
        done = subprocess.run(words, check=True, stdout=subprocess.PIPE)
        return json.loads(done.stdout)

    def _shell(self, way, box, path):
        words = self._words(way, box, path)
        if words is None:
            return None
        self._prepare(path)
        with open(self.work / "shell.log", "w") as log:
            start = time.perf_counter()
            process = subprocess.Popen(words, stdout=log, stderr=log)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        written = sum(file.stat().st_size for file in self.output.parent.glob("*.mrc"))
        if process.returncode or written < 4 * box**3:
            raise RuntimeError(f"{words} failed: see {self.work / 'shell.log'}")
        return {"seconds": seconds, "bytes": 1024 * usage.ru_maxrss}

    def _words(self, way, box, path):
        """Command line of a way; None if it is not installed."""
        radius = report.RADIUS * box
        makesphere = [sys.executable, "-m", "chimerax.makesphere", path, "--output"]
        if way == "makesphere":
            return [*makesphere, self.output, "--radius", str(radius)]
        if way == "pair":
            # All that the recommended decoys take, at the radius of the others.
            measured = ["--radius", "1.8fit", "--value", "0.5match,2match"]
            return [*makesphere, self.output.parent, *measured]
        if way == "relion":
            size = ["--box_size", str(box), "--outer_radius", str(radius), "--angpix", "1"]
            return self.relion and [self.relion, "--denovo", *size, "--o", self.output]
        if (python := self._python(way)) is None:
            return None
        if way == "ttmask":
            size = ["--sidelength", str(box), "--sphere-diameter", str(2 * radius)]
            return [self.peers / "ttmask", "sphere", *size, "--output", self.output]
        return [python, WAYS, f"shell:{way}", str(box), path, self.output]

    def _in_chimerax(self, box, path):
        self._prepare(path)
        result = self.output.with_name("chimerax.json")
        # The session may belong to another user, where ChimeraX is wrapped.
        self.output.parent.chmod(0o777)
        words = f'"{HERE / "in_chimerax.py"}" {path} {box} {self.rounds} {result}'
        with open(self.work / "chimerax.log", "w") as log:
            subprocess.run(
                [self.chimerax, "--nogui", "--exit", "--script", words], stdout=log, stderr=log
            )
        if not result.exists():
            raise RuntimeError(f"ChimeraX failed: see {self.work / 'chimerax.log'}")
        return json.loads(result.read_text())

    def versions(self):
        """Name what was measured, with versions."""
        packages = ["numpy", "mrcfile", "ttmask", "pytom-match-pick", "scikit-image"]
        versions = {}
        for python in (self.peers / "python", sys.executable):
            try:
                told = subprocess.run([python, "-c", VERSIONS, *packages], stdout=subprocess.PIPE)
                versions |= json.loads(told.stdout)
            except OSError:
                pass
        if self.relion:
            told = subprocess.run([self.relion, "--version"], stdout=subprocess.PIPE, text=True)
            versions["RELION"] = NUMBER.search(told.stdout)[0]
        if self.chimerax:
            told = subprocess.run(
                [self.chimerax, "--nogui", "--version"], stdout=subprocess.PIPE, text=True
            )
            versions["ChimeraX"] = NUMBER.search(told.stdout)[0]
        return versions


def machine():
    """Say what machine this is."""
    try:
        cpuinfo = Path("/proc/cpuinfo").read_text()
        name = next(s.split(":")[1].strip() for s in cpuinfo.splitlines() if "model name" in s)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        return f"{name}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.platform()}"
    except (OSError, StopIteration):
        return f"{platform.processor()}, {os.cpu_count()} cores, {platform.platform()}"


if __name__ == "__main__":
    main()
