"""Tests of the benchmark's parts around its engine; none needs RELION."""
# ruff: noqa: D103 (the name of a test says what it shows)

import decoys
import fourier
import maps
import models
import numpy as np
import pages
import plan
import pytest
import relion
import synthetic
import torch


@pytest.fixture(scope="module")
def receptor() -> synthetic.Particle:
    return synthetic.gray_scale(synthetic.make_particle("3SN6"), 0.06)


@pytest.fixture(scope="module")
def dataset(receptor) -> synthetic.Images:
    return synthetic.Maker(receptor, 3).images(30, 70)


def test_images_have_the_stated_snr(receptor):
    views = synthetic.Maker(receptor, 2).signal(plan.PARTICLE, 100)
    energy = receptor.lattice.seen_energy(views, 20.0).mean()
    assert float(energy) / receptor.lattice.box**2 == pytest.approx(0.06, rel=0.1)


def test_every_kind_of_junk_is_there_and_looks_like_what_it_is(receptor):
    maker = synthetic.Maker(receptor, 4)
    energy = {
        kind: receptor.lattice.seen_energy(maker.signal(kind, 32), 20.0) / maker.energy
        for kind in plan.JUNK
    }
    assert not energy["noise"].any()
    for kind, (low, high) in synthetic.ENERGY.items():
        assert low * 0.99 < float(energy[kind].min()) < float(energy[kind].max()) < high * 1.01
    assert float(energy["aggregate"].mean()) == pytest.approx(4, rel=0.3)
    assert 0.02 < float(energy["small"].mean()) < float(energy["half"].mean()) < 0.9


def test_a_dataset_is_repeatable_and_normalized(receptor, dataset):
    again = synthetic.Maker(receptor, 3).images(30, 70)
    assert torch.equal(dataset.pixels, again.pixels)
    assert list(dataset.kinds).count(plan.PARTICLE) == 30
    assert sum(plan.JUNK.values()) == pytest.approx(1)
    axis = torch.arange(64) - 32
    outside = axis[:, None] ** 2 + axis**2 > (synthetic.BACKGROUND * 64) ** 2
    assert torch.allclose(dataset.pixels[:, outside].mean(1), torch.zeros(100), atol=1e-5)
    assert torch.allclose(dataset.pixels[:, outside].std(1), torch.ones(100), atol=1e-5)


def test_noise_is_colored(dataset):
    """Twice as strong at low frequency, as it was made."""
    lattice = dataset.lattice
    power = dataset.coefficients[torch.tensor(dataset.kinds == "noise")].abs() ** 2
    low = float(power[:, lattice.frequency < 1 / 100].mean())
    assert low / float(power[:, lattice.frequency > 1 / 20].mean()) == pytest.approx(1.8, rel=0.25)


def test_a_starting_map_is_noisy_and_of_its_resolution(receptor):
    voxel = receptor.lattice.voxel
    start = synthetic.starting_map(receptor, 12, 1)
    corner = start[:12, :12, :12]
    peak = float(synthetic.low_pass(receptor.volume, 12.0, voxel).max())
    assert float(corner.std()) == pytest.approx(0.1 * peak, rel=0.25)
    noisy = synthetic.starting_map(receptor, 40, 1, noise_resolution=40.0)
    peak = float(synthetic.low_pass(receptor.volume, 40.0, voxel).max())
    assert float(noisy[:12, :12, :12].std()) == pytest.approx(0.1 * peak, rel=0.4)
    poor = synthetic.starting_map(receptor, 40, 1)
    power = torch.fft.fftn(poor).abs() ** 2
    axis = torch.fft.fftfreq(64, voxel) ** 2
    beyond = (axis[:, None, None] + axis[:, None] + axis).sqrt() > 1 / 36
    assert float(power[beyond].sum() / power.sum()) < 1e-5


def test_match_is_strength_one_half_in_views_of_all_directions(receptor):
    """By brute force: turned, projected, seen with 31 CTFs, low-passed."""
    lattice = receptor.lattice
    made = decoys.make(receptor.volume, lattice, "radius 1.3fit value 0.5match,match,2match")
    made += decoys.make(receptor.volume, lattice, "radius 0.2fit offset fit value match")
    turns = fourier.random_rotations(400, torch.Generator().manual_seed(5))

    def energy(volume):
        views = lattice.slices(lattice.of_volume(volume * lattice.ball)[None], turns)[0]
        return float(lattice.seen_energy(views, 20.0).mean())

    own = energy(receptor.volume)
    found = [energy(decoy.volume) / own for decoy in made]
    assert found == pytest.approx([1 / 8, 1 / 2, 2, 1 / 2], rel=0.05)
    assert [decoy.strength for decoy in made] == pytest.approx(found, rel=0.05)


