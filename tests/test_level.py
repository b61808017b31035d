"""The contour level, against ChimeraX's rule voxel by voxel, and what is above it."""

import shutil
import warnings
from math import inf, nan
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from chimerax.makesphere.engine import level as contour
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.level import Above, Range, opening_level
from conftest import in_chimerax
from hypothesis import assume, given
from hypothesis import strategies as st

BAD = [nan, inf, -inf]
ROOT = Path(__file__).parents[1]


def above(values, level):
    """Find what is above a level, plane by plane."""
    return Above.joined([Above.of(plane, level) for plane in values], values[0].size)


def opened(values):
    """Return the level at which a map is opened."""
    return opening_level(values, Grid(values.shape[::-1], (1.0, 1.0, 1.0)))


@given(
    st.tuples(*[st.integers(1, 6)] * 3),
    st.integers(0, 9999),
    st.sampled_from([-1.5, 0, 0.3, 9]),
    st.sampled_from([np.int8, np.float16, ">f4", np.float32, float]),
)
def test_what_is_above_the_level_is_indexed_in_the_whole_array(shape, seed, level, dtype):
    noise = np.random.default_rng(seed)
    values = (noise.normal(size=shape) * 3).astype(dtype)
    if values.dtype.kind == "f":
        values[noise.random(shape) < 0.1] = noise.choice(BAD)
    found = above(values, level)
    exact = values.ravel().astype(float)
    expected = np.flatnonzero(np.isfinite(exact) & (exact >= level))
    np.testing.assert_array_equal(found.where, expected)
    np.testing.assert_array_equal(found.weights, exact[expected] - min(level, 0))
    assert found.weights.dtype == float


def test_a_level_between_two_numbers_of_a_small_type_is_kept():
    """2049 does not exist in float16: 2050 is above it, 2048 is not."""
    for values, dtype, level in [
        ((2048, 2050), np.float16, 2049.0),
        ((2, 3), np.int8, 2.5),
        ((2**24, 2**24 + 2), np.int32, 2**24 + 1.0),
    ]:
        assert above(np.array([[values]], dtype), level).where.tolist() == [1]


