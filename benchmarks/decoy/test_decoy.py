"""Tests of the benchmark's pure parts; none needs RELION."""
# ruff: noqa: D103 (the name of a test says what it shows)

import numpy as np
import pytest
import relion
import run
import synthetic


def test_projection_is_the_sum_of_the_volume_along_z():
    rng = np.random.default_rng(0)
    particle = synthetic.make_particle("compact").moved(synthetic.random_rotation(rng), (4, -8, 2))
    expected = particle.volume().sum(axis=0)
    assert np.allclose(particle.projection(), expected, atol=1e-5 * expected.max())


def test_single_gaussian_against_the_formula():
    blob = synthetic.Blobs(np.array([[8.0, -12.0, 4.0]]), np.array([5.0]), np.array([6.0]))
    peak = 5.0 * (synthetic.VOXEL / (np.sqrt(2 * np.pi) * 6.0)) ** 2
    view = blob.projection()
    assert np.unravel_index(view.argmax(), view.shape) == (32 - 3, 32 + 2)
    assert view.max() == pytest.approx(peak)
    assert view.sum() == pytest.approx(5.0, rel=1e-6)


def test_rotations_are_proper():
    rotation = synthetic.random_rotation(np.random.default_rng(1))
    assert np.allclose(rotation @ rotation.T, np.eye(3))
    assert np.linalg.det(rotation) == pytest.approx(1)


@pytest.mark.parametrize("name", synthetic.MAPS)
def test_images_have_the_stated_snr(name):
    particle = synthetic.grey_scale(synthetic.make_particle(name), 0.06)
    rng = np.random.default_rng(2)
    power = [synthetic.make_signal("particle", particle, rng).var() for _ in range(100)]
    assert np.mean(power) == pytest.approx(0.06, rel=0.1)


def test_dataset_is_repeatable_and_normalised():
    particle = synthetic.grey_scale(synthetic.make_particle("compact"), 0.06)
    images, kinds = synthetic.make_dataset(particle, 6, 10, seed=3)
    again, _ = synthetic.make_dataset(particle, 6, 10, seed=3)
    assert np.array_equal(images, again)
    assert kinds.count("particle") == 6
    assert all(kinds.count(kind) == 2 for kind in synthetic.JUNK)
    y, x = np.indices(images.shape[1:]) - 32
    background = images[:, x**2 + y**2 > synthetic.BACKGROUND_RADIUS**2]
    assert np.allclose(background.mean(axis=1), 0, atol=1e-5)
    assert np.allclose(background.std(axis=1), 1, atol=1e-5)


def test_noise_decoy_stays_inside_and_has_the_energy_of_the_sphere():
    z, y, x = np.indices((64, 64, 64)) - 32
    sphere = (x**2 + y**2 + z**2 <= 15**2) * 0.02
    noise = synthetic.noise_decoy(sphere, seed=4)
    assert not noise[sphere == 0].any()
    energies = [synthetic.projection_energy(volume) for volume in (noise, sphere)]
    assert energies[0] == pytest.approx(energies[1], rel=1e-4)


def test_star_file_comes_back_as_written(tmp_path):
    path = tmp_path / "some.star"
    blocks = {
        "optics": {"rlnOpticsGroup": [1]},
        "particles": {"rlnImageName": ["1@a.mrcs", "2@a.mrcs"], "rlnClassNumber": [2, 1]},
    }
    relion.write_star(path, blocks)
    assert relion.read_star(path, "particles")["rlnClassNumber"] == ["2", "1"]
    assert relion.read_star(path, "optics") == {"rlnOpticsGroup": ["1"]}
    with pytest.raises(ValueError, match="no table data_model"):
        relion.read_star(path, "model")


def test_plan_has_each_run_once():
    names = [planned.name for planned in run.PLAN]
    assert len(set(names)) == len(names)
    assert {planned.setting for planned in run.PLAN} == set(run.SETTINGS)


def test_results_are_appended_under_one_header(tmp_path):
    path = tmp_path / "results.csv"
    for name in ("a", "b"):
        run.append_result(path, {"run": name})
    assert [row["run"] for row in run.read_results(path)] == ["a", "b"]
