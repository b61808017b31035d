"""One run: images, starting references, a classifier, and what became of the images."""

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path

import decoys
import numpy as np
import online_em
import plan
import relion
import synthetic
import torch
from plan import JUNK, MASKED, MATCH, PARTICLE, THEN_AROUND, TWICE, Run
from torch import Tensor

RELION_ITERATIONS = 8
MASK = 0.84  # diameter of RELION's mask over the box's side
# Classifies some of the images from these references: classes, and the references at the end.
Classify = Callable[[np.ndarray, list[Tensor]], tuple[np.ndarray, list[Tensor], dict]]


@cache
def particle(name: str, snr: float, device: str) -> synthetic.Particle:
    """Return a map on the gray scale of its images."""
    return synthetic.gray_scale(synthetic.make_particle(name, device), snr)


@lru_cache(24)
def dataset(
    name: str, snr: float, images: int, junk_percent: int, seed: int, device: str
) -> synthetic.Images:
    """Return images; made once, as many runs have the same."""
    junk = round(images * junk_percent / 100)
    maker = synthetic.Maker(particle(name, snr, device), 100 + seed)
    return maker.images(images - junk, junk)


def do(
    run: Run,
    device: str,
    options: online_em.Options | None = None,
    program: str | None = None,
    work: Path | None = None,
    follow: bool = False,
) -> dict:
    """Do a run, and return its row of the results.

    Parameters
    ----------
    run : Run
    device : str
        Of PyTorch.
    options : online_em.Options, optional
    program, work : str and Path, optional
        RELION's program and a folder, for the runs that are RELION's.
    follow : bool, optional
        Print after each of the engine's iterations how many particles, and how much junk, each
        class has.
    """
    started, c = time.monotonic(), run.conditions
    true = particle(run.map, c.snr, device)
    images = dataset(run.map, c.snr, c.images, c.junk, run.seed, device)
    volume = synthetic.starting_map(true, c.start, 200 + run.seed, noise_resolution=c.noise)
    options = replace(options or online_em.Options(), resolution=float(c.job))
    words, _, second = run.setting.removeprefix(MASKED).partition(", then ")
    rounds = [MATCH if run.setting == TWICE else words]
    if second:
        rounds.append(words if run.setting == THEN_AROUND else second)

    def by_engine(some: np.ndarray, volumes: list[Tensor]):
        index, steps = torch.tensor(some, device=device), []
        data, ctf = images.coefficients[index], images.ctf[index]
        engine = online_em.Refinement(images.lattice, data, ctf, volumes, options, run.seed)
        true = images.kinds[some] == PARTICLE

        def watch(engine: online_em.Refinement) -> None:
            steps.append(engine.resolution)
            if follow:
                found, count = engine.classes.cpu().numpy(), len(volumes)
                each = (np.bincount(found[own], minlength=count).tolist() for own in (true, ~true))
                print(f"{len(steps):3} {steps[-1]:5.1f} Å ", *each, flush=True)

        classes = engine.run(watch).cpu().numpy()
        said = {"iterations": len(steps), "resolution_A": f"{steps[-1]:.1f}"}
        return classes, engine.volumes, said

    def by_relion(some: np.ndarray, volumes: list[Tensor]):
        pixels, defocus = (v.cpu().numpy()[some] for v in (images.pixels, images.defocus))
        folder = work / run.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        voxel, paths = images.lattice.voxel, []
        for i, reference in enumerate(volumes):
            paths.append(folder / f"reference{i}.mrc")
            relion.write_map(paths[-1], reference.cpu().numpy(), voxel)
        stack = relion.write_particles(folder, pixels, voxel, defocus)
        relion.class3d(
            program, folder, stack, paths, classes=len(paths), iterations=RELION_ITERATIONS,
            diameter=MASK * images.lattice.box * voxel, seed=run.seed,
        )  # fmt: skip
        classes = relion.read_classes(folder, RELION_ITERATIONS) - 1
        shutil.rmtree(folder)
        return classes, volumes, {"iterations": RELION_ITERATIONS}

    classify: Classify = by_relion if program else by_engine
    kept, facts = np.arange(c.images), {}
    for words in rounds:
        made = decoys.make(volume, images.lattice, words)
        if run.setting.startswith(MASKED) and not facts:
            volume = decoys.masked(volume, images.lattice)
        copies = 2 if run.setting == TWICE else 1
        classes, volumes, said = classify(kept, [volume] * copies + [d.volume for d in made])
        # The class that a user would go on with; nearly always that of the map, number 0.
        good = int(np.bincount(classes[images.kinds[kept] == PARTICLE]).argmax())
        kept, volume = kept[classes == good], volumes[good]
        said |= {"good_class": good}
        for column, values in {
            "radius_A": [f"{d.radius:g}" for d in made],
            "offset_A": [f"{d.offset:g}" for d in made],
            "density": [f"{d.density:.4g}" for d in made],
            "strength": [f"{d.strength:.4g}" for d in made],
        }.items():
            said[column] = " ".join(values)
        facts = {k: f"{facts[k]}; {v}" if facts else v for k, v in said.items()}
    out = np.ones(c.images, bool)
    out[kept] = False
    row = {
        "run": run.name, "setting": run.setting, "map": run.map, "classifier": run.classifier,
        "version": relion.version(program) if program else f"PyTorch {torch.__version__}",
        "seed": run.seed, "start_A": c.start, "images": c.images, "junk_percent": c.junk,
        "snr": c.snr, "noise_A": c.noise, "job_A": c.job, "match_of": plan.MATCH_OF,
        "seconds": f"{time.monotonic() - started:.1f}",
        "edition": "" if program else plan.EDITION,
    }  # fmt: skip
    for kind in (PARTICLE, *JUNK):
        row[kind] = int(np.sum(images.kinds == kind))
        row[f"{kind}_{'lost' if kind == PARTICLE else 'caught'}"] = int(
            np.sum(out[images.kinds == kind])
        )
    return row | facts