def test_fit_of_a_noisy_start_is_that_of_the_clean_one():
    particle = synthetic.make_particle("3SN6")
    clean, noisy = (
        decoys.make(start, particle.lattice, "radius fit")[0].radius
        for start in (synthetic.starting_map(particle, 12, 1, noise) for noise in (0.0, 0.1))
    )
    assert noisy == pytest.approx(clean, rel=0.1)


def test_spheres_are_where_the_words_put_them(receptor):
    lattice = receptor.lattice
    fit = decoys.make(receptor.volume, lattice, "radius fit")[0].radius
    around = decoys.make(receptor.volume, lattice, plan.AROUND)
    assert [d.radius for d in around] == pytest.approx([1.3 * fit] * 2, abs=1)
    assert around[1].density == pytest.approx(4 * around[0].density, rel=1e-4)
    beside = decoys.make(receptor.volume, lattice, plan.BESIDE)[0]
    middle = torch.argwhere(beside.volume > 0).float().mean(0) - 32
    assert middle.tolist() == pytest.approx([0, 0, fit / lattice.voxel], abs=0.5)
    with pytest.raises(KeyError):
        decoys.make(receptor.volume, lattice, "radius fit tilt 10")


def test_a_masked_start_has_the_particle_and_no_noise_around_it(receptor):
    lattice, start = receptor.lattice, synthetic.starting_map(receptor, 12, 1)
    fit = decoys.make(start, lattice, "radius fit")[0].radius
    masked, distance = decoys.masked(start, lattice), receptor.grid.norm(dim=0)
    assert torch.equal(masked[distance < fit], start[distance < fit])
    assert not masked[distance > 1.2 * fit + 11].any()
    assert start[distance > 1.2 * fit + 11].any()


@pytest.mark.parametrize("name", ["4GXY", "EMD-3488"])
def test_a_piece_is_moved_to_the_center(name):
    particle = synthetic.make_particle(name)
    part = synthetic.Maker(particle, 7)._half()
    mass = part.volume.clamp(min=0)
    middle = (part.grid * mass).sum((1, 2, 3)) / mass.sum()
    assert float(middle.abs().max()) < particle.lattice.voxel
    assert 0.2 < float(mass.sum() / particle.volume.clamp(min=0).sum()) < 0.8


def test_fourier_cropping_keeps_the_map_where_it_is():
    """A Gaussian wide enough for the larger voxels is the same Gaussian on them."""
    spot = [np.array(v) for v in ([[8.0, -12.0, 4.0]], [5.0], [20.0])]
    density = synthetic.gaussians(*spot, voxel=4.0).astype(float)
    small = maps.fourier_crop(density, 32)
    assert np.allclose(small, density[::2, ::2, ::2], atol=1e-6 * small.max())
    assert maps.pad(np.ones((5, 5, 5)), 8).sum() == 125


def test_beads_are_residues_and_a_normal_comes_to_lie_along_z():
    atoms = [("A", 1, 0.0, 0.0, 0.0), ("A", 1, 2.0, 0.0, 0.0), ("A", 2, 5.0, 1.0, 0.0)]
    places, weights = models.beads(atoms)
    assert places.tolist() == [[1.0, 0.0, 0.0], [5.0, 1.0, 0.0]]
    assert weights.tolist() == [2, 1]
    turned = models.along_z(np.array([[3.0, 0.0, 4.0]]), np.array([3.0, 0.0, 4.0]))
    assert np.allclose(turned, [[0, 0, 5]])


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
    names = [planned.name for planned in (*plan.PLAN, *plan.RELION_PLAN)]
    assert len(set(names)) == len(names)


def test_results_are_of_the_plan():
    names = {planned.name for planned in (*plan.PLAN, *plan.RELION_PLAN)}
    assert {row["run"] for row in plan.read_results()} <= names


def test_results_are_appended_under_one_header(tmp_path):
    path = tmp_path / "results.csv"
    for name in ("a", "b"):
        plan.append_result(path, {"run": name})
    assert [row["run"] for row in plan.read_results(path)] == ["a", "b"]


def result(run: plan.Run, caught: int, lost: int = 0) -> dict[str, str]:
    """Return a row of results, as read from the file."""
    row = {"run": run.name, "setting": run.setting, "map": run.map, "seed": str(run.seed)}
    row |= {"version": "PyTorch 2+cpu", "density": "1"}
    row |= {"particle": "200", "particle_lost": str(lost), "strength": "", "resolution_A": ""}
    for kind in plan.JUNK:
        row |= {kind: "20", f"{kind}_caught": str(caught)}
    columns = ("classifier", "start_A", "images", "junk_percent", "snr", "noise_A", "job_A")
    return row | {"seconds": "1", "match_of": plan.MATCH_OF} | dict.fromkeys(columns, "")


