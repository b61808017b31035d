"""Do makesphere's decoys catch junk? Classifies images whose truth is known, in two ways.

Each run takes images of one map, decoys made by makesphere's own shell command, and one of two
classifiers: the online-EM engine beside this script, or RELION's Class3D. It adds one row to a CSV
file. A run found there is not run again, so that the plan goes on where it was stopped::

    python benchmarks/decoy/run.py --jobs 2          # all that is missing from results.csv
    python benchmarks/decoy/run.py --sample          # a few small runs: does it still work?
    python benchmarks/decoy/report.py                # tables and plots from results.csv
"""

import argparse
import csv
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import online_em
import relion
import synthetic

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1] / "src"
SEEDS = (1, 2, 3)
ENGINE = "online EM"
RELION = {"3": "RELION 3", "5": "RELION 5"}  # by the first number of its version
BOTH = (ENGINE, RELION["3"])  # what was run on more than one map
RELION_ITERATIONS = 8
MASK = 0.84  # diameter of RELION's mask over the box's side


@dataclass(frozen=True)
class Setting:
    """What a run is given, beside the map, the classifier and the seed.

    Attributes
    ----------
    decoys : tuple of (str, str)
        Radius and value of each of makesphere's commands, as it takes them.
    arguments : tuple of str
        Further arguments of makesphere.
    copies : int
        How many times the map itself is given.
    noise : bool
        Put low-passed noise, its views as strong, in the place of each sphere.
    poor : bool
        Start from the map low-passed to 40 Å; also makesphere does.
    snr : float
        Signal-to-noise ratio of the images: see `synthetic.grey_scale`.
    particles, junk : int
        Number of true particles and of junk images.
    options : online_em.Options
    """

    decoys: tuple = ()
    arguments: tuple = ()
    copies: int = 1
    noise: bool = False
    poor: bool = False
    snr: float = 0.06
    particles: int = 300
    junk: int = 120
    options: online_em.Options = field(default_factory=online_em.Options)


def spheres(*decoys, **changes):
    """Return a setting with decoys of these radii and values."""
    return Setting(decoys=decoys, **changes)