@pytest.mark.parametrize("level", [nan, inf, -inf, 1e300, -1e300, 0.0, -3.5])
@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.float16, np.float32, float])
def test_no_level_raises_a_warning(level, dtype):
    plane = np.array([[0, 1, 100]], dtype)
    if plane.dtype.kind == "f":
        plane = np.append(plane, np.array([[*BAD, np.finfo(dtype).max]], dtype), axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = above(plane[None], level)
    assert isinstance(found, Above)
    assert np.isfinite(found.weights).all() and (found.weights >= 0).all()
    expected = np.isfinite(plane.astype(float)) & (plane.astype(float) >= level)
    if level not in (1e300,):
        assert found.where.tolist() == np.flatnonzero(expected).tolist()


@given(st.integers(0, 9999), st.sampled_from([np.int8, np.uint16, np.float16, np.float32, float]))
def test_the_range_is_that_of_the_finite_voxels(seed, dtype):
    noise = np.random.default_rng(seed)
    values = (noise.normal(size=(3, 2, 2)) * 40).astype(dtype)
    if values.dtype.kind == "f":
        values[noise.random(values.shape) < noise.choice([0.3, 0.9])] = noise.choice(BAD)
    found = Range.joined([Range.of(plane) for plane in values])
    finite = values[np.isfinite(values)].astype(float)
    expected = (finite.min(), finite.max()) if finite.size else (nan, nan)
    np.testing.assert_array_equal(found, expected)
    assert found.is_constant == (len(set(finite.tolist())) < 2)


def ball(shape, radius):
    z, y, x = np.ogrid[tuple(slice(-(n // 2), n - n // 2) for n in shape)]
    return x * x + y * y + z * z <= radius * radius


def by_the_rule(values):
    """Work out the contour level as ChimeraX does, voxel by voxel, for a map shown in full."""
    numbers = values[np.isfinite(values)].ravel()
    lowest, highest = min(numbers.tolist()), max(numbers.tolist())
    first, last = (lowest, highest) if highest > lowest else (lowest - 1, highest + 1)
    width = (last - first) / 9999
    start, end = np.float32(first - 0.5 * width), np.float32(last + 0.5 * width)
    if start == end:
        return first + 0.5 * width
    bins = np.trunc((numbers - start) * (np.float32(10000) / (end - start)))
    counts = np.bincount(bins[(bins >= 0) & (bins < 10000)].astype(int), minlength=10000)
    found = counts.cumsum().searchsorted((1 - 0.01) * counts.sum())
    return first + found * width + 0.5 * width


KINDS = ["noise", "masked", "ball", "skewed", "steps", "holes", "bad", "low first", "bad plane"]


@given(st.data(), st.integers(0, 10000))
def test_contour_level_is_chimeraxs(data, seed):
    noise = np.random.default_rng(seed)
    shape = data.draw(st.tuples(*[st.integers(2, 24)] * 3))
    values = noise.normal(data.draw(st.sampled_from([0, 1e6, -40])), 2, shape)
    kind = data.draw(st.sampled_from(KINDS))
    if kind == "masked":
        values *= noise.random(shape) < data.draw(st.sampled_from([0.004, 0.02, 0.5]))
    elif kind == "ball":
        values *= ball(shape, min(shape) / 2)
    elif kind == "skewed":
        values = np.exp(noise.normal(size=shape) * 3)
    elif kind == "steps":
        values = np.sort(np.rint(values), axis=None)[::-1].reshape(shape)
    elif kind == "holes":
        values[noise.random(shape) < 0.1] = nan
    elif kind == "bad":
        values[noise.random(shape) < 0.1] = data.draw(st.sampled_from([inf, -inf]))
    elif kind == "low first":
        values.ravel()[:2] = data.draw(st.sampled_from([(-2e6, -1e6), (-9, -8)]))
    elif kind == "bad plane":
        values[data.draw(st.integers(0, shape[0] - 1))] = data.draw(st.sampled_from(BAD))
    values = values.astype(np.float32)
    assume(np.isfinite(values).any())
    assert opened(values) == by_the_rule(values)


@pytest.mark.parametrize("offset", [1e4, 1e6, -1e6, 1e7])
@pytest.mark.parametrize("share", [0.001, 0.3])
def test_contour_level_where_numbers_are_farther_apart_than_bins(offset, share):
    values = offset + (np.random.default_rng(2).random((12, 13, 14)) < share)
    values = values.astype(np.float32)
    assert opened(values) == by_the_rule(values)


@pytest.mark.parametrize("falling", [False, True])
def test_contour_level_of_a_map_whose_planes_rise_or_fall(falling):
    shape = (60, 50, 40)
    values = np.random.default_rng(3).normal(size=shape) + np.arange(60)[:, None, None]
    values = values[::-1] if falling else values
    values = values.astype(np.float32)
    assert opened(values) == by_the_rule(values)


def test_contour_level_of_a_map_that_only_rises():
    """In ChimeraX 1.12 a slip puts it above all: its lowest density is not found."""
    values = np.arange(1000, dtype=np.float32).reshape(10, 10, 10)
    assert opened(values) == by_the_rule(values) == pytest.approx(989, abs=0.1)


@pytest.mark.parametrize("value", [2.5, 0, -1, 3e9])
def test_contour_level_of_a_constant_map(value):
    values = np.full((5, 6, 7), value, np.float32)
    assert opened(values) == by_the_rule(values)


@pytest.mark.parametrize("kind", ["noise", "ball", "ball of noise", "few", "below zero", "holes"])
def test_contour_level_of_a_larger_map(kind):
    shape = (64, 50, 40)
    values = np.random.default_rng(5).normal(size=shape).astype(np.float32)
    if "ball" in kind:
        values = values * ball(shape, 18) if "noise" in kind else abs(values) * ball(shape, 9)
    elif kind == "few":
        values = ball(shape, 4) * values.clip(min=0)
    elif kind == "below zero":
        values -= 9
    elif kind == "holes":
        values[:, ::3] = nan
        values[:, 1] = inf
    assert opened(values) == by_the_rule(values)


@pytest.mark.parametrize(
    "size, step",
    [
        ((256, 256, 256), 1),
        ((257, 256, 256), 2),
        ((512, 512, 512), 2),
        ((513, 512, 512), 4),
        ((64, 64, 5000), 2),
        ((1024, 1024, 1024), 4),
    ],
)
def test_large_maps_are_shown_at_a_step(size, step):
    assert contour._display_step(size) == step


def test_contour_level_is_that_of_the_voxels_shown(monkeypatch):
    values = np.random.default_rng(9).normal(size=(33, 34, 35)).astype(np.float32)
    monkeypatch.setattr(contour, "LEVEL_VOXELS", 17 * 17 * 18)
    level = opened(values)
    assert level == by_the_rule(values[::2, ::2, ::2]) != by_the_rule(values)
    monkeypatch.setattr(contour, "LEVEL_VOXELS", 17 * 17 * 18 - 1)
    level = opened(values)
    assert level == by_the_rule(values[::4, ::4, ::4])


def test_contour_level_leaves_infinite_voxels_out():
    values = np.random.default_rng(9).normal(size=(20, 21, 22)).astype(np.float32)
    without = opened(values[:, :, 1:])
    values[:, :, 0] = inf
    assert opened(values) == without


def test_contour_level_of_nothing_is_nan():
    assert np.isnan(opened(np.full((4, 4, 4), nan, np.float32)))


# As ChimeraX 1.12 opens them.
OPENED = {
    "examples/EMD-3197.map": 4.970256640799272,
    "tests/data/EMD-3001.map": 0.4759008158283337,
    "tests/data/EMD-3488-binned.mrc": 0.03889890742225643,
    "tests/data/EMD-11007-binned.mrc": 0.5259818945637771,
}


@pytest.mark.parametrize("name", OPENED)
def test_contour_level_of_a_real_map(name, map_file):
    file = map_file(ROOT / name)
    assert opening_level(file, file.grid) == OPENED[name]


def scene(kind):
    """Make a map of a kind that ChimeraX may open its own way."""
    noise = np.random.default_rng(8)
    shape = (30, 41, 52)
    values = noise.normal(size=shape)
    if kind == "one bin":
        values[0, 0, 0] = 1e9
    elif kind == "holes":
        values[3, 4, 5:9] = values[0, 0, 0] = nan
    elif kind == "far from zero":
        values += 1e6
    elif kind == "below zero":
        values = -np.exp(values)
    elif kind == "masked":
        values *= ball(shape, 11)
    elif kind in ("mask", "int8 mask", "small mask"):
        values = ball(shape, 4 if kind == "small mask" else 13)
    elif kind == "faint sphere":
        values = ball(shape, 13) * 0.37
    elif kind == "constant":
        values = np.full(shape, 2.5)
    elif kind == "large constant":
        values = np.full(shape, 3e9)
    elif kind in ("int16", "uint16", "int8"):
        values = values * 30 + (200 if kind == "uint16" else 0)
    elif kind == "stepped":
        values = noise.normal(size=(300, 290, 270)) + 5 * ball((300, 290, 270), 30)
    return values.astype({"int8 mask": np.int8}.get(kind, getattr(np, kind, np.float32)))


SCENES = [
    "noise", "int8", "int16", "uint16", "float16", "holes", "masked", "mask", "int8 mask",
    "small mask", "faint sphere", "constant", "large constant", "far from zero", "below zero",
    "one bin", "stepped",
]  # fmt: skip


@in_chimerax
@pytest.mark.parametrize("kind", [*SCENES, *OPENED])
@pytest.mark.filterwarnings("ignore:Data array contains NaN:RuntimeWarning")
def test_contour_level_is_where_chimerax_opens_the_map(kind, command, tmp_path, map_file):
    path = tmp_path / "map.mrc"
    if kind in OPENED:
        path = Path(shutil.copy(ROOT / kind, tmp_path))
    else:
        with mrcfile.new(path) as file:
            file.set_data(scene(kind))
    (volume,) = command(f'open "{path}"')
    volume.update_drawings()
    (surface,) = volume.surfaces
    file = map_file(path)
    assert opening_level(file, file.grid) == surface.level