def test_nothing_is_quoted_of_a_map_without_all_seeds():
    rows = [result(run, 5) for run in plan.block((plan.HAND,)) if run.seed != 3]
    assert "| by hand: one sphere of density 1 | - | - | - | - |" in pages.summary(rows)
    rows += [result(run, 8, lost=1) for run in plan.block((plan.HAND,)) if run.seed == 3]
    assert "density 1 | 30% | - | 0.2% | 0.5% |" in pages.summary(rows)
    assert pages.share(rows[:-1] and pages.select(rows[:-1], plan.HAND)).endswith("7 maps")


def test_a_repeated_run_is_shown_beside_the_older_and_quoted_once_all_seeds_are():
    older = [result(r, 5) | {"match_of": "map"} for r in plan.block((plan.AROUND,), plan.FEW_DIRTY)]
    now = [result(run, 6) for run in plan.block((plan.AROUND,), plan.FEW_DIRTY)]
    assert {row["match_of"] for row in pages.select(older, plan.AROUND, plan.FEW_DIRTY)} == {"map"}
    assert pages.repeated([*older, *now[:1]]).count("25; 0.0) | 30; 0.0 |") == 1
    assert "compact 1, 70% junk | 30; 0.0 |" in pages.few([*older, *now[:1]])
    both = pages.select([*older[:2], *now[:2], older[2], *older[3:]], plan.AROUND, plan.FEW_DIRTY)
    assert {row["match_of"] for row in both} == {"map"}
    both = pages.select([*older, *now[:3]], plan.AROUND, plan.FEW_DIRTY)
    assert [row["match_of"] for row in both[:4]] == [plan.MATCH_OF] * 3 + ["map"]


def test_what_was_run_anew_is_beside_the_older_of_the_same_maps():
    older = [result(r, 5) | {"match_of": "map"} for r in plan.block((plan.AROUND,), plan.USUAL)]
    now = [result(plan.Run(plan.AROUND, "halo", seed), 6, lost=4) for seed in (1, 2)]
    (row,) = pages.anew([*older, *now]).splitlines()[2:]
    assert row.endswith("| 25%; 0.0%, 1 map, 3 runs | 30%; 2.0%, 1 map, 2 runs |")
    assert len(pages.anew(older).splitlines()) == len(pages.anew(now).splitlines()) == 2


def test_cases_quote_what_was_tried_with_all_seeds_or_not():
    rows = [result(plan.Run(plan.BESIDE, "compact", 3, plan.FEW_DIRTY_POOR), 6, lost=4)]
    rows += [result(plan.Run(plan.BESIDE, "halo", 1, plan.FEW_DIRTY_POOR), 1) | {"match_of": "map"}]
    (case,) = (row for row in pages.cases(rows).splitlines() if "the same: one round" in row)
    assert case.endswith("| 30%, 1 map | 2.0% | 1 |")
    assert "| 6,000 images: first round | `makesphere #1` | - | - | 0 |" in pages.cases(rows)


def test_a_run_without_match_stays_current():
    run_of = plan.block((plan.AROUND, plan.HAND), plan.QUICK, ("4GXY",))
    rows = [result(r, 1) | {"match_of": "map"} for r in run_of]
    assert [plan.is_current(row) for row in rows] == [False] * 3 + [True] * 3


def test_a_run_of_an_earlier_engine_is_older():
    row = result(plan.Run(plan.AROUND, "4GXY", 1), 1) | {"classifier": plan.ENGINE}
    assert plan.is_current(row | {"edition": plan.EDITION})
    assert not plan.is_current(row | {"edition": "1"})
    assert plan.is_current(row | {"classifier": plan.RELION, "edition": ""})


def test_pages_are_filled_between_their_markers_only():
    page = (
        "before\n<!-- summary: written by report.py -->\nold\n<!-- end of summary -->\nafter 50%\n"
    )
    rows = [result(run, 5) for run in plan.block((plan.AROUND,))]
    filled = pages.fill(page, rows)
    assert filled.startswith("before\n")
    assert filled.endswith("after 50%\n")
    assert "old" not in filled
    assert "25%" in filled
    assert pages.fill(filled, rows) == filled


def test_a_setting_is_named_as_it_is_typed():
    assert pages.label(plan.AROUND) == f"`{plan.AROUND}`"
    assert pages.label(plan.THEN_BESIDE) == f"`{plan.AROUND}`, then `{plan.BESIDE}`"
    assert pages.label(plan.BESIDE, pages.html) == plan.BESIDE
    assert pages.label(plan.TWICE) == plan.TWICE
    assert pages.label(plan.MASKED_AROUND) == f"map masked, `{plan.AROUND}`"
