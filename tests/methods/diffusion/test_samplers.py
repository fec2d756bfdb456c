"""Samplers: one image, normal data in closed form, order of convergence, diffusers' own schedulers."""

import numpy as np
import pytest
from paperlab.methods.diffusion import noise, samplers


def normal(z, sigma, sd=0.5):
    """Best denoiser of pixels that are normal with mean 0."""
    return z * sd**2 / (sd**2 + sigma**2)


def exact(start, high, sd=0.5):
    """Where the flow of normal data ends: every level keeps z / sqrt(sd^2 + sigma^2)."""
    return start * high * sd / np.sqrt(sd**2 + high**2)


def error(sampler, n_steps):
    start = np.random.default_rng(0).standard_normal(2000)
    found = sampler(normal, start, noise.sampling_levels(n_steps))
    return np.abs(found - exact(start, 80.0)).mean()


@pytest.mark.parametrize("sampler", [samplers.heun, samplers.euler])
def test_a_single_image_is_found_at_once(sampler):
    start = np.random.default_rng(1).standard_normal((6, 4))
    found = sampler(lambda z, sigma: np.ones_like(z), start, noise.sampling_levels(5))
    np.testing.assert_allclose(found, 1, atol=1e-9)


def test_flow_of_normal_data_ends_where_theory_says():
    assert error(samplers.heun, 400) < 1e-4


def test_heun_is_of_second_and_euler_of_first_order():
    assert error(samplers.heun, 80) / error(samplers.heun, 160) == pytest.approx(4, rel=0.25)
    assert error(samplers.euler, 80) / error(samplers.euler, 160) == pytest.approx(2, rel=0.15)


def test_variance_of_samples_is_that_of_the_data():
    start = np.random.default_rng(2).standard_normal(100_000)
    assert samplers.heun(normal, start, noise.sampling_levels(80)).std() == pytest.approx(0.5, rel=0.01)


def scheduler_loop(scheduler, model, start):
    """diffusers' loop with a raw network F of EDM's preconditioning."""
    import torch

    scheduler.set_timesteps(18)
    z = torch.tensor(start, dtype=torch.float64) * float(scheduler.sigmas[0])
    for t in scheduler.timesteps:
        scaled = scheduler.scale_model_input(z, t)
        z = scheduler.step(model(scaled, t), t, z).prev_sample
    return z.numpy()


def test_euler_equals_diffusers():
    """With F = 0 the denoiser is c_skip z; their loop scales, steps and ends as ours does."""
    diffusers = pytest.importorskip("diffusers")
    peer = diffusers.EDMEulerScheduler(sigma_min=0.002, sigma_max=80.0, sigma_data=0.5, rho=7.0)
    start = np.random.default_rng(3).standard_normal((5, 8))
    theirs = scheduler_loop(peer, lambda z, t: 0 * z, start)
    ours = samplers.euler(normal, start, noise.sampling_levels())
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_heun_equals_diffusers():
    """HeunDiscreteScheduler steps in the same variable when it is given the slope as its epsilon."""
    diffusers = pytest.importorskip("diffusers")
    import torch

    peer = diffusers.HeunDiscreteScheduler(prediction_type="epsilon", timestep_spacing="linspace")
    peer.set_timesteps(12)
    sigmas = peer.sigmas.double()
    start = np.random.default_rng(4).standard_normal((5, 8))
    z = torch.tensor(start) * sigmas[0]
    for t in peer.timesteps:
        sigma = sigmas[peer.index_for_timestep(t) if peer.step_index is None else peer.step_index]
        z = peer.step((z - normal(z, sigma)) / sigma, t, z).prev_sample
    levels = np.append(np.unique(sigmas.numpy())[:0:-1], 0.0)
    ours = samplers.heun(normal, start, levels)
    np.testing.assert_allclose(ours, z.numpy(), atol=1e-5)


@pytest.mark.parametrize("levels", [[1.0, 2.0, 0.0], [2.0, 1.0], [0.0]])
def test_levels_that_do_not_fall_to_zero_are_refused(levels):
    with pytest.raises(ValueError, match="levels must fall"):
        samplers.heun(normal, np.zeros(2), levels)
