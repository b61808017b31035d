"""What is run, and the results; needs neither PyTorch nor NumPy."""

import csv
import re
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.csv"
SEEDS = (1, 2, 3)

PARTICLE = "particle"
# Shares of the junk.
JUNK = {
    "noise": 0.35,
    "ice": 0.10,
    "edge": 0.10,
    "micelle": 0.10,
    "aggregate": 0.15,
    "small": 0.10,
    "half": 0.10,
}
SYNTHETIC = ("compact", "elongated", "halo")
REAL = ("EMD-3488", "EMD-11007")
MODELS = ("4GXY", "3SN6", "3L5Q")
MAPS = (*SYNTHETIC, *REAL, *MODELS)
# Where not all can be run: two that were there and two that are new.
SOME_MAPS = ("EMD-3488", "4GXY", "3SN6", "compact")
# On CPUs: one that lost particles, one that lost none.
TWO_MAPS = ("compact", "4GXY")

# What `match` is measured against. In older results it is "map": all of it, noise included.
MATCH_OF = "particle"
# Of the engine. The first one brightened starting references away from the center.
EDITION = "2"

ENGINE = "online EM"
RELION = "RELION 3"

HAND = "radius 1.3fit value 1"
MATCH = "radius 1.3fit value match"
AROUND = "radius 1.3fit value 0.5match,2match"
BESIDE = "radius 0.2fit offset fit value 0.5match,2match"
TWICE = "the map twice and match"
THEN_BESIDE = f"{AROUND}, then {BESIDE}"
THEN_AROUND = f"{AROUND}, then again"
# Spheres of the map, which then loses what is around the particle.
SOFT = "radius 1.2fit edge 20"
MASKED = f"map times {SOFT}: "
MASKED_AROUND, MASKED_BESIDE = MASKED + AROUND, MASKED + BESIDE


@dataclass(frozen=True)
class Conditions:
    """What a run is given beside the map and the decoys.

    Attributes
    ----------
    start : int
        Å; the resolution of the map that the run and the decoys begin with.
    images : int
        How many, in all.
    junk : int
        Percent of them.
    snr : float
        Signal-to-noise ratio: see `synthetic.gray_scale`.
    noise : int
        Å; the resolution at which noise was added to the map, before it was low-passed to `start`.
    job : int
        Å; the resolution at which the classifier begins.
    """

    start: int = 12
    images: int = 6000
    junk: int = 40
    snr: float = 0.06
    noise: int = 12
    job: int = 20


USUAL = Conditions()
POOR = Conditions(start=30)
BAD = Conditions(start=40)
FEW = Conditions(images=1500)
FEW_BAD = Conditions(start=40, images=1500)
MANY = Conditions(images=20000)
DIRTY = Conditions(junk=70)
FAINT = Conditions(snr=0.02)
FEW_DIRTY = Conditions(images=1500, junk=70)
FEW_FAINT = Conditions(images=1500, snr=0.02)
FEW_POOR = Conditions(start=30, images=1500)
FEW_DIRTY_POOR = Conditions(start=30, images=1500, junk=70)
FAINT_BAD = Conditions(start=40, snr=0.02)
# As low-passed, but with noise of a tenth of its own peak.
FEW_NOISY = Conditions(start=40, images=1500, noise=40)
FEW_DIRTY_NOISY = Conditions(start=40, images=1500, junk=70, noise=40)
# The job's own way of low-passing.
FEW_JOB = Conditions(images=1500, job=30)
FEW_DIRTY_JOB = Conditions(images=1500, junk=70, job=30)
FEW_BAD_JOB = Conditions(start=40, images=1500, job=30)
FEW_NOISY_JOB = Conditions(start=40, images=1500, noise=40, job=30)
QUICK = Conditions(images=60)


@dataclass(frozen=True)
class Run:
    """One setting on one map in some conditions, by one classifier, with one seed.

    The seed stands for the images, 100 more, for the noise in the starting map, 200 more, and for
    the classifier.
    """

    setting: str
    map: str
    seed: int
    conditions: Conditions = USUAL
    classifier: str = ENGINE

    @property
    def name(self) -> str:
        """Return the name that the results go by."""
        c = self.conditions
        words = f"{self.setting} {self.map} {c.start}A n{c.images} j{c.junk} snr{c.snr}"
        words += f" noise{c.noise}A" * (c.noise != 12) + f" job{c.job}A" * (c.job != 20)
        return re.sub(r"[^a-z0-9.]+", "-", f"{words} {self.classifier} s{self.seed}".lower())


COLUMNS = [
    "run", "setting", "map", "classifier", "version", "seed", "start_A", "images", "junk_percent",
    "snr", "noise_A", "job_A", "match_of", "radius_A", "offset_A", "density", "strength",
    "good_class", "particle", "particle_lost", *(c for k in JUNK for c in (k, f"{k}_caught")),
    "iterations", "resolution_A", "seconds", "edition",
]  # fmt: skip


def block(settings, conditions=USUAL, maps=MAPS) -> list[Run]:
    """Return runs of all these, with all seeds."""
    return [Run(s, m, seed, conditions) for s in settings for m in maps for seed in SEEDS]


