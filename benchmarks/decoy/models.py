"""Make models.csv, one bead for each residue of three PDB entries, to be done once.

The entries lie in public repositories: 4GXY in ``biotite-dev/biotite`` (tests/structure/data/pdb),
3SN6 and 3L5Q in ``nglviewer/ngl`` (data)::

    python benchmarks/decoy/models.py 4gxy.pdb 3sn6.pdb 3l5q.gro

A bead is the mean position of a residue's atoms and their number. Of 3SN6, the β2 adrenergic
receptor with its G protein, the lysozyme that was fused to it for crystals is left out, and the
receptor is laid with the normal of its membrane along z, to be put into a micelle. Of 3L5Q, the
20S proteasome, the two activators (Blm10) are left out. PDB entries are free to use (CC0 1.0).
"""

import sys
from itertools import groupby
from pathlib import Path

import numpy as np

TABLE = Path(__file__).resolve().parent / "models.csv"
# Residues of the receptor's seven helices across the membrane, by turns out and in.
HELICES = ((32, 60), (68, 95), (104, 135), (147, 170), (198, 228), (268, 297), (306, 327))
ACTIVATOR = 1872  # residues of a Blm10


def read_pdb(path):
    """Return the atoms of the first model: (chain, residue number, x, y, z)."""
    lines = (line for line in path.read_text().splitlines() if line.startswith("ATOM"))
    return [(l[21], int(l[22:26]), *(float(l[i : i + 8]) for i in (30, 38, 46))) for l in lines]  # noqa: E741


def read_gro(path):
    """Return the atoms of a GROMACS file, its chains told by numbers that start again."""
    atoms, chain, last = [], 0, 0
    for line in path.read_text().splitlines()[2:-1]:
        number = int(line[:5])
        chain, last = chain + (number < last), number
        atoms.append((chain, number, *(10 * float(line[i : i + 8]) for i in (20, 28, 36))))
    return atoms


def beads(atoms):
    """Return the mean positions of residues, (n, 3), and their numbers of atoms, (n,)."""
    each = [[a[2:] for a in of] for _, of in groupby(atoms, key=lambda a: a[:2])]
    return np.array([np.mean(of, axis=0) for of in each]), np.array([len(of) for of in each])


def along_z(places, normal):
    """Turn positions so that a vector comes to lie along z."""
    z = normal / np.linalg.norm(normal)
    x = np.cross([0.0, 1.0, 0.0], z)
    x /= np.linalg.norm(x)
    return places @ np.stack([x, np.cross(z, x), z], axis=1)


def receptor(atoms):
    """Return 3SN6 without lysozyme, the middle of its membrane at the origin, its normal on z."""
    atoms = [a for a in atoms if not (a[0] == "R" and a[1] > 1000)]
    ends = {a[1]: np.array(a[2:]) for a in atoms if a[0] == "R"}
    helices = [[ends[n] for n in helix] for helix in HELICES]
    normal = sum((b - a) * (-1) ** i for i, (a, b) in enumerate(helices))
    places, weights = beads(atoms)
    return along_z(places - np.mean(helices, axis=(0, 1)), normal), weights


def core(atoms):
    """Return the chains of 3L5Q that are no activator."""
    chains = [list(of) for _, of in groupby(atoms, key=lambda a: a[0])]
    kept = [of for of in chains if len({a[1] for a in of}) != ACTIVATOR]
    return beads([a for of in kept for a in of])


def main():
    """Write the table from the command line."""
    rna, membrane, symmetric = map(Path, sys.argv[1:])
    models = {
        "4GXY": beads(read_pdb(rna)),
        "3SN6": receptor(read_pdb(membrane)),
        "3L5Q": core(read_gro(symmetric)),
    }
    with TABLE.open("w") as table:
        table.write("entry,x,y,z,atoms\n")
        for entry, (places, weights) in models.items():
            if entry != "3SN6":
                places = places - np.average(places, axis=0, weights=weights)
            for (x, y, z), n in zip(places, weights, strict=True):
                table.write(f"{entry},{x:.1f},{y:.1f},{z:.1f},{n}\n")
            print(entry, len(places), "beads,", weights.sum(), "atoms, spans", np.ptp(places, 0))


if __name__ == "__main__":
    main()
