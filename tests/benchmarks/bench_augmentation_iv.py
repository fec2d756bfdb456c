"""IV-like regression for 20 weights by moments, dense square root and anchored data; 2SLS against linearmodels."""

import numpy as np
import pytest
from linearmodels.iv import IV2SLS
from paperlab.methods.invariance import augmentation, simulate
from paperlab.methods.invariance.augmentation import Moments
from sklearn.linear_model import LinearRegression

ALPHAS = np.logspace(-4, 2, 20)
path_group = pytest.mark.benchmark(group="IV-like regression, 20 weights, 2,048 rows, 32 treatments")
iv_group = pytest.mark.benchmark(group="two-stage least squares, 2,048 rows, 16 treatments, 31 instruments")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    design = simulate.Design.draw(rng=rng)
    rows = design.sample(2048, 1.0, rng=rng)
    moved = augmentation.translate(rows.x, simulate.invariant_directions(design.f), 1.0, rng=rng)
    return moved.gx, rows.y, moved.g


def ours(gx, y, g):
    return augmentation.iv_like(Moments.of(gx, y, g), ALPHAS)


def dense(gx, y, g):
    projection = g @ np.linalg.pinv(g.T @ g) @ g.T
    found = []
    for alpha in ALPHAS:
        root = (np.sqrt(1 + alpha) - np.sqrt(alpha)) * projection + np.sqrt(alpha) * np.eye(len(y))
        found.append(np.linalg.pinv(root @ gx) @ (root @ y))
    return np.array(found)


def anchored(gx, y, g):
    q = np.linalg.qr(g)[0]
    fitted_x, fitted_y = q @ (q.T @ gx), q @ (q.T @ y)
    found = []
    for alpha in ALPHAS:
        more = np.sqrt((1 + alpha) / alpha) - 1
        found.append(LinearRegression(fit_intercept=False).fit(gx + more * fitted_x, y + more * fitted_y).coef_)
    return np.array(found)


@path_group
def test_moments(benchmark, data):
    h = benchmark(ours, *data)
    difference = max(np.abs(h - other(*data)).max() for other in (dense, anchored))
    assert difference < 1e-7
    benchmark.extra_info.update(
        role="ours", label="moments, one eigendecomposition", agreement=f"max. difference {difference:.0e}"
    )


@path_group
def test_dense_root(benchmark, data):
    benchmark.pedantic(dense, data, rounds=2, iterations=1)
    benchmark.extra_info.update(role="peer", label="n x n matrix for each weight", agreement="")


@path_group
def test_anchor(benchmark, data):
    benchmark.pedantic(anchored, data, rounds=5, iterations=1)
    benchmark.extra_info.update(role="peer", label="scikit-learn on anchored data", agreement="")


@iv_group
def test_two_stage(benchmark, data):
    gx, y, g = data
    x = gx[:, :16]
    h = benchmark(lambda: augmentation.two_stage(Moments.of(x, y, g)))
    difference = np.abs(h - IV2SLS(y, None, x, g).fit().params.to_numpy()).max()
    assert difference < 1e-8
    benchmark.extra_info.update(
        role="ours", label="pseudo-inverse of moments", agreement=f"max. difference {difference:.0e}"
    )


@iv_group
def test_linearmodels(benchmark, data):
    gx, y, g = data
    benchmark.pedantic(lambda: IV2SLS(y, None, gx[:, :16], g).fit().params, rounds=5, iterations=1)
    benchmark.extra_info.update(role="peer", label="linearmodels (with standard errors)", agreement="")
