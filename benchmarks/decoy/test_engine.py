"""Tests of the online-EM engine and its Fourier space, against Gaussians, whose views are exact."""
# ruff: noqa: D103 (the name of a test says what it shows)

from dataclasses import replace

import fourier
import numpy as np
import online_em
import pytest
import synthetic
import torch
from torch import Tensor

BOX, VOXEL = 32, 6.0
QUICK = online_em.Options(
    random_iterations=0, most_iterations=3, full_passes=1, angle=30.0, shift=1.0, grows=False
)


@pytest.fixture(scope="module")
def lattice() -> fourier.Lattice:
    return fourier.Lattice(BOX, VOXEL)


def spots(seed: int, count: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return centers, weights and sigmas of Gaussians within 40 Å."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(count, 3))
    centers *= (rng.uniform(5, 40, count) / np.linalg.norm(centers, axis=1))[:, None]
    return centers, rng.uniform(10, 30, count), rng.uniform(10, 14, count)


def volume(seed: int, weight: float = 1.0) -> Tensor:
    centers, weights, sigmas = spots(seed)
    return torch.tensor(synthetic.gaussians(centers, weight * weights, sigmas, VOXEL, BOX))


def projection(seed: int, rotation: Tensor) -> Tensor:
    """Return the exact view of `volume`: a sum of 2-D Gaussians."""
    centers, weights, sigmas = spots(seed)
    places = centers @ rotation.numpy().T.astype(float)
    axis = (np.arange(BOX) - BOX // 2) * VOXEL
    x, y = (
        np.exp(-(((axis - places[:, i, None]) / sigmas[:, None]) ** 2) / 2)
        * (VOXEL / np.sqrt(2 * np.pi) / sigmas[:, None])
        for i in (0, 1)
    )
    return torch.tensor(np.einsum("n,ny,nx->yx", weights, y, x), dtype=torch.float32)


def error(found: Tensor, expected: Tensor) -> float:
    """Return the relative error, in the root of the mean square."""
    return float((found - expected).norm() / expected.norm())


def images(
    lattice: fourier.Lattice, volumes: list[Tensor], count: int, noise: float, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Return coefficients of views of each volume in turn, with a CTF and noise, and the CTF."""
    random = torch.Generator().manual_seed(seed)
    defocus = 10_000 + 15_000 * torch.rand(count * len(volumes), generator=random)
    ctf = fourier.ctf(lattice.frequency, defocus[:, None])
    views = [
        lattice.slices(lattice.of_volume(v)[None], fourier.random_rotations(count, random))[0]
        for v in volumes
    ]
    pixels = noise * torch.randn(len(ctf), BOX, BOX, generator=random)
    return torch.cat(views) * ctf + lattice.of_images(pixels), ctf


def test_rotations_are_proper_and_leave_no_gap():
    half = fourier.rotations(20.0)
    assert torch.allclose(half @ half.mT, torch.eye(2).expand(len(half), 2, 2), atol=1e-5)
    third = torch.linalg.cross(half[:, 0], half[:, 1])
    whole = torch.cat([half, third[:, None]], dim=1)
    every = torch.cat([whole, torch.diag(torch.tensor([-1.0, -1.0, 1.0])) @ whole])
    for turn in fourier.random_rotations(100, torch.Generator().manual_seed(1)):
        full = torch.cat([turn, torch.linalg.cross(turn[0], turn[1])[None]])
        trace = torch.einsum("oij,ij->o", every, full).max()
        assert float(torch.arccos((trace - 1) / 2).rad2deg()) < 21


def test_white_noise_of_variance_1_has_mean_square_1(lattice):
    noise = torch.randn(200, BOX, BOX, generator=torch.Generator().manual_seed(2))
    found = lattice.of_images(noise)
    assert float((found.abs() ** 2).mean()) == pytest.approx(1, rel=0.02)
    assert error(lattice.of_images(lattice.to_images(found)), found) < 1e-5


def test_slices_are_the_exact_projections(lattice):
    turns = fourier.random_rotations(20, torch.Generator().manual_seed(3))
    found = lattice.slices(lattice.of_volume(volume(1))[None], turns)[0]
    exact = lattice.of_images(torch.stack([projection(1, turn) for turn in turns]))
    assert error(found, exact) < 0.015


def test_a_turn_by_180_degrees_in_the_plane_is_the_complex_conjugate(lattice):
    turns = fourier.random_rotations(5, torch.Generator().manual_seed(4))
    one, other = (lattice.slices(lattice.of_volume(volume(1))[None], t)[0] for t in (turns, -turns))
    assert error(other, one.conj()) < 1e-5


def test_what_is_inserted_comes_out(lattice):
    """Gridding: all views of a volume, divided by their weight, are the volume again."""
    turns = fourier.rotations(12.0)
    views = lattice.slices(lattice.of_volume(volume(1))[None], turns)[0]
    values = torch.stack([views.real, views.imag, torch.ones_like(views.real)], dim=2)
    real, imag, weight = lattice.insert(values, turns)
    sums = online_em._with_mirror(torch.complex(real, imag))
    cube = sums / (online_em._with_mirror(weight) + 1e-3)
    found = lattice.to_volume(cube) * lattice.window
    again = lattice.slices(lattice.of_volume(found)[None], turns)[0]
    assert error(again, views) < 0.05


def test_ctf_against_values_by_hand():
    """Only amplitude contrast at zero; first zero where the phase is 180 degrees."""
    assert float(fourier.ctf(torch.zeros(1), torch.tensor(15_000.0))) == pytest.approx(0.1)
    frequency = torch.linspace(0, 0.1, 200_001, dtype=torch.float64)
    negative = fourier.ctf(frequency, torch.tensor(15_000.0)) < 0
    first = float(frequency[negative.float().argmax()])
    phase = np.pi * 0.019687 * 15_000 * first**2 - np.pi / 2 * 2.7e7 * 0.019687**3 * first**4
    assert phase + np.arcsin(0.1) == pytest.approx(np.pi, abs=1e-3)


@pytest.mark.parametrize("hard", [False, True])
def test_probabilities_sum_to_one_and_weights_to_the_images(lattice, hard):
    volumes = [volume(1), volume(2), 0.5 * volume(1)]
    data, ctf = images(lattice, volumes, 5, 0.3)
    engine = online_em.Refinement(lattice, data, ctf, volumes, replace(QUICK, hard=hard))
    found, _ = engine.expect(torch.arange(15))
    assert torch.allclose(engine.probability.sum(1), torch.ones(15), atol=1e-5)
    weight = found[:, 2].sum((0, 1))
    assert torch.allclose(weight, (ctf[:, : len(weight)] ** 2).sum(0), rtol=1e-3)
    if hard:
        by_class = found[:, 2].sum(0).unflatten(0, (3, -1)).sum(1)
        for k in range(3):
            expected = (ctf[engine.classes == k, : len(weight)] ** 2).sum(0)
            assert torch.allclose(by_class[k], expected, rtol=1e-3, atol=1e-4)


def test_the_posterior_is_that_of_pixels(lattice):
    """Classes by a sum over all orientations and shifts, computed without any shortcut."""
    volumes = [volume(1), 0.8 * volume(1)]
    data, ctf = images(lattice, volumes, 2, 1.0)
    engine = online_em.Refinement(lattice, data, ctf, volumes, QUICK)
    engine.noise, engine.scale = torch.full_like(engine.noise, 1.7), 1.0
    engine.expect(torch.arange(4))
    count = lattice.count(20.0)
    kept = torch.zeros(len(lattice.places))
    kept[:count] = 1
    views = lattice.slices(engine.cubes, engine.rotations)
    views = torch.cat([views, views.conj()], dim=1)
    for i in range(4):
        model = views[:, :, None] * ctf[i] * engine.unshift.conj()
        seen = lattice.to_images((data[i] - model) * kept)
        odds = (-(seen**2).sum((-2, -1)) / 2 / 1.7).flatten(1).logsumexp(1)
        assert torch.allclose(engine.probability[i], odds.softmax(0), atol=2e-3)


def test_noise_is_estimated_as_it_is(lattice):
    """Colored: twice as strong at low frequency; with the true map what is left is the noise."""
    data, ctf = images(lattice, [volume(1)], 300, 1.0)
    low = lattice.rings < 5
    data[:, low] = data[:, low] + images(lattice, [0 * volume(1)], 300, 1.0, seed=9)[0][:, low]
    engine = online_em.Refinement(lattice, data, ctf, [volume(1)], replace(QUICK, angle=20.0))
    engine.scale = 1.0
    _, noise = engine.expect(torch.arange(300))
    assert noise[2:4].tolist() == pytest.approx([2, 2], rel=0.12)
    assert noise[6:9].tolist() == pytest.approx([1, 1, 1], rel=0.12)


def test_two_maps_are_told_apart(lattice):
    """Each class ends as its own map."""
    volumes = [volume(1), volume(2)]
    data, ctf = images(lattice, volumes, 40, 0.5)
    engine = online_em.Refinement(lattice, data, ctf, volumes, QUICK)
    found = engine.run()
    assert float((found == torch.arange(2).repeat_interleave(40)).float().mean()) > 0.95
    ball = lattice.ball
    for mine, of in zip(engine.volumes, volumes, strict=True):
        pair = torch.stack([mine[ball], synthetic.low_pass(of, 20.0, VOXEL)[ball]])
        assert float(torch.corrcoef(pair)[0, 1]) > 0.9


def test_the_first_references_count_alike_near_and_far_from_the_center(lattice):
    places = np.array([[0.0, 0, 0], [60, 0, 0], [-36, 36, 36]])
    spots = synthetic.gaussians(places, np.ones(3), np.full(3, 18.0), VOXEL, BOX)
    data, ctf = images(lattice, [volume(1)], 20, 0.5)
    engine = online_em.Refinement(lattice, data, ctf, [torch.tensor(spots)], QUICK)
    engine.step(torch.arange(20), 0.0)
    x, y, z = (places / VOXEL + BOX // 2).astype(int).T
    kept = engine.volumes[0][z, y, x] / torch.tensor(spots)[z, y, x]
    assert kept.tolist() == pytest.approx([float(kept[0])] * 3, rel=0.02)


def test_a_class_without_images_becomes_empty_in_a_full_pass(lattice):
    data, ctf = images(lattice, [volume(1)], 20, 0.5)
    engine = online_em.Refinement(lattice, data, ctf, [volume(1), 50 * volume(1)], QUICK)
    power = []
    engine.run(lambda e: power.append(float(e.volumes[1].norm())))
    assert set(engine.classes.tolist()) == {0}
    assert power[-2] > 20 * float(volume(1).norm())
    assert power[-1] < 1e-3 * power[-2]


def test_the_resolution_grows_with_the_signal(lattice):
    data, ctf = images(lattice, [volume(1)], 150, 0.1)
    start = replace(QUICK, resolution=40.0, grows=True, most_iterations=4, angle=20.0)
    engine = online_em.Refinement(lattice, data, ctf, [volume(1)], start)
    engine.run()
    assert engine.resolution < 35


def test_batches_take_every_image_before_any_twice(lattice):
    data, ctf = images(lattice, [volume(1)], 9, 1.0)
    options = replace(QUICK, batch_per_class=3, most_iterations=5)
    engine = online_em.Refinement(lattice, data, ctf, [volume(1)], options)
    batches = []
    engine.step = lambda batch, rate, draw=False: batches.append(batch.tolist())
    engine.run()
    assert sorted(i for batch in batches[:3] for i in batch) == list(range(9))
    assert [len(batch) for batch in batches] == [3] * 5 + [9]
