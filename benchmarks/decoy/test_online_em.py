"""Tests of the online-EM engine, against sums of Gaussians, whose views are exact."""
# ruff: noqa: D103 (the name of a test says what it shows)

from dataclasses import replace

import numpy as np
import online_em
import pytest
import synthetic

QUICK = online_em.Options(random_iterations=2, iterations=5, full_passes=1, angle=30.0)


def angle_between(a, b):
    """Return the angle in degrees of the rotation that leads from one to another."""
    trace = np.einsum("...ij,...ij", a, b)
    return np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1)))


@pytest.fixture(scope="module")
def space():
    return online_em.Fourier(synthetic.BOX, synthetic.VOXEL, 20.0)


@pytest.fixture(scope="module")
def slices(space):
    return online_em.Slices(space, online_em.rotations(15.0))


@pytest.fixture(scope="module")
def particle():
    return synthetic.grey_scale(synthetic.make_particle("elongated"), 0.06)


def error(found, expected):
    """Return the relative error of complex numbers, in the root of the mean square."""
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def test_rotations_are_proper_and_leave_no_gap():
    half = online_em.rotations(15.0)
    assert np.allclose(half @ half.transpose(0, 2, 1), np.eye(3))
    assert np.allclose(np.linalg.det(half), 1)
    every = np.concatenate([half, np.diag([-1.0, -1.0, 1.0]) @ half])
    rng = np.random.default_rng(0)
    nearest = [angle_between(synthetic.random_rotation(rng), every).min() for _ in range(300)]
    assert max(nearest) < 16
    assert np.median(nearest) < 9


def test_coefficients_give_the_image_back(space):
    rng = np.random.default_rng(1)
    coefficients = rng.normal(size=(2, len(space.frequencies), 2)) @ [1, 1j]
    assert np.allclose(space.of_images(space.to_images(coefficients)), coefficients, atol=1e-5)


def test_white_noise_of_variance_1_has_mean_square_1(space):
    noise = np.random.default_rng(2).normal(size=(100, synthetic.BOX, synthetic.BOX))
    assert np.mean(np.abs(space.of_images(noise)) ** 2) == pytest.approx(1, rel=0.02)


def test_slices_are_the_exact_projections(space, particle):
    rng = np.random.default_rng(3)
    turns = np.array([synthetic.random_rotation(rng) for _ in range(20)])
    found = online_em.Slices(space, turns).take(space.of_volume(particle.volume()))
    exact = space.of_images(np.array([particle.moved(turn).projection() for turn in turns]))
    assert error(found, exact) < 0.01


def test_180_degrees_in_the_plane_are_the_complex_conjugate(space, particle):
    turn = synthetic.random_rotation(np.random.default_rng(4))
    turned = np.diag([-1.0, -1.0, 1.0]) @ turn
    views = [space.of_images(particle.moved(r).projection()) for r in (turn, turned)]
    assert error(views[1], views[0].conj()) < 1e-5


def test_what_is_inserted_comes_out(space, slices, particle):
    views = slices.take(space.of_volume(particle.volume()))
    weight = slices.insert(np.ones(views.shape)).real
    cube = online_em.wiener(slices.insert(views), weight, 1e-6, space.shells)
    cube = space.through_space(cube * space.inside, space.window / space.dimming**2)
    assert error(slices.take(cube), views) < 0.04


def test_wiener_filter_keeps_signal_and_damps_noise(space):
    rng = np.random.default_rng(5)
    weight = np.full(space.shells.shape, 50.0)
    noise = rng.normal(size=(*weight.shape, 2)) @ [1, 1j] * np.sqrt(50.0 * 8 / 27 / 2)
    assert np.std(online_em.wiener(noise, weight, 1.0, space.shells)) < 0.2 * np.std(noise / 50)
    signal = rng.normal(size=weight.shape) * 50.0
    assert error(online_em.wiener(noise + signal, weight, 1.0, space.shells), signal / 50) < 0.2
    assert not online_em.wiener(0 * noise, 0 * weight, 1.0, space.shells).any()


