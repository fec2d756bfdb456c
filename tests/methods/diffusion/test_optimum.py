"""The closed-form denoiser: two points, limits, the score of the mixture, symmetry, the loss that it minimises."""

import numpy as np
import pytest
from paperlab.methods.diffusion import noise, optimum, samplers
from paperlab.methods.diffusion.copies import two_nearest


def images(n=12, d=5, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d))


def test_two_points_give_the_hyperbolic_tangent():
    z = np.linspace(-3, 3, 13)[:, None]
    found = optimum.denoise(z, 0.8, [[-1.0], [1.0]])
    np.testing.assert_allclose(found, np.tanh(z / 0.64), atol=1e-12)


def test_much_noise_gives_the_mean_and_little_the_nearest():
    x, z = images(), images(7, seed=1)
    np.testing.assert_allclose(optimum.denoise(z, 1e4, x), np.tile(x.mean(0), (7, 1)), atol=1e-3)
    nearest = two_nearest(z, x).index[:, 0]
    np.testing.assert_allclose(optimum.denoise(z, 1e-3, x), x[nearest], atol=1e-9)


def test_score_of_the_mixture_by_differences():
    """(D* - z) / sigma^2 is the gradient of the log density of the images with noise."""
    x, z, sigma, step = images(), images(3, seed=2), 0.7, 1e-5

    def log_density(at):
        far = np.sum((at[:, None] - x) ** 2, axis=2) / (2 * sigma**2)
        return np.log(np.exp(-far).mean(1))

    score = (optimum.denoise(z, sigma, x) - z) / sigma**2
    for k in range(5):
        move = step * np.eye(5)[k]
        np.testing.assert_allclose((log_density(z + move) - log_density(z - move)) / (2 * step), score[:, k], atol=1e-7)


def test_no_other_guess_has_a_lower_loss():
    draw, x, sigma = np.random.default_rng(3), images(), 0.6
    clean = x[draw.integers(12, size=40_000)]
    z = clean + sigma * draw.standard_normal(clean.shape)
    best = optimum.denoise(z, sigma, x)
    loss = np.mean((best - clean) ** 2)
    for other in (0.98 * best, best + 0.02, optimum.denoise(z, 1.1 * sigma, x), x[two_nearest(z, x).index[:, 0]]):
        assert loss < np.mean((other - clean) ** 2)


def test_units_shifts_turns_and_order_do_not_matter():
    x, z, draw = images(), images(4, seed=4), np.random.default_rng(5)
    turn, shift, order = (
        np.linalg.qr(draw.standard_normal((5, 5)))[0],
        1000 * draw.standard_normal(5),
        draw.permutation(12),
    )
    found = optimum.denoise(z, 0.4, x)
    moved = optimum.denoise(1e-4 * (z @ turn + shift), 0.4e-4, 1e-4 * (x[order] @ turn + shift))
    np.testing.assert_allclose(moved, 1e-4 * (found @ turn + shift), rtol=1e-8)


def test_sampler_driven_by_the_optimum_only_copies():
    x = images(30, 16)
    noise_ = np.random.default_rng(6).standard_normal((200, 16))
    found = samplers.heun(lambda z, s: optimum.denoise(z, s, x), noise_, noise.sampling_levels())
    near = two_nearest(found, x)
    assert near.share() == 1
    assert np.median(near.distance[:, 0]) < 1e-3


@pytest.mark.parametrize(
    ("change", "named"),
    [({"sigma": 0.0}, "sigma"), ({"z": [[0.0, np.nan]]}, "z is nan in row 0"), ({"images": [[0.0]]}, "same d")],
)
def test_bad_values_are_named(change, named):
    arguments = {"z": [[0.0, 1.0]], "sigma": 1.0, "images": [[0.0, 1.0], [1.0, 1.0]]} | change
    with pytest.raises(ValueError, match=named):
        optimum.denoise(**arguments)
