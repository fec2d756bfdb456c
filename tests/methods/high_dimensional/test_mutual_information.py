"""Facts about densities by FFT and the mutual information of columns with an outcome or a class."""

import numpy as np
import pytest
from paperlab.methods.foundations import metrics
from paperlab.methods.high_dimensional import mutual_information
from paperlab.methods.high_dimensional.bandwidths import silverman
from scipy.stats import norm


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_density_integrates_to_one_and_equals_kdepy_on_the_same_grid(rng):
    from KDEpy import FFTKDE

    x, y = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 300).T
    ours = mutual_information.density(x, y, n_grid=64, bandwidth="silverman")
    cell = np.diff(ours.axis_x)[0] * np.diff(ours.axis_y)[0]
    assert ours.density.sum() * cell == pytest.approx(1.0, abs=0.01)
    centre = (ours.density.sum(axis=1) @ ours.axis_x * cell, ours.density.sum(axis=0) @ ours.axis_y * cell)
    assert np.allclose(centre, (x.mean(), y.mean()), atol=0.02)
    hx, hy = silverman(x), silverman(y)
    points = np.stack(np.meshgrid(ours.axis_x / hx, ours.axis_y / hy, indexing="ij"), -1).reshape(-1, 2)
    peer = FFTKDE(kernel="epa", bw=1.0, norm=2).fit(np.c_[x / hx, y / hy]).evaluate(points)
    assert np.allclose(ours.density.ravel(), peer / (hx * hy), atol=1e-12)


def test_information_is_that_of_the_density(rng):
    x, y = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 300).T
    mass = mutual_information.density(x, y, n_grid=64).density
    p = mass[mass > 0] / mass.sum()
    outer = np.outer(mass.sum(axis=1), mass.sum(axis=0))[mass > 0] / mass.sum() ** 2
    assert mutual_information.fft_kde(x[:, None], y, n_grid=64)[0] == pytest.approx(
        (p * np.log(p / outer)).sum(), abs=1e-4
    )


def test_information_of_a_gaussian_pair_is_near_its_closed_form(rng):
    rho = np.array([0.0, 0.5, 0.8])
    y = rng.standard_normal(20000)
    x = rho * y[:, None] + np.sqrt(1 - rho**2) * rng.standard_normal((20000, 3))
    truth = -0.5 * np.log(1 - rho**2)
    found = mutual_information.fft_kde(x, y)
    assert np.allclose(found, truth, atol=0.06)
    assert np.allclose(mutual_information.fft_kde(x, y, bandwidth="silverman"), truth, atol=0.06)
    assert np.allclose(mutual_information.fft_kde(x, y, n_grid=200), found, atol=0.02)
    assert mutual_information.fft_kde(y[:, None], x[:, 1])[0] == pytest.approx(found[1], abs=1e-6)  # symmetric
    assert np.allclose(mutual_information.fft_kde(1e-6 * x - 4, 1e5 * y, bandwidth="silverman"),
                       mutual_information.fft_kde(x, y, bandwidth="silverman"), atol=1e-3)  # fmt: skip
    order = rng.permutation(20000)
    assert np.allclose(mutual_information.fft_kde(x[order][:, ::-1], y[order]), found[::-1], atol=1e-5)


def test_information_of_a_class_is_near_its_integral_and_never_above_its_entropy(rng):
    label = rng.integers(0, 2, 20000)
    x = rng.standard_normal((20000, 2)) + np.outer(label, [1.0, 30.0])
    grid = np.linspace(-8, 9, 20001)
    p0, p1 = norm.pdf(grid), norm.pdf(grid, 1)
    mixed = (p0 + p1) / 2
    truth = ((p0 * np.log(p0 / mixed) + p1 * np.log(p1 / mixed)) / 2).sum() * (grid[1] - grid[0])
    found = mutual_information.class_kde(x, label)
    assert found[0] == pytest.approx(truth, abs=0.01)
    assert found[1] == pytest.approx(np.log(2), abs=0.01)
    three = rng.integers(0, 3, 3000)
    apart = rng.standard_normal((3000, 1)) + 30.0 * three[:, None]
    assert mutual_information.class_kde(apart, three)[0] == pytest.approx(np.log(3), abs=0.01)


def test_a_class_may_have_any_name(rng):
    label = rng.integers(0, 3, 500)
    x = rng.standard_normal((500, 2)) + np.outer(label, [0.5, 0.0])
    numbers = mutual_information.class_kde(x, label)
    for names in (["b", "a", "c"], [5000, 37, -1], [True, None.__class__, "text"], [(1, 2), (3, 4), ()]):
        renamed = np.empty(500, object)
        renamed[:] = [names[k] for k in label]
        assert np.allclose(mutual_information.class_kde(x, renamed), numbers, rtol=1e-9)


