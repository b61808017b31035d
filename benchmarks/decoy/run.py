"""Does a makesphere decoy catch junk? Runs RELION's Class3D on synthetic particles.

Each run makes its data and its decoys (by makesphere's own shell command), classifies, and adds
one row to a CSV file. A run found there is not run again, so that the plan goes on where it was
stopped::

    python benchmarks/decoy/run.py --jobs 2          # all that is missing from results.csv
    python benchmarks/decoy/run.py --sample          # two tiny runs: does it still work?
    python benchmarks/decoy/report.py                # the table and the plot from results.csv
"""

import argparse
import csv
import os
import re
import shutil
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import relion
import synthetic

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1] / "src"
MASK_DIAMETER = 212.0  # Å; holds the largest sphere of the plan
SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class Setting:
    """What a run is given; the defaults are the point from which one factor changes at a time.

    Attributes
    ----------
    map : str
        One of `synthetic.MAPS`.
    times_match : tuple of float or None
        Density of each sphere in units of ``value match``; None is makesphere's default of 1.
    radii : tuple of float
        Radius of each sphere over ``radius fit``; empty for no decoy, two classes from the map.
    edge : float
        Full width of the soft edge in Å.
    hollow : float
        Inner radius over radius; 0 is solid.
    snr : float
        Signal-to-noise ratio of the images: see `synthetic.grey_scale`.
    noise : bool
        Replace the sphere's density by low-passed noise of the same energy in projection.
    particles, junk : int
        Number of true particles and of junk images.
    """

    map: str = "compact"
    times_match: tuple = (1.0,)
    radii: tuple = (1.3,)
    edge: float = 0.0
    hollow: float = 0.0
    snr: float = 0.06
    noise: bool = False
    particles: int = 600
    junk: int = 240


SETTINGS = {
    "value 1": Setting(times_match=(None,)),
    "match": Setting(),
    "0.5 x match": Setting(times_match=(0.5,)),
    "2 x match": Setting(times_match=(2.0,)),
    "4 x match": Setting(times_match=(4.0,)),
    # One factor at a time.
    "radius 1.0 x fit": Setting(radii=(1.0,)),
    "radius 1.6 x fit": Setting(radii=(1.6,)),
    "soft edge": Setting(edge=24.0),
    "two decoys": Setting(radii=(1.0, 1.6), times_match=(1.0, 1.0)),
    "no decoy": Setting(radii=(), times_match=()),
    "low SNR": Setting(snr=0.008),
    "elongated map": Setting(map="elongated"),
    "map with halo": Setting(map="halo"),
    "noise volume": Setting(noise=True),
    # Where the first results ask for more.
    "match and 2 x match": Setting(radii=(1.3, 1.3), times_match=(1.0, 2.0)),
    "radius 1.0, 0.5 x match": Setting(radii=(1.0,), times_match=(0.5,)),
    "1.4 x match": Setting(times_match=(1.4,)),
    "mostly junk": Setting(particles=240, junk=600),
    "hollow shell": Setting(hollow=0.7),
    "elongated map, value 1": Setting(map="elongated", times_match=(None,)),
    "map with halo, value 1": Setting(map="halo", times_match=(None,)),
    "low SNR, 0.5 x match": Setting(snr=0.008, times_match=(0.5,)),
}
MAIN = list(SETTINGS)[:5]
ONE_FACTOR = list(SETTINGS)[5:14]
MORE = list(SETTINGS)[14:]
ITERATIONS = 8


@dataclass(frozen=True)
class Run:
    """One setting with one seed: the data, RELION and a noise volume each have their own."""

    setting: str
    seed: int
    sample: bool = False

    @property
    def name(self):
        """Return the name that the results and the folder of the run go by."""
        return re.sub(r"[^a-z0-9.]+", "-", f"{self.setting} s{self.seed}".lower())

    @property
    def size(self):
        """Return the number of particles, of junk images and of iterations."""
        setting = SETTINGS[self.setting]
        return (60, 25, 2) if self.sample else (setting.particles, setting.junk, ITERATIONS)

    @property
    def data_seed(self):
        """Return the seed of the images."""
        return 100 + self.seed

    @property
    def noise_seed(self):
        """Return the seed of the noise volume."""
        return 200 + self.seed


