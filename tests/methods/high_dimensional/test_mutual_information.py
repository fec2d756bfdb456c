"""Facts about bandwidths, densities by FFT and the mutual information of columns with an outcome or a class."""

import numpy as np
import pytest
from paperlab.methods.foundations import metrics
from paperlab.methods.high_dimensional import mutual_information as mi
from scipy.stats import norm


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.mark.parametrize("n", [500, 2000, 10000])
def test_sheather_jones_is_near_the_best_bandwidth_of_a_normal_density(n):
    best = (4 / (3 * n)) ** 0.2  # minimises the asymptotic mean integrated squared error: 1.06 n^(-1/5)
    found = np.array([mi.improved_sheather_jones(np.random.default_rng(k).standard_normal(n)) for k in range(12)])
    assert found.mean() == pytest.approx(best, rel=0.08)
    assert np.median(np.abs(found / best - 1)) < 0.15 and np.abs(found / best - 1).max() < 0.4


@pytest.mark.parametrize("n", [500, 2000, 10000])
def test_sheather_jones_does_not_depend_on_grid_margin_or_unit(rng, n):
    x = rng.standard_normal(n)
    h = mi.improved_sheather_jones(x)
    for other in ({"n_grid": 2048}, {"n_grid": 4096}, {"margin": 1.0}, {"margin": 0.25}):
        assert mi.improved_sheather_jones(x, **other) == pytest.approx(h, rel=0.02)
    for unit in (1e-9, 1e6):
        assert mi.improved_sheather_jones(unit * x + 3 * unit) == pytest.approx(unit * h, rel=1e-6)


def test_sheather_jones_sees_two_humps_where_silverman_sees_one_wide_one(rng):
    humps = rng.normal(6 * rng.integers(0, 2, 2000))
    one = (4 / (3 * 1000)) ** 0.2  # the best bandwidth of either hump
    assert mi.improved_sheather_jones(humps) == pytest.approx(one, rel=0.2)
    assert mi.silverman(humps) > 2 * one


def test_the_grid_grows_with_an_outlier_and_the_bandwidth_does_not(rng):
    x = rng.standard_normal(2000)
    assert mi.improved_sheather_jones(np.r_[x, 3000.0]) == pytest.approx(mi.improved_sheather_jones(x), rel=0.1)


@pytest.mark.parametrize("values", [[0.0, 1.0], np.arange(10.0)])
def test_ties_have_no_root_and_fall_back_on_silverman(rng, values):
    x = rng.choice(values, 1000)
    assert mi.improved_sheather_jones(x) == mi.silverman(x)


def test_the_faulty_rule_is_kdepys_and_the_theory_refutes_it(rng):
    from KDEpy.bw_selection import improved_sheather_jones

    for x in (rng.standard_normal(2000), rng.normal(4 * rng.integers(0, 2, 800)), rng.gamma(2.0, size=800)):
        assert mi.faulty_sheather_jones(x) == pytest.approx(improved_sheather_jones(x[:, None]), rel=1e-6)
        share = np.ptp(x) / (np.ptp(x) + 2 * max(np.ptp(x) / 2, 6.0))  # range of the data over that of the grid
        assert mi.faulty_sheather_jones(x) == pytest.approx(share * mi.improved_sheather_jones(x), rel=0.02)
    x = rng.standard_normal(2000)
    assert mi.faulty_sheather_jones(x) < 0.5 * (4 / 6000) ** 0.2


def test_silverman_takes_the_smaller_spread(rng):
    x = np.arange(1.0, 10.0)  # sd 2.7386, IQR / 1.349 = 2.965
    assert mi.silverman(x) == pytest.approx(np.sqrt(7.5) * (4 / 27) ** 0.2, rel=1e-9)
    wild = np.r_[x, 1e6]
    assert mi.silverman(wild) == pytest.approx(4.5 / 1.3489795 * (4 / 30) ** 0.2, rel=1e-6)
    assert mi.silverman(-5 * x + 2) == pytest.approx(5 * mi.silverman(x))
    assert mi.silverman(np.r_[np.zeros(99), 1.0]) > 0  # quartiles agree: the standard deviation


