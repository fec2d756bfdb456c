"""Facts about bandwidths: the best one for a normal density, other grids and units, and a fault of a peer."""

import numpy as np
import pytest
from paperlab.methods.high_dimensional import bandwidths


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.mark.parametrize("n", [500, 2000, 10000])
def test_sheather_jones_is_near_the_best_bandwidth_of_a_normal_density(n):
    best = (4 / (3 * n)) ** 0.2  # minimises the asymptotic mean integrated squared error: 1.06 n^(-1/5)
    found = np.array(
        [bandwidths.improved_sheather_jones(np.random.default_rng(k).standard_normal(n)) for k in range(12)]
    )
    assert found.mean() == pytest.approx(best, rel=0.08)
    assert np.median(np.abs(found / best - 1)) < 0.15 and np.abs(found / best - 1).max() < 0.4


@pytest.mark.parametrize("n", [500, 2000, 10000])
def test_sheather_jones_does_not_depend_on_grid_margin_or_unit(rng, n):
    x = rng.standard_normal(n)
    h = bandwidths.improved_sheather_jones(x)
    for other in ({"n_grid": 2048}, {"n_grid": 4096}, {"margin": 1.0}, {"margin": 0.25}):
        assert bandwidths.improved_sheather_jones(x, **other) == pytest.approx(h, rel=0.02)
    for unit in (1e-9, 1e6):
        assert bandwidths.improved_sheather_jones(unit * x + 3 * unit) == pytest.approx(unit * h, rel=1e-6)


def test_sheather_jones_sees_two_humps_where_silverman_sees_one_wide_one(rng):
    humps = rng.normal(6 * rng.integers(0, 2, 2000))
    one = (4 / (3 * 1000)) ** 0.2  # the best bandwidth of either hump
    assert bandwidths.improved_sheather_jones(humps) == pytest.approx(one, rel=0.2)
    assert bandwidths.silverman(humps) > 2 * one


def test_the_grid_grows_with_an_outlier_and_the_bandwidth_does_not(rng):
    x = rng.standard_normal(2000)
    assert bandwidths.improved_sheather_jones(np.r_[x, 3000.0]) == pytest.approx(
        bandwidths.improved_sheather_jones(x), rel=0.1
    )


@pytest.mark.parametrize("values", [[0.0, 1.0], np.arange(10.0)])
def test_ties_have_no_root_and_fall_back_on_silverman(rng, values):
    x = rng.choice(values, 1000)
    assert bandwidths.improved_sheather_jones(x) == bandwidths.silverman(x)


def test_the_faulty_rule_is_kdepys_and_the_theory_refutes_it(rng):
    from KDEpy.bw_selection import improved_sheather_jones

    for x in (rng.standard_normal(2000), rng.normal(4 * rng.integers(0, 2, 800)), rng.gamma(2.0, size=800)):
        assert bandwidths.faulty_sheather_jones(x) == pytest.approx(improved_sheather_jones(x[:, None]), rel=1e-6)
        share = np.ptp(x) / (np.ptp(x) + 2 * max(np.ptp(x) / 2, 6.0))  # range of the data over that of the grid
        assert bandwidths.faulty_sheather_jones(x) == pytest.approx(
            share * bandwidths.improved_sheather_jones(x), rel=0.02
        )
    x = rng.standard_normal(2000)
    assert bandwidths.faulty_sheather_jones(x) < 0.5 * (4 / 6000) ** 0.2


def test_silverman_takes_the_smaller_spread(rng):
    x = np.arange(1.0, 10.0)  # sd 2.7386, IQR / 1.349 = 2.965
    assert bandwidths.silverman(x) == pytest.approx(np.sqrt(7.5) * (4 / 27) ** 0.2, rel=1e-9)
    wild = np.r_[x, 1e6]
    assert bandwidths.silverman(wild) == pytest.approx(4.5 / 1.3489795 * (4 / 30) ** 0.2, rel=1e-6)
    assert bandwidths.silverman(-5 * x + 2) == pytest.approx(5 * bandwidths.silverman(x))
    assert bandwidths.silverman(np.r_[np.zeros(99), 1.0]) > 0  # quartiles agree: the standard deviation


def test_bad_data_are_refused_by_name(rng):
    y = rng.standard_normal(50)
    wrong = np.where(np.arange(50) == 5, np.nan, y)
    for rule in (bandwidths.silverman, bandwidths.improved_sheather_jones, bandwidths.faulty_sheather_jones):
        for x, words in [(np.ones(9), "x is constant"), (wrong, "x is nan in row 5"), (np.c_[y, y], "one variable")]:
            with pytest.raises(ValueError, match=words):
                rule(x)
    for options, words in [({"n_grid": 8}, "n_grid"), ({"n_grid": 100.5}, "n_grid"), ({"margin": 0.0}, "margin")]:
        with pytest.raises(ValueError, match=words):
            bandwidths.improved_sheather_jones(y, **options)
