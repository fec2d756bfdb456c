"""Facts about principal components of panels."""

import numpy as np
import pytest
from paperlab.methods.foundations.components import principal_components


def panel(shape=(40, 25), seed=5):
    y = np.random.default_rng(seed).standard_normal(shape)
    return y - y.mean(axis=1, keepdims=True)


def test_they_are_normalised_and_leave_orthogonal_residuals():
    y = panel()
    pc = principal_components(y, 3)
    residuals = y - pc.common
    assert pc.factors.T @ pc.factors / 25 == pytest.approx(np.eye(3), abs=1e-10)
    assert residuals @ pc.factors == pytest.approx(np.zeros((40, 3)), abs=1e-8)
    assert pc.loadings.T @ residuals == pytest.approx(np.zeros((3, 25)), abs=1e-8)


@pytest.mark.parametrize("shape", [(15, 40), (40, 15), (20, 20)])
def test_the_common_part_is_the_best_of_its_rank_whichever_gram_matrix_is_smaller(shape):
    y = panel(shape)
    u, s, vt = np.linalg.svd(y, full_matrices=False)
    assert principal_components(y, 2).common == pytest.approx((u[:, :2] * s[:2]) @ vt[:2], abs=1e-9)


def test_the_largest_component_comes_first():
    pc = principal_components(panel(), 4)
    assert (np.diff((pc.loadings**2).sum(axis=0)) < 0).all()


def test_they_agree_with_statsmodels_up_to_sign():
    from statsmodels.multivariate.pca import PCA

    y = panel((40, 60))
    pc = principal_components(y, 2)
    peer = PCA(y.T, ncomp=2, standardize=False, demean=False, normalize=True).factors
    for j in range(2):
        column = peer[:, j] * np.sqrt(60) / np.linalg.norm(peer[:, j])
        assert min(np.abs(column - pc.factors[:, j]).max(), np.abs(column + pc.factors[:, j]).max()) < 1e-8


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_loadings_carry_the_unit_and_factors_have_none(unit):
    a, b = principal_components(panel(), 2), principal_components(unit * panel(), 2)
    signs = np.sign((a.factors * b.factors).sum(axis=0))
    assert b.factors * signs == pytest.approx(a.factors, abs=1e-9)
    assert b.loadings * signs == pytest.approx(unit * a.loadings, rel=1e-7, abs=1e-9 * unit)


def test_no_factor_explains_nothing():
    pc = principal_components(panel(), 0)
    assert pc.factors.shape == (25, 0) and pc.loadings.shape == (40, 0)
    assert not pc.common.any()


def test_rank_shape_and_missing_values_are_refused():
    with pytest.raises(ValueError, match="must not exceed the rank of y, got 2"):
        principal_components(np.outer([1.0, 2.0, 3.0], np.sin(np.arange(9))), 2)
    with pytest.raises(ValueError, match="n_factors must be from 0 to"):
        principal_components(panel(), 26)
    with pytest.raises(ValueError, match="two axes"):
        principal_components(np.arange(4.0), 1)
    y = panel()
    y[7, 3] = np.nan
    with pytest.raises(ValueError, match="y is nan in row 7"):
        principal_components(y, 1)