def test_density_integrates_to_one_and_equals_kdepy_on_the_same_grid(rng):
    from KDEpy import FFTKDE

    x, y = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 300).T
    ours = mi.density(x, y, n_grid=64, bandwidth="silverman")
    cell = np.diff(ours.axis_x)[0] * np.diff(ours.axis_y)[0]
    assert ours.density.sum() * cell == pytest.approx(1.0, abs=0.01)
    centre = (ours.density.sum(axis=1) @ ours.axis_x * cell, ours.density.sum(axis=0) @ ours.axis_y * cell)
    assert np.allclose(centre, (x.mean(), y.mean()), atol=0.02)
    hx, hy = mi.silverman(x), mi.silverman(y)
    points = np.stack(np.meshgrid(ours.axis_x / hx, ours.axis_y / hy, indexing="ij"), -1).reshape(-1, 2)
    peer = FFTKDE(kernel="epa", bw=1.0, norm=2).fit(np.c_[x / hx, y / hy]).evaluate(points)
    assert np.allclose(ours.density.ravel(), peer / (hx * hy), atol=1e-12)


def test_information_is_that_of_the_density(rng):
    x, y = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 300).T
    mass = mi.density(x, y, n_grid=64).density
    p = mass[mass > 0] / mass.sum()
    outer = np.outer(mass.sum(axis=1), mass.sum(axis=0))[mass > 0] / mass.sum() ** 2
    assert mi.fft_kde(x[:, None], y, n_grid=64)[0] == pytest.approx((p * np.log(p / outer)).sum(), abs=1e-4)


def test_information_of_a_gaussian_pair_is_near_its_closed_form(rng):
    rho = np.array([0.0, 0.5, 0.8])
    y = rng.standard_normal(20000)
    x = rho * y[:, None] + np.sqrt(1 - rho**2) * rng.standard_normal((20000, 3))
    truth = -0.5 * np.log(1 - rho**2)
    found = mi.fft_kde(x, y)
    assert np.allclose(found, truth, atol=0.06)
    assert np.allclose(mi.fft_kde(x, y, bandwidth="silverman"), truth, atol=0.06)
    assert np.allclose(mi.fft_kde(x, y, n_grid=200), found, atol=0.02)
    assert mi.fft_kde(y[:, None], x[:, 1])[0] == pytest.approx(found[1], abs=1e-6)  # symmetric
    assert np.allclose(mi.fft_kde(1e-6 * x - 4, 1e5 * y, bandwidth="silverman"),
                       mi.fft_kde(x, y, bandwidth="silverman"), atol=1e-3)  # fmt: skip
    order = rng.permutation(20000)
    assert np.allclose(mi.fft_kde(x[order][:, ::-1], y[order]), found[::-1], atol=1e-5)


def test_information_of_a_class_is_near_its_integral_and_never_above_its_entropy(rng):
    label = rng.integers(0, 2, 20000)
    x = rng.standard_normal((20000, 2)) + np.outer(label, [1.0, 30.0])
    grid = np.linspace(-8, 9, 20001)
    p0, p1 = norm.pdf(grid), norm.pdf(grid, 1)
    mixed = (p0 + p1) / 2
    truth = ((p0 * np.log(p0 / mixed) + p1 * np.log(p1 / mixed)) / 2).sum() * (grid[1] - grid[0])
    found = mi.class_kde(x, label)
    assert found[0] == pytest.approx(truth, abs=0.01)
    assert found[1] == pytest.approx(np.log(2), abs=0.01)
    three = rng.integers(0, 3, 3000)
    apart = rng.standard_normal((3000, 1)) + 30.0 * three[:, None]
    assert mi.class_kde(apart, three)[0] == pytest.approx(np.log(3), abs=0.01)


def test_a_class_may_have_any_name(rng):
    label = rng.integers(0, 3, 500)
    x = rng.standard_normal((500, 2)) + np.outer(label, [0.5, 0.0])
    numbers = mi.class_kde(x, label)
    for names in (["b", "a", "c"], [5000, 37, -1], [True, None.__class__, "text"], [(1, 2), (3, 4), ()]):
        renamed = np.empty(500, object)
        renamed[:] = [names[k] for k in label]
        assert np.allclose(mi.class_kde(x, renamed), numbers, rtol=1e-9)