# Other pairs beside the particle, and other spheres around it.
OTHERS_BESIDE = (
    "radius 0.4fit offset fit value 0.5match,2match",
    "radius 0.4fit offset fit value match,4match",
    "radius 0.2fit offset 0.5fit value 0.5match,2match",
    "radius 0.6fit offset 0.5fit value 0.5match,2match",
)
OTHERS_AROUND = (
    "radius 1.3fit value match,4match",
    "radius 1.3fit value 0.5match,4match",
    "radius 1.3fit value 0.25match,match",
    "radius fit value 0.5match,2match",
    "radius 1.6fit value 0.5match,2match",
    "radius 1.3fit value 0.5match,match,2match",
)
# Each question with so few images that CPUs can answer it.
ON_CPUS = [
    *block((AROUND, BESIDE), FEW_DIRTY_POOR),
    *block((AROUND, BESIDE), FEW_POOR),
    *block((AROUND, BESIDE), FEW_DIRTY),
    *block((AROUND, BESIDE), FEW_NOISY),
    *block((AROUND, BESIDE), FEW_DIRTY_NOISY),
    *block((MASKED_AROUND, MASKED_BESIDE), FEW_DIRTY),
    *block((MASKED_AROUND, MASKED_BESIDE), FEW),
    *block((MASKED_AROUND, MASKED_BESIDE), FEW_DIRTY_NOISY),
    *block((MATCH,), FEW_DIRTY_POOR),
    *block((MATCH,), FEW_POOR),
    *block((AROUND,), FEW_DIRTY_JOB, (*TWO_MAPS, "EMD-11007")),
    *block((BESIDE,), FEW_DIRTY_JOB),
    *block((AROUND,), FEW_JOB, TWO_MAPS),
    *block((AROUND,), FEW_NOISY_JOB, ("EMD-3488",)),
    *block((AROUND, BESIDE), FEW_BAD_JOB, ("EMD-3488",)),
    *block((TWICE,), FEW, TWO_MAPS),
    *block((AROUND,), FEW_FAINT, TWO_MAPS),
    *block((MATCH,), FEW, ("compact", "EMD-11007")),
    *block((HAND,), FEW, ("compact",)),
    *block((MATCH,), FEW_DIRTY, ("compact",)),
    *block((BESIDE,), FEW_FAINT, TWO_MAPS),
]
# What decides comes first, as time may be up.
PLAN = [
    *block((AROUND, HAND, BESIDE, MATCH)),
    *block((AROUND, BESIDE), BAD),
    *block((AROUND, BESIDE), FEW_BAD),
    *block((AROUND, BESIDE), POOR),
    *block((AROUND, BESIDE), FEW),
    *block((THEN_BESIDE,), USUAL),
    *block((THEN_BESIDE,), BAD),
    *block(OTHERS_BESIDE, FEW_BAD, SOME_MAPS),
    *block(OTHERS_BESIDE, USUAL, SOME_MAPS),
    *block(OTHERS_AROUND, USUAL, SOME_MAPS),
    *block((AROUND, BESIDE), DIRTY),
    *block((TWICE,), USUAL, SOME_MAPS),
    *block((AROUND, BESIDE), FAINT, SOME_MAPS),
    *block((AROUND, BESIDE), MANY, SOME_MAPS[1:3]),
    *block(OTHERS_BESIDE, BAD, SOME_MAPS),
    *block((HAND, MATCH), DIRTY, SOME_MAPS),
    *block((THEN_BESIDE,), FEW_BAD, SOME_MAPS),
    *block((MATCH,), FEW_BAD, SOME_MAPS),
    *block((THEN_AROUND,), USUAL, SOME_MAPS),
    *block(OTHERS_AROUND[:3], FEW_BAD, SOME_MAPS),
    *block((MATCH, HAND), BAD, SOME_MAPS),
    *block((AROUND, BESIDE), FAINT_BAD, SOME_MAPS),
    *block((TWICE,), BAD, SOME_MAPS),
    *block((OTHERS_BESIDE[0], THEN_BESIDE), FEW, ("compact", "EMD-11007")),
    *ON_CPUS,
]
SAMPLE = [Run(s, "4GXY", 1, QUICK) for s in (HAND, AROUND, THEN_BESIDE)]
# RELION is slow: fewer images.
BY_RELION = Conditions(images=300)
RELION_PLAN = [
    replace(run, classifier=RELION)
    for seed in SEEDS
    for run in block((AROUND, HAND), BY_RELION, ("EMD-3488", "4GXY"))
    if run.seed == seed
]


def read_results(path: Path = RESULTS) -> list[dict[str, str]]:
    """Return the rows of the results; none where there is no file."""
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def is_current(row: dict[str, str]) -> bool:
    """Check whether a run had spheres as their words mean now, and the engine as it is."""
    if row["classifier"] == ENGINE and row["edition"] != EDITION:
        return False
    return row["match_of"] == MATCH_OF or "match" not in row["setting"]


def append_result(path: Path, row: dict) -> None:
    """Add one row to the results, and the header to a new file."""
    new = not path.exists()
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)