@pytest.mark.parametrize("hard", [False, True])
def test_probabilities_sum_to_one_and_weights_to_the_images(particle, hard):
    images, defocus, _ = synthetic.make_dataset(particle, 20, 10, seed=1)
    volumes = [particle.volume(), particle.volume() / 2, 0 * particle.volume()]
    classifier = online_em.Classifier(
        images,
        volumes,
        particle.voxel,
        lambda f: synthetic.ctf(f, defocus[:, None]),
        replace(QUICK, hard=hard),
    )
    found = classifier.expect(np.arange(30))
    assert np.allclose(classifier.probability.sum(axis=1), 1)
    total = sum(weight.sum(axis=0) for _, weight in found)
    assert np.allclose(total, np.sum(classifier.ctf**2, axis=0), rtol=1e-3)
    if hard:
        best = classifier.probability.argmax(axis=1)
        for k, (_, weight) in enumerate(found):
            expected = np.sum(classifier.ctf[best == k] ** 2, axis=0)
            assert np.allclose(weight.sum(axis=0), expected, rtol=1e-3, atol=1e-5)


def test_the_fit_is_the_likelihood(particle):
    """As computed without any shortcut, in pixels."""
    images, defocus, _ = synthetic.make_dataset(particle, 2, 0, seed=2)
    classifier = online_em.Classifier(
        images,
        [particle.volume()],
        particle.voxel,
        lambda f: synthetic.ctf(f, defocus[:, None]),
        replace(QUICK, noise=15.0),
    )
    space, slices = classifier.fourier, classifier.slices
    view = slices.take(classifier.references[0])
    part = (view.real.T, view.imag.T, (np.abs(view) ** 2).T)
    fit, best, _ = classifier._fit(np.arange(2), part)
    logs = np.log(fit) + best[:, None, None]
    seen = space.to_images(space.of_images(images))
    rng = np.random.default_rng(6)
    found, expected = [], []
    for _ in range(20):
        i, s, o, half = (rng.integers(n) for n in (2, 9, slices.count, 2))
        one = view[o].conj() if half else view[o]
        model = space.to_images(one * classifier.ctf[i] * classifier.unshift[s].conj())
        expected.append(-np.sum((seen[i] - model) ** 2) / 30 + np.sum(seen[i] ** 2) / 30)
        found.append(logs[half, i, s, o])
    assert fit.min() > np.exp(-39)
    assert np.allclose(found, expected, atol=0.05)


def test_two_maps_are_told_apart():
    """Images with a CTF; each class ends as its own map."""
    options = replace(QUICK, random_iterations=0, angle=20.0)
    names = ("compact", "elongated")
    particles = [synthetic.grey_scale(synthetic.make_particle(n), 0.06) for n in names]
    sets = [synthetic.make_dataset(p, 30, 0, seed=3 + i) for i, p in enumerate(particles)]
    images, defocus = (np.concatenate([made[i] for made in sets]) for i in (0, 1))
    classifier = online_em.Classifier(
        images,
        [p.volume() for p in particles],
        particles[0].voxel,
        lambda f: synthetic.ctf(f, defocus[:, None]),
        options,
    )
    found = classifier.run().argmax(axis=1)
    assert np.mean(found == np.repeat([0, 1], 30)) > 0.95


def test_a_class_without_images_becomes_empty_in_a_full_pass(particle):
    images, defocus, kinds = synthetic.make_dataset(particle, 30, 10, seed=4)
    bright = (particle.volume() > 0) * 1.0
    classifier = online_em.Classifier(
        images,
        [particle.volume(), bright],
        particle.voxel,
        lambda f: synthetic.ctf(f, defocus[:, None]),
        replace(QUICK, random_iterations=0, full_passes=2),
    )
    noise, held = kinds == "noise", []
    classifier.run(lambda c: held.append(np.sum(c.probability[noise, 1] > 0.5)))
    assert held == [0] * 6 + [2]


def test_batches_take_every_image_before_any_twice(particle):
    images, _, _ = synthetic.make_dataset(particle, 9, 0, seed=5)
    classifier = online_em.Classifier(
        images, [particle.volume()], particle.voxel, options=replace(QUICK, batch_per_class=3)
    )
    batches = []
    classifier.step = lambda batch, rate, draw=False: batches.append(batch)
    classifier.run()
    assert sorted(np.concatenate(batches[:3])) == list(range(9))
    assert [len(batch) for batch in batches] == [3] * 5 + [9]
