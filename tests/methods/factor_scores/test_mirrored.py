"""Mirrored pairs that are not written out give what the written pairs give."""

import numpy as np
import pytest
from paperlab.methods.factor_scores import mirrored, two_stage

SLOPE, ERROR = np.array([0.7, 0.5, 1.3]), np.array([0.3, 0.4, 0.2])


@pytest.mark.parametrize("theta", [[0.3, 0.4, -0.2, 0.6], [0.3, 0.4, -0.2, 0.5, 0.5]])
@pytest.mark.parametrize("matched", [False, True])
def test_a_row_stands_for_itself_and_its_mirror_image(theta, matched):
    half = np.random.default_rng(3).standard_normal((40, 6))
    rotation = np.eye(6)
    if matched:
        mirrored.whitening(half, rotation)
    found = mirrored.binding(np.array(theta), SLOPE, np.sqrt(ERROR), half, rotation)
    written = two_stage.antithetic(half @ rotation.T)
    assert np.allclose(found, two_stage.binding(theta, SLOPE, ERROR, written), rtol=1e-12)


def test_whitened_rows_have_the_identity_for_mean_products():
    half = np.random.default_rng(4).standard_normal((40, 6)) @ np.random.default_rng(5).standard_normal((6, 6))
    rotation = np.empty((6, 6))
    mirrored.whitening(half, rotation)
    assert np.allclose(rotation @ (half.T @ half / 40) @ rotation.T, np.eye(6), atol=1e-10)
    assert (np.triu(rotation, 1) == 0).all()


def test_a_linear_model_is_met_exactly_by_matched_people():
    phi, b1, b2, psi = theta = np.array([0.3, 0.4, 0.2, 0.6])
    half, rotation = np.random.default_rng(6).standard_normal((10, 6)), np.empty((6, 6))
    mirrored.whitening(half, rotation)
    t = mirrored.binding(theta, np.ones(3), np.zeros(3), half, rotation)
    assert np.allclose(t, [phi, b1, b2, psi * 20 / 17])  # divisor n - 3 of twenty people