def test_bins_of_equal_tables_give_their_entropy(rng):
    x = np.repeat(np.arange(4.0), 25)
    assert mi.binned(x[:, None], x, n_bins=4)[0] == pytest.approx(np.log(4))
    assert mi.binned(x[:, None], x >= 2, n_bins=4, n_bins_y=2)[0] == pytest.approx(np.log(2))
    grid = np.stack(np.meshgrid(np.arange(5.0), np.arange(5.0)), -1).reshape(-1, 2)
    assert mi.binned(grid[:, :1], grid[:, 1], n_bins=5)[0] == pytest.approx(0.0, abs=1e-12)
    y = rng.standard_normal(300)
    noisy = y[:, None] + rng.standard_normal((300, 2))
    assert np.allclose(mi.binned(noisy, y), mi.binned(1e-7 * noisy, 3 - 1e4 * y), atol=1e-9)
    assert not np.allclose(mi.binned(noisy, y), mi.binned(noisy, y, n_bins=5))


def test_pearson_is_the_absolute_correlation(rng):
    x, y = rng.standard_normal((50, 3)), rng.standard_normal(50)
    assert np.allclose(mi.pearson(x, y), np.abs(np.corrcoef(x.T, y)[-1, :-1]))


def test_correlation_misses_a_square_and_information_does_not(rng):
    x = rng.standard_normal((2000, 1))
    y = x[:, 0] ** 2 + 0.3 * rng.standard_normal(2000)
    assert mi.pearson(x, y)[0] < 0.15
    assert mi.fft_kde(x, y)[0] > 0.3
    assert mi.binned(x, y)[0] > 0.3


def test_more_columns_than_one_block_keep_their_order(rng):
    x = rng.standard_normal((200, mi.BLOCK + 3))
    y = x[:, mi.BLOCK + 1] + 0.1 * rng.standard_normal(200)
    assert mi.fft_kde(x, y).argmax() == mi.BLOCK + 1
    assert metrics.auroc(mi.fft_kde(x, y), np.arange(mi.BLOCK + 3) == mi.BLOCK + 1) == 1


def with_one(values, place, wrong):
    out = np.array(values, float)
    out[place] = wrong
    return out


@pytest.mark.parametrize("estimate", [mi.fft_kde, mi.binned, mi.pearson])
def test_bad_data_are_refused_by_name(rng, estimate):
    x, y = rng.standard_normal((50, 2)), rng.standard_normal(50)
    for data, words in [
        ((with_one(x, (7, 1), np.nan), y), "x is nan in row 7"),
        ((x, with_one(y, 3, np.inf)), "y is inf in row 3"),
        ((x[:-1], y), "one value for each row"),
        ((x * [0.0, 1.0], y), "column 0 is constant"),
        ((x, np.ones(50)), "y is constant"),
    ]:
        with pytest.raises(ValueError, match=words):
            estimate(*data)


def test_bad_settings_and_labels_are_refused_by_name(rng):
    x, y = rng.standard_normal((50, 2)), rng.standard_normal(50)
    label = np.array(["a", "b"] * 25, object)
    gap = label.copy()
    gap[4] = None
    for bad, words in [
        (lambda: mi.fft_kde(x, y, n_grid=4), "n_grid"),
        (lambda: mi.class_kde(x, label, n_grid=15), "n_grid"),
        (lambda: mi.density(x[:, 0], y, n_grid=15), "n_grid"),
        (lambda: mi.fft_kde(x, y, bandwidth="scott"), "bandwidth"),
        (lambda: mi.binned(x, y, n_bins=1), "n_bins"),
        (lambda: mi.binned(x, y, n_bins_y=1), "n_bins_y"),
        (lambda: mi.class_kde(x, gap), "no label in row 4"),
        (lambda: mi.class_kde(x, np.where(np.arange(50) == 9, np.nan, 1.0)), "no label in row 9"),
        (lambda: mi.class_kde(x, ["a"] * 50), "one class only"),
        (lambda: mi.class_kde(x, label[:-1]), "one value for each row"),
        (lambda: mi.class_kde(with_one(x, (2, 0), np.nan), label), "x is nan in row 2"),
        (lambda: mi.improved_sheather_jones(np.ones(9)), "x is constant"),
        (lambda: mi.improved_sheather_jones(with_one(y, 5, np.nan)), "x is nan in row 5"),
        (lambda: mi.improved_sheather_jones(x), "one variable"),
        (lambda: mi.improved_sheather_jones(y, n_grid=8), "n_grid"),
        (lambda: mi.improved_sheather_jones(y, margin=0.0), "margin"),
        (lambda: mi.silverman(with_one(y, 5, np.nan)), "x is nan in row 5"),
    ]:
        with pytest.raises(ValueError, match=words):
            bad()
