"""Draw the central slices of a map and its spheres, one below the other.

python examples/slices.py MAP SPHERE [SPHERE ...] PICTURE
"""

import sys

import matplotlib
import mrcfile

matplotlib.use("Agg")
from matplotlib import pyplot


def main(*paths):
    """Draw the slices z, y and x through voxel N//2."""
    *maps, picture = paths
    size = (7.5, 2.4 * len(maps))
    figure, axes = pyplot.subplots(len(maps), 3, figsize=size, layout="constrained")
    for row, path in zip(axes, maps, strict=True):
        with mrcfile.open(path, permissive=True) as file:
            array, voxel = file.data.copy(), float(file.voxel_size.x)
        nz, ny, nx = array.shape
        slices = (array[nz // 2], array[:, ny // 2], array[:, :, nx // 2])
        for plot, data, names in zip(row, slices, ("xy", "xz", "yz"), strict=True):
            height, width = data.shape
            image = plot.imshow(
                data,
                cmap="gray",
                vmin=array.min(),
                vmax=array.max(),
                origin="lower",
                extent=(0, width * voxel, 0, height * voxel),
            )
            plot.set_xlabel(f"{names[0]} (Å)", fontsize=8)
            plot.set_ylabel(f"{names[1]} (Å)", fontsize=8)
            plot.tick_params(labelsize=7)
        row[0].set_title(path.replace("\\", "/").rpartition("/")[2], loc="left", fontsize=9)
        figure.colorbar(image, ax=row, label="density", shrink=0.8).ax.tick_params(labelsize=7)
    figure.savefig(picture, dpi=110)
    print(f"Now look at the slices: {picture}")


if __name__ == "__main__":
    main(*sys.argv[1:])
