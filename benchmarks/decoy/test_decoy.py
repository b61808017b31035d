"""Tests of the benchmark's pure parts; none needs RELION."""
# ruff: noqa: D103 (the name of a test says what it shows)

import maps
import numpy as np
import online_em
import pages
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


def test_a_sampled_map_has_the_views_of_what_was_sampled():
    """Also when it is turned, shifted and cut in two."""
    exact = synthetic.make_particle("elongated")
    sampled = synthetic.Sampled(exact.volume().astype(float), exact.voxel, 0.1)
    turn = synthetic.random_rotation(np.random.default_rng(1))
    views = [p.moved(turn, (5, -7, 3)).projection() for p in (exact, sampled)]
    difference = views[1] - (views[0] - views[0].mean())
    assert np.std(difference) < 0.02 * np.std(views[0])
    halves = [sampled.where(lambda at, s=s: s * at[:, 1] > 0) for s in (1, -1)]
    middle = sampled.where(lambda at: at[:, 1] == 0)
    whole = sum(part.moved(turn, (5, -7, 3)).projection() for part in (*halves, middle))
    assert np.allclose(whole, views[1], atol=1e-6 * np.abs(views[1]).max())


def test_rotations_are_proper():
    rotation = synthetic.random_rotation(np.random.default_rng(1))
    assert np.allclose(rotation @ rotation.T, np.eye(3))
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_ctf_against_values_by_hand():
    """Only amplitude contrast at zero; first zero where the phase is 180 degrees."""
    assert synthetic.ctf(np.array([0.0]), 15_000.0) == pytest.approx(0.1)
    frequency = np.linspace(0.0, 0.1, 200_001)
    signs = np.sign(synthetic.ctf(frequency, 15_000.0))
    first = frequency[np.argmax(signs < 0)]
    phase = np.pi * 0.019687 * 15_000 * first**2 - np.pi / 2 * 2.7e7 * 0.019687**3 * first**4
    assert phase + np.arcsin(0.1) == pytest.approx(np.pi, abs=1e-3)


@pytest.mark.parametrize("name", synthetic.MAPS)
def test_images_have_the_stated_snr(name):
    particle = synthetic.grey_scale(synthetic.make_particle(name), 0.06)
    space = online_em.Fourier(particle.box, particle.voxel, synthetic.RESOLUTION)
    rng = np.random.default_rng(2)
    energies = []
    for _ in range(100):
        view = synthetic.make_signal("particle", particle, rng)
        seen = synthetic.with_ctf(view, particle.voxel, rng.uniform(*synthetic.DEFOCUS))
        energies.append(space.to_images(space.of_images(seen)).var())
    assert np.mean(energies) == pytest.approx(0.06, rel=0.15)


@pytest.mark.parametrize("name", ["compact", "EMD-3488"])
def test_dataset_is_repeatable_and_normalised(name):
    particle = synthetic.grey_scale(synthetic.make_particle(name), 0.06)
    images, defocus, kinds = synthetic.make_dataset(particle, 6, 10, seed=3)
    again, _, _ = synthetic.make_dataset(particle, 6, 10, seed=3)
    assert np.array_equal(images, again)
    assert np.all((defocus >= 10_000) & (defocus <= 25_000))
    assert list(kinds).count("particle") == 6
    assert all(list(kinds).count(kind) == 2 for kind in synthetic.JUNK)
    y, x = np.indices(images.shape[1:]) - particle.box // 2
    background = images[:, x**2 + y**2 > (synthetic.BACKGROUND * particle.box) ** 2]
    assert np.allclose(background.mean(axis=1), 0, atol=1e-5)
    assert np.allclose(background.std(axis=1), 1, atol=1e-5)


def test_view_energy_against_projections():
    """Of a Gaussian, all of whose views are the same, and which lies below 20 Å."""
    blob = synthetic.Blobs(np.zeros((1, 3)), np.array([5.0]), np.array([25.0]))
    view = blob.projection()
    expected = np.sum((view - view.mean()) ** 2)
    assert synthetic.view_energy(blob.volume(), blob.voxel) == pytest.approx(expected, rel=0.02)


def test_noise_decoy_stays_inside_and_has_the_energy_of_the_sphere():
    z, y, x = np.indices((64, 64, 64)) - 32
    sphere = (x**2 + y**2 + z**2 <= 15**2) * 0.02
    noise = synthetic.noise_decoy(sphere, 4.0, seed=4)
    assert not noise[sphere == 0].any()
    energies = [synthetic.view_energy(volume, 4.0) for volume in (noise, sphere)]
    assert energies[0] == pytest.approx(energies[1], rel=1e-4)