COLUMNS = [
    "run", "setting", "map", "classifier", "version", "seed", "snr", "radius_A", "density",
    "strength", "strength_with_ctf", "good_class", "particle", "particle_lost",
    *(c for k in synthetic.JUNK for c in (k, f"{k}_caught")), "history", "seconds",
]  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One setting on one map, by one classifier, with one seed.

    The seed stands for the images, 100 more, for the classifier, and for noise, 200 more.
    """

    setting: str
    map: str
    classifier: str
    seed: int

    @property
    def name(self):
        """Return the name that the results and the folder of the run go by."""
        words = f"{self.setting} {self.map} {self.classifier} s{self.seed}"
        return re.sub(r"[^a-z0-9.]+", "-", words.lower())


AROUND = "match,4match"
BESIDE = "radius 0.2fit offset fit value 0.25match,match"
AT_CENTRE = "radius 0.2fit value 0.25match,match"
TWICE = "the map twice and match"
NOISE = "0.5match,2match, noise"
OFFSET = ("--offset", "fit")
# The pairs of spheres around the particle and beside it.
PAIRS = {
    AROUND: spheres(("1.3fit", "match,4match")),
    BESIDE: spheres(("0.2fit", "0.25match,match"), arguments=OFFSET),
}
# On every map.
MAIN = {
    "1": spheres(("1.3fit", "1")),
    "match": spheres(("1.3fit", "match")),
    "match,2match": spheres(("1.3fit", "match,2match")),
    **PAIRS,
    AT_CENTRE: spheres(("0.2fit", "0.25match,match")),
    TWICE: spheres(("1.3fit", "match"), copies=2),
    NOISE: spheres(("1.3fit", "0.5match,2match"), noise=True),
    "match,4match, noise": spheres(("1.3fit", "match,4match"), noise=True),
    "match,2match,4match": spheres(("1.3fit", "match,2match,4match")),
}
BY_RELION = (BESIDE, AROUND, "1")
FACTOR_MAPS = ("EMD-3488", "EMD-11007")
# What may go otherwise, to either pair.
CONDITIONS = {
    "no random iterations": {"options": online_em.Options(random_iterations=0)},
    "hard classes": {"options": online_em.Options(hard=True)},
    "a tenth of the signal": {"snr": 0.006},
    "mostly junk": {"particles": 120, "junk": 300},
    "three times the images": {"particles": 900, "junk": 360},
    "poor start": {"poor": True},
}


def under(pair, condition):
    """Return the name of a setting: one of `PAIRS`, and what goes otherwise."""
    return f"{pair}; {condition}"


FACTORS = {
    under(pair, condition): replace(setting, **changes)
    for pair, setting in PAIRS.items()
    for condition, changes in CONDITIONS.items()
}
# Other spheres.
SHAPES = {
    "radius fit value match,4match": spheres(("fit", AROUND)),
    "radius 1.6fit value match,4match": spheres(("1.6fit", AROUND)),
    "radius 1.3fit edge 24 value match,4match": spheres(
        ("1.3fit", AROUND), arguments=("--edge", "24")
    ),
    "match,8match": spheres(("1.3fit", "match,8match")),
    "0.5match,2match": spheres(("1.3fit", "0.5match,2match")),
    "two spheres of match": spheres(("1.3fit", "match"), ("1.3fit", "match")),
    "match,4match and a small bright one": spheres(("1.3fit", AROUND), ("0.6fit", "8match")),
    "no sphere, the map twice": Setting(copies=2),
    "no sphere, the map three times": Setting(copies=3),
    "radius 0.4fit value match,4match": spheres(("0.4fit", AROUND)),
    "radius 1.3fit innerRadius 36 value match,4match": spheres(
        ("1.3fit", AROUND), arguments=("--inner-radius", "36")
    ),
    **{
        f"radius {radius} offset {offset} value {value}": spheres(
            (radius, value), arguments=("--offset", offset)
        )
        for radius, offset, value in (
            ("fit", "0.5fit", "match,4match"),
            ("0.1fit", "fit", "0.25match,match"),
            ("0.3fit", "fit", "0.25match,match"),
            ("0.4fit", "fit", "match,4match"),
            ("0.2fit", "0.5fit", "0.25match,match"),
            ("0.2fit", "fit", "0.5match,2match"),
            ("0.2fit", "fit", "match,4match"),
            ("0.2fit", "fit", "0.5match"),
        )
    },
}
# One sphere, ever brighter.
SWEEP = {v: spheres(("1.3fit", v)) for v in ("0.5match", "1.4match", "2match", "4match", "8match")}
SINGLE = ("0.5match", "match", "1.4match", "2match", "4match", "8match", "1")
SETTINGS = MAIN | FACTORS | SHAPES | SWEEP
SHORT = ("1", "match", AROUND, BESIDE)
# RELION is slow: the maps in the order of what they tell. What was tried on one map, on the first.
SLOW = ("EMD-3488", "compact", "halo", "elongated", "EMD-11007")
ONE_MAP = SLOW[0]
PLAN = [Run(s, m, ENGINE, seed) for seed in SEEDS for s in MAIN for m in synthetic.MAPS]
PLAN += [Run(s, m, RELION["3"], seed) for seed in SEEDS for s in BY_RELION for m in SLOW]
PLAN += [Run(s, m, ENGINE, seed) for s in FACTORS for m in FACTOR_MAPS for seed in SEEDS]
PLAN += [Run(s, ONE_MAP, ENGINE, seed) for s in (*SWEEP, *SHAPES) for seed in SEEDS]
PLAN += [Run(s, ONE_MAP, RELION["5"], seed) for s in (BESIDE, "1") for seed in SEEDS]
QUICK = {
    "particles": 40,
    "junk": 20,
    "options": online_em.Options(iterations=3, random_iterations=1, full_passes=1, angle=30.0),
}
SAMPLE_SETTINGS = {s: replace(MAIN[s], **QUICK) for s in ("1", BESIDE)}
SAMPLE = [Run(s, "EMD-3488", c, 1) for s in SAMPLE_SETTINGS for c in (ENGINE, RELION["3"])]


def makesphere(map_path, folder, radius, value, arguments=()):
    """Make spheres with makesphere's shell command.

    Returns
    -------
    list of (float, ndarray)
        Radius in Å and density array, the faintest first.
    """
    # A namespace package around this checkout's source, so that no installed copy is taken.
    package = folder / "namespace" / "chimerax"
    package.mkdir(parents=True)
    (package / "makesphere").symlink_to(SOURCE, target_is_directory=True)
    command = [sys.executable, "-m", "chimerax.makesphere", map_path, "--radius", radius]
    command += ["--value", value, *arguments, "--output", folder]
    done = subprocess.run(
        [str(c) for c in command],
        env=os.environ | {"PYTHONPATH": str(package.parent), "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
    )
    if done.returncode:
        raise RuntimeError(f"makesphere failed: {done.stderr.strip() or done.stdout}")
    found = []
    for path in folder.glob("*.mrc"):
        radius = re.search(r"_r(\d+)(?:p(\d+))?A", path.name)
        found.append((float(f"{radius[1]}.{radius[2] or 0}"), relion.read_map(path)))
    return sorted(found, key=lambda pair: float(pair[1].max()))


def dataset(run, setting, work):
    """Return images, defocus and kinds; made once, and kept for other runs."""
    name = f"{run.map}-{setting.snr}-{setting.particles}-{setting.junk}-{run.seed}.npz"
    path = work / "data" / name
    if not path.exists():
        particle = synthetic.grey_scale(synthetic.make_particle(run.map), setting.snr)
        made = synthetic.make_dataset(particle, setting.particles, setting.junk, 100 + run.seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{run.name}-{name}")
        np.savez(unfinished, images=made[0], defocus=made[1], kinds=made[2])
        unfinished.rename(path)
    with np.load(path) as made:
        return made["images"], made["defocus"], made["kinds"]


def references(run, setting, folder):
    """Make the starting references.

    Returns
    -------
    volumes : list of ndarray
        The map, as many times as is asked, and the decoys.
    voxel : float
        Å.
    facts : dict
        What the results say of the decoys.
    """
    particle = synthetic.grey_scale(synthetic.make_particle(run.map), setting.snr)
    volume, voxel = particle.volume(), particle.voxel
    if setting.poor:
        volume = synthetic.low_pass(volume, 40.0, voxel).astype(np.float32)
    path = folder / "map.mrc"
    relion.write_map(path, volume, voxel)
    volumes, facts = [volume] * setting.copies, {}
    energies = [synthetic.view_energy(volume, voxel, s) for s in (None, synthetic.mean_ctf2)]
    for i, (radius, value) in enumerate(setting.decoys):
        made = makesphere(path, folder / f"spheres{i}", radius, value, setting.arguments)
        for outer, sphere in made:
            density = float(sphere.max())
            if setting.noise:
                sphere = synthetic.noise_decoy(sphere, voxel, 200 + run.seed)
            strength, seen = (
                synthetic.view_energy(sphere, voxel, s) / energy
                for s, energy in zip((None, synthetic.mean_ctf2), energies, strict=True)
            )
            columns = ("radius_A", "density", "strength", "strength_with_ctf")
            for column, fact in zip(columns, (outer, density, strength, seen), strict=True):
                facts.setdefault(column, []).append(f"{fact:.4g}")
            volumes.append(sphere)
    return volumes, voxel, {column: ";".join(values) for column, values in facts.items()}


def classify(run, setting, folder, program, images, defocus, volumes, voxel):
    """Classify, and return the class of each image after each iteration, from 0."""
    if run.classifier == ENGINE:
        found = []
        classifier = online_em.Classifier(
            images,
            volumes,
            voxel,
            lambda frequency: synthetic.ctf(frequency, defocus[:, None]),
            setting.options,
            run.seed,
        )
        classifier.run(lambda c: found.append(c.probability.argmax(axis=1)))
        return found
    paths = []
    for i, volume in enumerate(volumes):
        paths.append(folder / f"reference{i}.mrc")
        relion.write_map(paths[-1], volume, voxel)
    if setting.copies == len(volumes):
        paths = paths[:1]  # RELION makes the classes differ itself
    iterations = min(RELION_ITERATIONS, setting.options.iterations)
    relion.class3d(
        program,
        folder,
        relion.write_particles(folder, images, voxel, defocus),
        paths,
        classes=len(volumes),
        iterations=iterations,
        diameter=MASK * images.shape[-1] * voxel,
        seed=run.seed,
    )
    return [relion.read_classes(folder, i) - 1 for i in range(1, iterations + 1)]


def do(run, setting, work, program):
    """Do a run, and return its row of the results."""
    started = time.monotonic()
    folder = work / run.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    images, defocus, kinds = dataset(run, setting, work)
    volumes, voxel, facts = references(run, setting, folder)
    each = classify(run, setting, folder, program, images, defocus, volumes, voxel)
    truth = kinds == synthetic.PARTICLE
    # The class that a user would go on with; nearly always that of the map, number 0.
    good = np.bincount(each[-1][truth]).argmax()
    row = {
        "run": run.name,
        "setting": run.setting,
        "map": run.map,
        "classifier": run.classifier,
        "version": relion.version(program) if program else f"NumPy {np.__version__}",
        "seed": run.seed,
        "snr": setting.snr,
        "good_class": int(good),
        "particle": int(truth.sum()),
        "particle_lost": int(np.sum(each[-1][truth] != good)),
        # After each iteration, for particles and for each kind of junk, how many were outside.
        "history": ";".join(
            " ".join(
                str(np.sum(c[kinds == k] != good)) for k in (synthetic.PARTICLE, *synthetic.JUNK)
            )
            for c in each
        ),
        "seconds": round(time.monotonic() - started),
    }
    for kind in synthetic.JUNK:
        row[kind] = int(np.sum(kinds == kind))
        row[f"{kind}_caught"] = int(np.sum(each[-1][kinds == kind] != good))
    shutil.rmtree(folder)
    return row | facts


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


def run_all(plan, settings, work, results, jobs, programs):
    """Run what is missing, `jobs` at a time, and return the number of runs that failed.

    Parameters
    ----------
    plan : list of Run
    settings : dict
        Name to `Setting`.
    work, results : Path
        Folder to work in, file for the results.
    jobs : int
    programs : dict
        Classifier to the program it needs, or to None; runs of others are left out.
    """
    done = {row["run"] for row in read_results(results)}
    waiting = [run for run in plan if run.name not in done and run.classifier in programs]
    print(f"{len(plan)} runs planned, {len(plan) - len(waiting)} not to be done now", flush=True)
    # Each worker has one core; set before it loads NumPy, as it is started afresh.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    failed = 0
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        futures = {
            pool.submit(do, run, settings[run.setting], work, programs[run.classifier]): run
            for run in waiting
        }
        for future in as_completed(futures):
            try:
                row = future.result()
            except Exception as error:
                failed += 1
                print(f"{futures[future].name}: {error}", file=sys.stderr, flush=True)
                continue
            append_result(results, row)
            print(f"{time.strftime('%H:%M:%S')} {summary(row)}", flush=True)
    return failed


def summary(row):
    """Return one line about a finished run."""
    caught = "  ".join(f"{k} {row[f'{k}_caught']}/{row[k]}" for k in synthetic.JUNK)
    lost = f"particles lost {row['particle_lost']}/{row['particle']}"
    return f"{row['run']}: caught {caught}; {lost}; {row['seconds']} s"


def main():
    """Run the plan or the sample from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--sample", action="store_true", help="a few small runs, results kept in the work folder")
    add("--list", action="store_true", help="print the plan and what is done of it")
    add("--jobs", type=int, default=2, metavar="N", help="runs at a time; default: 2")
    add("--only", metavar="PATTERN", default="", help="runs whose names match")
    add("--relion", action="append", metavar="PROGRAM", help="default: relion_refine")
    add("--work", type=Path, default=Path("build/decoy"), help="folder; default: build/decoy")
    add("--results", type=Path, default=HERE / "results.csv", help="default: beside this script")
    options = parser.parse_args()
    plan = [run for run in PLAN if re.search(options.only, run.name)]
    if options.list:
        done = {row["run"] for row in read_results(options.results)}
        for run in plan:
            print("done   " if run.name in done else "missing", run.name)
        return 0
    programs = {ENGINE: None}
    for program in options.relion or [relion.PROGRAM]:
        version = relion.version(program)
        if version is None:
            print(f"{program} is not installed (on Debian: apt-get install relion): left out")
        else:
            programs[RELION[version[0]]] = program
    work, settings, results = options.work.resolve(), SETTINGS, options.results
    if options.sample:
        work, plan, settings = work / "sample", SAMPLE, SAMPLE_SETTINGS
        shutil.rmtree(work, ignore_errors=True)
        results = work / "results.csv"
    work.mkdir(parents=True, exist_ok=True)
    results.parent.mkdir(parents=True, exist_ok=True)
    failed = run_all(plan, settings, work, results, options.jobs, programs)
    print(f"results in {results}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
