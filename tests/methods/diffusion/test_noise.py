"""Noise levels and preconditioning: unit variance, the variance-preserving process by quadrature, diffusers."""

import numpy as np
import pytest
from paperlab.methods.diffusion import noise
from scipy.integrate import quad


def test_input_and_target_of_the_network_have_unit_variance():
    draw = np.random.default_rng(0)
    x = 0.5 * draw.standard_normal(400_000)
    for sigma in (0.02, 0.5, 7.0):
        c = noise.preconditioning(np.array(sigma))
        z = x + sigma * draw.standard_normal(x.shape)
        assert np.var(c.c_in * z) == pytest.approx(1, abs=0.01)
        assert np.var((x - c.c_skip * z) / c.c_out) == pytest.approx(1, abs=0.01)


def test_denoiser_of_gaussian_data_is_the_skip_alone():
    """For normal pixels of variance sigma_data^2 the best linear guess is c_skip z."""
    for sigma in (0.1, 2.0):
        assert noise.preconditioning(np.array(sigma), 0.5).c_skip == pytest.approx(0.25 / (0.25 + sigma**2))


def test_factors_follow_the_unit_of_the_pixels():
    one, other = noise.preconditioning(np.array(0.3), 0.5), noise.preconditioning(np.array(30.0), 50.0)
    assert one.c_skip == pytest.approx(other.c_skip)
    assert one.c_out * 100 == pytest.approx(other.c_out)
    assert one.c_in == pytest.approx(other.c_in * 100)


def test_levels_fall_from_end_to_end_and_stop_at_zero():
    levels = noise.sampling_levels(18)
    assert len(levels) == 19
    np.testing.assert_allclose(levels[[0, 17, 18]], [80, 0.002, 0], rtol=1e-12)
    assert (np.diff(levels) < 0).all()


def test_levels_equal_diffusers():
    diffusers = pytest.importorskip("diffusers")
    peer = diffusers.EDMEulerScheduler(sigma_min=0.002, sigma_max=80.0, rho=7.0)
    peer.set_timesteps(18)
    np.testing.assert_allclose(noise.sampling_levels(18), peer.sigmas.numpy(), rtol=1e-5)


def test_vp_sigma_is_the_integral_of_its_rate():
    for t in (0.1, 0.7, 1.0):
        rate = quad(lambda s: 0.1 + 19.9 * s, 0, t)[0]
        assert noise.vp_sigma(t) == pytest.approx(np.sqrt(np.exp(rate) - 1), rel=1e-9)


def test_vp_time_undoes_vp_sigma():
    t = np.linspace(0, 1, 21)
    np.testing.assert_allclose(noise.vp_time(noise.vp_sigma(t)), t, atol=1e-9)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: noise.preconditioning(np.ones(2), 0.0), "sigma_data"),
        (lambda: noise.sampling_levels(1), "n_steps"),
        (lambda: noise.sampling_levels(low=2.0, high=1.0), "low and high"),
        (lambda: noise.sampling_levels(rho=0.0), "rho"),
        (lambda: noise.vp_sigma(1.5), "t must"),
        (lambda: noise.vp_time(-1.0), "sigma must"),
    ],
)
def test_bad_values_are_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()