def test_fourier_cropping_keeps_the_map_where_it_is():
    """A Gaussian wide enough for the larger voxels is the same Gaussian on them."""
    blob = synthetic.Blobs(np.array([[8.0, -12.0, 4.0]]), np.array([5.0]), np.array([20.0]))
    small = maps.fourier_crop(blob.volume().astype(float), 32)
    assert np.allclose(small, blob.volume()[::2, ::2, ::2], atol=1e-6 * small.max())
    assert maps.pad(np.ones((5, 5, 5)), 8).sum() == 125
    assert np.argmax(maps.pad(np.eye(1, 125, 62).reshape(5, 5, 5), 8)) == (4 * 8 + 4) * 8 + 4


def test_makesphere_makes_what_the_setting_says(tmp_path):
    """A pair of strengths 1/2 and 2, by views of all directions."""
    planned = run.Run("pair", "EMD-3488", run.ENGINE, 1)
    setting = run.spheres(("1.3fit", "match,2match"))
    volumes, voxel, facts = run.references(planned, setting, tmp_path)
    assert len(volumes) == 3
    assert voxel == pytest.approx(2.625)
    strengths = [float(s) for s in facts["strength"].split(";")]
    assert strengths == pytest.approx([0.5, 2.0], rel=0.06)
    assert len(set(facts["radius_A"].split(";"))) == 1


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
    assert {planned.setting for planned in run.SAMPLE} == set(run.SAMPLE_SETTINGS)


def test_results_are_appended_under_one_header(tmp_path):
    path = tmp_path / "results.csv"
    for name in ("a", "b"):
        run.append_result(path, {"run": name})
    assert [row["run"] for row in run.read_results(path)] == ["a", "b"]


def result(setting, name, seed, caught, lost=0, classifier=run.ENGINE):
    """Return a row of results, as read from the file."""
    row = {"setting": setting, "map": name, "classifier": classifier, "seed": str(seed)}
    row |= {"particle": "200", "particle_lost": str(lost), "run": f"{setting} {name} {seed}"}
    for kind in synthetic.JUNK:
        row |= {kind: "20", f"{kind}_caught": str(caught)}
    return row | {"seconds": "1", "strength": "", "strength_with_ctf": "", "history": ""}


def test_nothing_is_quoted_from_fewer_than_three_seeds():
    rows = [result("1", name, seed, 5) for seed in (1, 2) for name in synthetic.MAPS]
    assert "%" not in pages.summary(rows).replace("% at most", "")
    rows += [result("1", name, 3, 8, lost=1) for name in synthetic.MAPS]
    assert "| `radius 1.3fit value 1` | 30 % | 0.5 % at most |" in pages.summary(rows)


def test_pages_are_filled_between_their_markers_only():
    page = (
        "before\n<!-- summary: written by report.py -->\nold\n<!-- end of summary -->\nafter 50 %\n"
    )
    rows = [result("1", name, seed, 5) for seed in run.SEEDS for name in synthetic.MAPS]
    filled = pages.fill(page, rows)
    assert filled.startswith("before\n")
    assert filled.endswith("after 50 %\n")
    assert "old" not in filled
    assert "25 %" in filled
    assert pages.fill(filled, rows) == filled


def test_what_goes_otherwise_stands_beside_the_pair_it_is_of():
    name = run.FACTOR_MAPS[0]
    condition = next(iter(run.CONDITIONS))
    rows = [result(run.AROUND, name, seed, 5) for seed in run.SEEDS]
    rows += [result(run.under(run.BESIDE, condition), name, seed, 10, 2) for seed in run.SEEDS]
    table = pages.factors(rows).splitlines()
    assert f"around, {name}" in table[0] and f"beside, {name}" in table[0]
    assert table[2] == "| as above | 25 | - | - | - |"
    assert table[3] == f"| {condition} | - | - | 50; lost 1.0 | - |"


def test_other_spheres_are_told_with_three_seeds():
    shape = next(iter(run.SHAPES))
    rows = [result(run.BESIDE, run.ONE_MAP, seed, 10) for seed in run.SEEDS]
    rows += [result(shape, run.ONE_MAP, seed, 10) for seed in run.SEEDS[:2]]
    table = pages.shapes(rows).splitlines()
    assert table[2:] == [f"| `{run.BESIDE}` | 50 | 0.0 |"]


def test_a_setting_is_named_as_it_is_typed():
    assert pages.label("match,4match") == "`radius 1.3fit value match,4match`"
    assert pages.label(run.BESIDE) == f"`{run.BESIDE}`"
    assert pages.label(run.BESIDE, pages.html) == run.BESIDE
    assert pages.label(run.TWICE) == run.TWICE


def test_an_offset_puts_the_sphere_beside_the_centre(tmp_path):
    planned = run.Run("beside", "EMD-3488", run.ENGINE, 1)
    volumes, _, facts = run.references(planned, run.PAIRS[run.BESIDE], tmp_path)
    place = np.argwhere(volumes[1]).mean(axis=0) - len(volumes[1]) // 2
    fit = 35 / 2.625
    assert place == pytest.approx((0, 0, fit), abs=0.5)
    strengths = [float(s) for s in facts["strength"].split(";")]
    assert strengths == pytest.approx([1 / 32, 0.5], rel=0.1)
