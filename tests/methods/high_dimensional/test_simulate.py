"""Facts about the designs: correlations, signal shares, standardisation, contamination."""

import numpy as np
import pytest
from paperlab.methods.foundations import metrics
from paperlab.methods.high_dimensional import mutual_information, simulate


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_recursive_rows_have_the_toeplitz_correlation(rng):
    x = simulate.draw_covariates(20000, 4, 0.6, rng=rng)
    assert np.allclose(np.corrcoef(x.T), 0.6 ** np.abs(np.subtract.outer(range(4), range(4))), atol=0.03)
    assert np.allclose(x.var(axis=0), 1, atol=0.05)


def test_design_is_standardised_and_has_its_signal_share(rng):
    d = simulate.draw_design(4000, 0.5, 3.0, n_test=4000, gap=5, per_block=4, rng=rng)
    assert d.x.shape == (4000, 5 * 4 + 4 * 5) == (4000, d.beta.size)
    assert np.allclose(d.x.mean(axis=0), 0) and np.allclose(d.x.std(axis=0), 1)
    assert np.flatnonzero(d.beta).tolist() == [b * 9 + j for b in range(5) for j in range(4)]
    for x, y in ((d.x, d.y), (d.x_test, d.y_test)):
        signal = x @ d.beta
        assert signal.var() / (y - signal).var() == pytest.approx(3.0, rel=0.1)
    assert np.abs(d.beta[36:]).mean() > 5 * np.abs(d.beta[9:13]).mean()  # N(50, 5) against N(5, 2)


def test_outcomes_follow_their_link(rng):
    x = simulate.draw_covariates(20000, 12, 0.3, rng=rng)
    for link, square in (("linear", False), ("square", True)):
        drawn = simulate.draw_outcome(x, 3, link, 4.0, rng=rng)
        assert drawn.active.sum() == 3
        columns = x[:, drawn.active] ** 2 if square else x[:, drawn.active]
        fit = np.linalg.lstsq(np.c_[np.ones(20000), columns], drawn.y, rcond=None)
        assert fit[1][0] / 20000 / drawn.y.var() == pytest.approx(1 / (1 + 4.0), rel=0.05)
    y = simulate.draw_outcome(x, 3, "binary", 4.0, rng=rng).y
    assert set(y) == {0.0, 1.0} and y.mean() == pytest.approx(0.5, abs=0.02)


def test_squared_signal_is_invisible_to_pearson_on_average(rng):
    x = simulate.draw_covariates(500, 60, 0.5, rng=rng)
    drawn = [simulate.draw_outcome(x, 8, "square", 3, rng=rng) for _ in range(30)]
    area = np.mean([metrics.auroc(mutual_information.pearson(x, one.y), one.active) for one in drawn])
    assert abs(area - 0.5) < 0.12


def test_clusters_share_their_intercept_and_their_tail(rng):
    c = simulate.draw_clusters(4000, 5, [1.0, 2.0], sigma_e=1.0, sigma_u=2.0, rng=rng)
    left = (c.y - c.x @ [1.0, 2.0]).reshape(4000, 5)
    assert np.cov(left.T)[np.triu_indices(5, 1)].mean() == pytest.approx(4.0, rel=0.1)
    assert left.var(axis=0).mean() == pytest.approx(5.0, rel=0.1)
    assert np.bincount(c.groups).tolist() == [5] * 4000
    heavy = simulate.draw_clusters(4000, 5, [1.0, 2.0], sigma_u=0.0, nu=10.0, rng=rng)
    assert (heavy.y - heavy.x @ [1.0, 2.0]).var() == pytest.approx(10 / 8, rel=0.1)


def test_contamination_spoils_the_share_it_names(rng):
    c = simulate.draw_clusters(200, 5, [0.0, 1.0], rng=rng)
    spoilt = simulate.contaminate(c, 0.1, 1e6, rng=rng)
    touched = np.abs(spoilt.y - c.y).reshape(200, 5) > 0
    assert (touched.all(axis=1) == touched.any(axis=1)).all() and touched.any(axis=1).sum() == 20
    assert (spoilt.x == c.x).all() and (spoilt.groups == c.groups).all()
    cells = simulate.contaminate(c, 0.1, 1e6, kind="cell", rng=rng)
    assert (cells.y != c.y).sum() == 100 and (cells.y != c.y).reshape(200, 5).any(axis=1).sum() > 40
    before = c.x.copy()
    leverage = simulate.contaminate(c, 0.1, 10.0, kind="leverage", rng=rng)
    assert (leverage.y == c.y).all() and (c.x == before).all()
    assert (leverage.x[:, 1] != c.x[:, 1]).sum() == 100 and (leverage.x[:, 0] == 1).all()


def test_bad_designs_are_refused_by_name(rng):
    x = rng.standard_normal((20, 5))
    clusters = simulate.draw_clusters(4, 5, [0.0, 1.0], rng=rng)
    wrong = x.copy()
    wrong[3, 2] = np.nan
    for bad, words in [
        (lambda: simulate.draw_covariates(10, 3, 1.0, rng=rng), "between -1 and 1"),
        (lambda: simulate.draw_design(10, 1.0, 5, rng=rng), "tau"),
        (lambda: simulate.draw_design(10, -0.1, 5, rng=rng), "tau"),
        (lambda: simulate.draw_design(10, 0.5, 0, rng=rng), "snr"),
        (lambda: simulate.draw_outcome(x, 5, "linear", 3, rng=rng), "s must lie"),
        (lambda: simulate.draw_outcome(x, 2, "cubic", 3, rng=rng), "link"),
        (lambda: simulate.draw_outcome(x, 2, "linear", -1, rng=rng), "snr"),
        (lambda: simulate.draw_outcome(wrong, 2, "linear", 3, rng=rng), "x is nan in row 3"),
        (lambda: simulate.draw_clusters(4, 5, [0.0, 1.0], nu=0, rng=rng), "nu"),
        (lambda: simulate.draw_clusters(4, 5, [0.0, 1.0], sigma_u=-1, rng=rng), "scales"),
        (lambda: simulate.contaminate(clusters, 2.0, 10, rng=rng), "share"),
        (lambda: simulate.contaminate(clusters, 0.1, 10, kind="row", rng=rng), "kind"),
    ]:
        with pytest.raises(ValueError, match=words):
            bad()