PLAN = [Run(s, seed) for part in (MAIN, ONE_FACTOR) for seed in SEEDS for s in part]
PLAN += [Run(s, seed) for seed in SEEDS[:2] for s in MORE]
SAMPLE = [Run(s, 1, sample=True) for s in ("match", "value 1")]

COLUMNS = [
    "run", "setting", "seed", "data_seed", "relion_seed", "noise_seed", "map", "snr",
    "fit_A", "radius_A", "edge_A", "density", "match_density", "energy_ratio", "iterations",
    "particle", "particle_lost", *(c for k in synthetic.JUNK for c in (k, f"{k}_caught")),
    "outside_by_iteration", "seconds", "relion",
]  # fmt: skip


def makesphere(work, map_path, output, radius, value="match", edge=0.0, inner=0.0):
    """Make a sphere with makesphere's shell command.

    Returns
    -------
    radius : float
        In Å.
    sphere : ndarray
    """
    # A namespace package around this checkout's source, so that no installed copy is taken.
    package = work / "namespace" / "chimerax"
    package.mkdir(parents=True, exist_ok=True)
    if not (package / "makesphere").is_symlink():
        (package / "makesphere").symlink_to(SOURCE, target_is_directory=True)
    command = [sys.executable, "-m", "chimerax.makesphere", map_path, "--radius", radius]
    command += ["--value", value, "--edge", edge, "--inner-radius", inner, "--output", output]
    done = subprocess.run(
        [str(c) for c in command],
        env=os.environ | {"PYTHONPATH": str(package.parent), "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    found = re.search(r"^ *Radius +([\d.]+) Å", done.stdout, re.MULTILINE)
    if done.returncode or not found:
        raise RuntimeError(f"makesphere failed: {done.stderr.strip() or done.stdout}")
    return float(found[1]), relion.read_map(output)


class Job:
    """A run at work."""

    def __init__(self, run, work):
        self.run = run
        self.setting = SETTINGS[run.setting]
        self.work = work
        self.folder = work / run.name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        particle = synthetic.grey_scale(synthetic.make_particle(self.setting.map), self.setting.snr)
        volume = particle.volume()
        references = [self.folder / "map.mrc"]
        relion.write_map(references[0], volume, synthetic.VOXEL)
        self.facts = self._make_decoys(references, synthetic.projection_energy(volume))
        particles, junk, self.iterations = run.size
        images, kinds = synthetic.make_dataset(particle, particles, junk, run.data_seed)
        self.kinds = np.array(kinds)
        self.started = time.monotonic()
        self.process = relion.start_class3d(
            self.folder,
            relion.write_particles(self.folder, images, synthetic.VOXEL),
            references,
            classes=max(2, len(references)),
            iterations=self.iterations,
            diameter=MASK_DIAMETER,
            seed=run.seed,
        )

    def _make_decoys(self, references, map_energy):
        """Make the decoys, add them to the references, and return what is known of them."""
        facts = {"radius_A": [], "density": [], "match_density": [], "energy_ratio": []}
        path = self.folder / "fit.mrc"
        facts["fit_A"], _ = makesphere(self.work, references[0], path, "fit")
        for ratio, times in zip(self.setting.radii, self.setting.times_match, strict=True):
            path = self.folder / f"decoy{len(references)}.mrc"
            outer = round(ratio * facts["fit_A"], 1)
            form = {"edge": self.setting.edge, "inner": round(self.setting.hollow * outer, 1)}
            radius, sphere = makesphere(self.work, references[0], path, outer, **form)
            match = float(sphere.max())
            if times != 1:
                value = 1 if times is None else f"{times * match:.6g}"
                radius, sphere = makesphere(self.work, references[0], path, outer, value, **form)
            density = float(sphere.max())
            if self.setting.noise:
                sphere = synthetic.noise_decoy(sphere, self.run.noise_seed)
                relion.write_map(path, sphere, synthetic.VOXEL)
            references.append(path)
            facts["radius_A"].append(radius)
            facts["density"].append(float(f"{density:.5g}"))
            facts["match_density"].append(float(f"{match:.5g}"))
            energy = synthetic.projection_energy(sphere) / map_energy
            facts["energy_ratio"].append(float(f"{energy:.4g}"))
        joined = {k: ";".join(map(str, v)) for k, v in facts.items() if isinstance(v, list)}
        return facts | joined

    def row(self):
        """Return the row of the results.

        Raises
        ------
        RuntimeError
            RELION failed.
        """
        run = self.run
        if self.process.returncode:
            status, tail = self.process.returncode, relion.log_tail(self.folder)
            raise RuntimeError(f"{relion.PROGRAM} ended with status {status}:\n{tail}")
        each = [relion.read_classes(self.folder, i) for i in range(1, self.iterations + 1)]
        truth = self.kinds == synthetic.PARTICLE
        good = 1
        if not self.setting.radii and np.sum(each[-1][truth] == 2) > np.sum(each[-1][truth] == 1):
            good = 2  # without a decoy, the class that holds more of the particles
        outside = each[-1] != good
        row = {
            "run": run.name,
            "setting": run.setting,
            "seed": run.seed,
            "data_seed": run.data_seed,
            "relion_seed": run.seed,
            "noise_seed": run.noise_seed if self.setting.noise else "",
            "map": self.setting.map,
            "snr": self.setting.snr,
            "edge_A": self.setting.edge,
            "iterations": self.iterations,
            "particle": int(truth.sum()),
            "particle_lost": int(outside[truth].sum()),
            "outside_by_iteration": ";".join(str(int(np.sum(c != good))) for c in each),
            "seconds": round(time.monotonic() - self.started),
            "relion": relion.version(),
        }
        for kind in synthetic.JUNK:
            row[kind] = int(np.sum(self.kinds == kind))
            row[f"{kind}_caught"] = int(np.sum(outside[self.kinds == kind]))
        return row | self.facts


def read_results(path):
    """Return the rows of the results, as a list of dict; none where there is no file."""
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def append_result(path, row):
    """Add one row to the results, and the header to a new file."""
    new = not path.exists()
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def run_all(plan, work, results, jobs):
    """Run what is missing, `jobs` at a time, and return the number of runs that failed."""
    done = {row["run"] for row in read_results(results)}
    waiting = deque(run for run in plan if run.name not in done)
    print(f"{len(plan)} runs planned, {len(plan) - len(waiting)} done before")
    active, failed = [], 0
    try:
        while waiting or active:
            while waiting and len(active) < jobs:
                active.append(Job(waiting.popleft(), work))
                print(f"{time.strftime('%H:%M:%S')} start  {active[-1].run.name}", flush=True)
            time.sleep(0.5)
            for job in [job for job in active if job.process.poll() is not None]:
                active.remove(job)
                try:
                    row = job.row()
                except RuntimeError as error:
                    failed += 1
                    print(f"{job.run.name}: {error}", file=sys.stderr)
                    continue
                append_result(results, row)
                print(f"{time.strftime('%H:%M:%S')} {summary(row)}", flush=True)
    finally:
        for job in active:
            job.process.terminate()
    return failed


def summary(row):
    """Return one line about a finished run."""
    caught = "  ".join(f"{k} {row[f'{k}_caught']}/{row[k]}" for k in synthetic.JUNK)
    lost = f"particles lost {row['particle_lost']}/{row['particle']}"
    return f"done   {row['run']}: caught {caught}; {lost}; {row['seconds']} s"


def main():
    """Run the plan or the sample from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--sample", action="store_true", help="two tiny runs, results kept in the work folder")
    add("--list", action="store_true", help="print the plan and what is done of it")
    add("--jobs", type=int, default=2, metavar="N", help="runs at a time; default: 2")
    add("--work", type=Path, default=Path("build/decoy"), help="folder; default: build/decoy")
    add("--results", type=Path, default=HERE / "results.csv", help="default: beside this script")
    options = parser.parse_args()
    if options.list:
        done = {row["run"] for row in read_results(options.results)}
        for run in PLAN:
            print("done   " if run.name in done else "missing", run.name)
        return 0
    if relion.version() is None:
        print(
            f"RELION is not installed ({relion.PROGRAM} is not on the PATH; on Debian: "
            "apt-get install relion), so no classification was run."
        )
        return 0 if options.sample else 1
    work = options.work.resolve()
    if options.sample:
        work /= "sample"
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    results = work / "results.csv" if options.sample else options.results
    results.parent.mkdir(parents=True, exist_ok=True)
    failed = run_all(SAMPLE if options.sample else PLAN, work, results, options.jobs)
    print(f"results in {results}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