def test_bins_of_equal_tables_give_their_entropy(rng):
    x = np.repeat(np.arange(4.0), 25)
    assert mutual_information.binned(x[:, None], x, n_bins=4)[0] == pytest.approx(np.log(4))
    assert mutual_information.binned(x[:, None], x >= 2, n_bins=4, n_bins_y=2)[0] == pytest.approx(np.log(2))
    grid = np.stack(np.meshgrid(np.arange(5.0), np.arange(5.0)), -1).reshape(-1, 2)
    assert mutual_information.binned(grid[:, :1], grid[:, 1], n_bins=5)[0] == pytest.approx(0.0, abs=1e-12)
    y = rng.standard_normal(300)
    noisy = y[:, None] + rng.standard_normal((300, 2))
    assert np.allclose(
        mutual_information.binned(noisy, y), mutual_information.binned(1e-7 * noisy, 3 - 1e4 * y), atol=1e-9
    )
    assert not np.allclose(mutual_information.binned(noisy, y), mutual_information.binned(noisy, y, n_bins=5))


def test_pearson_is_the_absolute_correlation(rng):
    x, y = rng.standard_normal((50, 3)), rng.standard_normal(50)
    assert np.allclose(mutual_information.pearson(x, y), np.abs(np.corrcoef(x.T, y)[-1, :-1]))


def test_correlation_misses_a_square_and_information_does_not(rng):
    x = rng.standard_normal((2000, 1))
    y = x[:, 0] ** 2 + 0.3 * rng.standard_normal(2000)
    assert mutual_information.pearson(x, y)[0] < 0.15
    assert mutual_information.fft_kde(x, y)[0] > 0.3
    assert mutual_information.binned(x, y)[0] > 0.3


def test_more_columns_than_one_block_keep_their_order(rng):
    x = rng.standard_normal((200, mutual_information.BLOCK + 3))
    y = x[:, mutual_information.BLOCK + 1] + 0.1 * rng.standard_normal(200)
    assert mutual_information.fft_kde(x, y).argmax() == mutual_information.BLOCK + 1
    assert (
        metrics.auroc(
            mutual_information.fft_kde(x, y), np.arange(mutual_information.BLOCK + 3) == mutual_information.BLOCK + 1
        )
        == 1
    )


def with_one(values, place, wrong):
    out = np.array(values, float)
    out[place] = wrong
    return out


@pytest.mark.parametrize(
    "estimate", [mutual_information.fft_kde, mutual_information.binned, mutual_information.pearson]
)
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
        (lambda: mutual_information.fft_kde(x, y, n_grid=4), "n_grid"),
        (lambda: mutual_information.class_kde(x, label, n_grid=15), "n_grid"),
        (lambda: mutual_information.density(x[:, 0], y, n_grid=15), "n_grid"),
        (lambda: mutual_information.fft_kde(x, y, bandwidth="scott"), "bandwidth"),
        (lambda: mutual_information.binned(x, y, n_bins=1), "n_bins"),
        (lambda: mutual_information.binned(x, y, n_bins_y=1), "n_bins_y"),
        (lambda: mutual_information.class_kde(x, gap), "no label in row 4"),
        (lambda: mutual_information.class_kde(x, np.where(np.arange(50) == 9, np.nan, 1.0)), "no label in row 9"),
        (lambda: mutual_information.class_kde(x, ["a"] * 50), "one class only"),
        (lambda: mutual_information.class_kde(x, label[:-1]), "one value for each row"),
        (lambda: mutual_information.class_kde(with_one(x, (2, 0), np.nan), label), "x is nan in row 2"),
    ]:
        with pytest.raises(ValueError, match=words):
            bad()


@pytest.mark.parametrize("rule", sorted(mutual_information.RULES))
def test_bandwidths_known_beforehand_change_nothing(rng, rule):
    x, y = rng.standard_normal((200, 3)) * [1.0, 5.0, 0.1], rng.standard_normal(200)
    widths = mutual_information.column_bandwidths(x, rule)
    for estimate, outcome in ((mutual_information.fft_kde, y), (mutual_information.class_kde, y > 0)):
        assert (estimate(x, outcome, bandwidth=rule, widths=widths) == estimate(x, outcome, bandwidth=rule)).all()
        assert (estimate(x, outcome, widths=3 * widths) != estimate(x, outcome, widths=widths)).any()


@pytest.mark.parametrize("widths", [[1.0, 2.0], [1.0, 1.0, 0.0], [[1.0, 1.0, 1.0]]])
def test_bandwidths_that_do_not_fit_the_columns_are_refused(rng, widths):
    with pytest.raises(ValueError, match="widths must be 3 positive bandwidths"):
        mutual_information.fft_kde(rng.standard_normal((50, 3)), rng.standard_normal(50), widths=widths)
