"""What the benchmark needs of RELION: STAR files, the command line, the class of each image."""

import shutil
import subprocess
from pathlib import Path

import fourier
import mrcfile
import numpy as np

PROGRAM = "relion_refine"


def version(program=PROGRAM):
    """Return RELION's version, or None where RELION is not installed."""
    if shutil.which(program) is None:
        return None
    words = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.split()
    return words[words.index("version:") + 1] if "version:" in words else "unknown"


def write_star(path, blocks):
    """Write a STAR file of loops.

    Parameters
    ----------
    path : path-like
    blocks : dict
        Block name to a dict of label to column; columns of a block are equally long.
    """
    lines = []
    for block, columns in blocks.items():
        lines += ["", f"data_{block}", "", "loop_"]
        lines += [f"_{label} #{i}" for i, label in enumerate(columns, 1)]
        lines += [" ".join(str(v) for v in row) for row in zip(*columns.values(), strict=True)]
    Path(path).write_text("\n".join(lines) + "\n")


def read_star(path, block):
    """Return the columns of a loop in a STAR file, as a dict of label to list of str."""
    columns, inside = {}, False
    for line in Path(path).read_text().splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0].startswith("data_"):
            inside = words[0] == f"data_{block}"
        elif inside and words[0].startswith("_"):
            columns[words[0][1:]] = []
        elif inside and words[0] != "loop_":
            for column, value in zip(columns.values(), words, strict=True):
                column.append(value)
    if not columns:
        raise ValueError(f"{path} has no table data_{block}")
    return columns


def write_map(path, density, voxel):
    """Write a map with its voxel size."""
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(np.asarray(density, np.float32))
        mrc.voxel_size = voxel
        mrc.set_volume()


def read_map(path):
    """Return the density of a map."""
    with mrcfile.open(path) as mrc:
        return mrc.data.copy()


def write_particles(folder, images, voxel, defocus):
    """Write images as a stack and the STAR file that names them; return the STAR file's path.

    Parameters
    ----------
    folder : Path
    images : ndarray, shape (n, box, box)
    voxel : float
        Å.
    defocus : ndarray, shape (n,)
        Å.
    """
    stack = folder / "particles.mrcs"
    with mrcfile.new(stack, overwrite=True) as mrc:
        mrc.set_data(images)
        mrc.voxel_size = voxel
        mrc.set_image_stack()
    count = len(images)
    optics = {
        "rlnOpticsGroup": [1],
        "rlnOpticsGroupName": ["opticsGroup1"],
        "rlnImagePixelSize": [voxel],
        "rlnImageSize": [images.shape[-1]],
        "rlnImageDimensionality": [2],
        "rlnVoltage": [fourier.VOLTAGE],
        "rlnSphericalAberration": [fourier.ABERRATION],
        "rlnAmplitudeContrast": [fourier.AMPLITUDE],
    }
    particles = {
        "rlnImageName": [f"{i:06d}@{stack}" for i in range(1, count + 1)],
        "rlnMicrographName": ["synthetic.mrc"] * count,
        "rlnOpticsGroup": [1] * count,
        "rlnDefocusU": defocus.round(1),
        "rlnDefocusV": defocus.round(1),
        "rlnDefocusAngle": [0.0] * count,
    }
    path = folder / "particles.star"
    write_star(path, {"optics": optics, "particles": particles})
    return path


def class3d(program, folder, particles, references, classes, iterations, diameter, seed):
    """Run Class3D.

    Parameters
    ----------
    program : str
        ``relion_refine``, or where another one is.
    folder : Path
        Where RELION writes; what it prints goes to ``relion.log`` there.
    particles : path-like
        STAR file of the images.
    references : list of path-like
        Starting maps on the images' grey scale. With one map and several classes, RELION itself
        makes the classes differ, by a random split in the first iteration.
    classes, iterations : int
    diameter : float
        Å; outside it images are set to 0, and references from the second iteration on.
    seed : int
        RELION's random seed.

    Raises
    ------
    RuntimeError
        RELION failed.
    """
    reference = references[0]
    if len(references) > 1:
        reference = folder / "references.star"
        write_star(reference, {"model_classes": {"rlnReferenceImage": references}})
    command = [
        program, "--i", particles, "--o", folder / "run", "--ref", reference,
        "--K", classes, "--iter", iterations, "--particle_diameter", diameter,
        "--random_seed", seed,
        # As Class3D's form has them.
        "--ctf", "--ctf_corrected_ref", "--flatten_solvent", "--zero_mask", "--tau2_fudge", 4,
        "--norm", "--scale", "--oversampling", 1, "--sym", "C1", "--ini_high", 30,
        # Coarser than the form has it, to be done in minutes on one core.
        "--healpix_order", 1, "--offset_range", 2, "--offset_step", 2,
        "--strict_highres_exp", 20, "--adaptive_fraction", 0.99,
        "--pad", 1, "--skip_gridding", "--dont_combine_weights_via_disc", "--preread_images",
        "--pool", 10, "--j", 1,
    ]  # fmt: skip
    with open(folder / "relion.log", "w") as log:
        done = subprocess.run([str(c) for c in command], stdout=log, stderr=subprocess.STDOUT)
    if done.returncode:
        tail = (folder / "relion.log").read_text(errors="replace").splitlines()[-12:]
        raise RuntimeError("\n".join([f"{program} ended with status {done.returncode}:", *tail]))


def read_classes(folder, iteration):
    """Return the class of each image after an iteration, from 1, in the order of the stack."""
    table = read_star(folder / f"run_it{iteration:03d}_data.star", "particles")
    order = [int(name.split("@")[0]) for name in table["rlnImageName"]]
    found = np.zeros(len(order), int)
    found[np.array(order) - 1] = [int(c) for c in table["rlnClassNumber"]]
    return found
