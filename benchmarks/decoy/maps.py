"""Make the two small real maps in tests/data from the EMDB's, to be done once.

Both entries lie in a wheel on PyPI, so that nothing else need be fetched::

    pip download --no-deps ccpem-utils==0.0.1.dev35
    python benchmarks/decoy/maps.py ccpem_utils-0.0.1.dev35-py3-none-any.whl

Each is put into a larger box of zeros, so that its particle fills about half of it, and cropped in
Fourier space, which makes the voxels larger and leaves what they can hold as it was.
"""

import argparse
import tempfile
import zipfile
from pathlib import Path

import mrcfile
import numpy as np

DATA = Path(__file__).resolve().parents[2] / "tests" / "data"
FOLDER = "ccpem_utils_tests/test_data"
# Entry: (file in the wheel, voxels a side after padding, voxels a side after cropping).
ENTRIES = {"EMD-3488": ("emd_3488.mrc", 150, 60), "EMD-11007": ("emd_11007.map", 384, 64)}


def pad(density, size):
    """Put a cubic map into the middle of a larger box of zeros: voxel N//2 stays N//2."""
    before = size // 2 - density.shape[0] // 2
    return np.pad(density, (before, size - density.shape[0] - before))


def fourier_crop(density, size):
    """Bin a cubic map to an even number of voxels a side by leaving out high frequencies.

    Voxel N//2 stays voxel N//2, and the mean stays the mean.
    """
    n = density.shape[0]
    middle = slice(n // 2 - size // 2, n // 2 + size // 2)
    transform = np.fft.fftshift(np.fft.fftn(density))[middle, middle, middle]
    # The highest frequency has no partner of the other sign any more.
    transform[0], transform[:, 0], transform[:, :, 0] = 0, 0, 0
    return np.fft.ifftn(np.fft.ifftshift(transform)).real * (size / n) ** 3


def main():
    """Write both maps from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", help="ccpem_utils-0.0.1.dev35-py3-none-any.whl")
    parser.add_argument("--output", type=Path, default=DATA, help="folder; default: tests/data")
    options = parser.parse_args()
    for entry, (name, padded, size) in ENTRIES.items():
        with tempfile.TemporaryDirectory() as folder:
            with zipfile.ZipFile(options.wheel) as wheel:
                source = wheel.extract(f"{FOLDER}/{name}", folder)
            with mrcfile.open(source) as mrc:
                density, voxel = mrc.data.astype(np.float64), float(mrc.voxel_size.x)
        small = fourier_crop(pad(density, padded), size).astype(np.float32)
        path = options.output / f"{entry}-binned.mrc"
        with mrcfile.new(path, overwrite=True) as mrc:
            mrc.set_data(small)
            mrc.voxel_size = voxel * padded / size
            mrc.set_volume()
            # Without the hour, so that a repeat gives the same bytes.
            mrc.header.label[0] = f"{entry}, EMDB, CC0; padded, Fourier-cropped".encode()
        print(f"{path}: {size} voxels of {voxel * padded / size:.4g} Å")


if __name__ == "__main__":
    main()
