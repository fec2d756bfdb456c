"""Facts about autoencoders with a sparse Jacobian: their penalties, their draws, their neighbours."""

import numpy as np
import pytest
import torch
from paperlab.methods.foundations.nets import StackedMLP
from paperlab.methods.representation import dictionary, simulate_mixtures
from paperlab.methods.representation.dictionary import Job, Training


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def ring(rng, **options):
    return simulate_mixtures.draw_world(simulate_mixtures.make_support("ring", 4, rng=rng), rng=rng, **options)


def normal(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def one_stack(jobs, d_z, **options):
    return dictionary._Stack(jobs, d_z, Training(width=16, **options), 0)


def test_closed_form_jacobian_is_that_of_torch():
    decoder = StackedMLP([4, 48, 48, 16], [0])
    z = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    expected = torch.func.vmap(torch.func.jacrev(lambda point: decoder(point[None])[0, 0]))(z)
    torch.testing.assert_close(decoder.with_jacobian(z)[1][0], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("scale_free", [True, False])
def test_raw_penalty_falls_when_latents_are_inflated_and_the_scale_free_one_does_not(scale_free, rng):
    x = ring(rng).sample(64, rng=rng).x
    stack = one_stack([Job(x, x, "jac_l1", 0.2, 0)], 4, scale_free=scale_free, n_jacobian=32)
    z = normal(1, 64, 4)
    before = stack._penalty(z, z)
    stack.decoder.weights[0].data /= 10
    ratio = (stack._penalty(10 * z, 10 * z) / before).item()
    assert ratio == pytest.approx(1.0 if scale_free else 0.1, rel=1e-4)


def test_orthogonal_columns_have_no_ima_penalty():
    x = np.zeros((40, 8))
    stack = one_stack([Job(x, x, "ima", 1.0, 0)], 3, n_jacobian=8)
    stack.decoder = StackedMLP([3, 8], [0])
    z = normal(1, 20, 3)
    stack.decoder.weights[0].data = torch.linalg.qr(normal(8, 3))[0].T[None]
    assert abs(stack._penalty(z, z).item()) < 1e-3
    stack.decoder.weights[0].data[0, 1] = stack.decoder.weights[0].data[0, 0]
    assert stack._penalty(z, z).item() > 1


def test_additive_decoder_has_no_mixed_derivatives():
    x = np.zeros((40, 8))
    stack = one_stack([Job(x, x, "none", 0.0, 0), Job(x, x, "hessian", 1.0, 2)], 3, n_jacobian=40)
    z = normal(2, 40, 3)
    assert stack._penalty(z, z)[1] > 0 and stack._penalty(z, z)[0] == 0
    stack.decoder.weights[0].data[:] = torch.kron(torch.eye(3), torch.ones(1, 6))[:, :16]
    stack.decoder.weights[1].data[:] = torch.eye(16)
    assert stack._penalty(z, z)[1] < 1e-6


def test_a_network_does_not_depend_on_its_neighbours(rng):
    x = ring(rng).sample(200, rng=rng).x
    kinds = [("jac_l1", 0.2, 4), ("jac_l1", 0.05, 8), ("none", 0.0, 4), ("hessian", 0.01, 6), ("latent_l1", 0.1, 6)]
    jobs = [Job(x, x[:50], *kind) for kind in kinds]

    def trained(jobs):
        return dictionary.train_vaes(jobs, 4, Training(n_steps=30), rng=np.random.default_rng(5))

    for job, code in zip(jobs, trained(jobs), strict=True):
        np.testing.assert_allclose(trained([job])[0].z, code.z, atol=1e-3)


def test_training_draws_from_the_generator_and_from_nothing_else(rng):
    x = ring(rng).sample(200, rng=rng).x
    job = Job(x, x[:50], "hessian", 0.1, 4)

    def trained(seed):
        return dictionary.train_vaes([job], 4, Training(n_steps=20), rng=np.random.default_rng(seed))[0]

    before = torch.get_rng_state()
    first = trained(1)
    assert torch.equal(torch.get_rng_state(), before)  # torch's global generator is left alone
    torch.manual_seed(99)
    np.testing.assert_array_equal(trained(1).z, first.z)  # and does not matter
    assert np.abs(trained(2).z - first.z).max() > 1e-4  # mini-batches follow the page's generator


def test_the_ramp_starts_late_and_ends_at_full_weight():
    training = Training(n_steps=100)
    assert [training.ramp(step) for step in (0, 30, 40, 50, 99)] == pytest.approx([0, 0, 0.5, 1, 1])
    assert Training(n_steps=100, warm_up=False).ramp(0) == 1


def test_what_a_code_says_about_itself(rng):
    """Unexplained variance and Jacobian, once more by hand from the code."""
    x = ring(rng).sample(300, rng=rng).x
    stack = one_stack([Job(x, x[:100], "none", 0.0, 1)], 4)
    code = stack._codes(torch.tensor([0.5]))[0]
    z = torch.as_tensor(code.z, dtype=torch.float32)[None]
    decoded = stack.decoder(z)[0].detach().numpy()
    assert code.unexplained == pytest.approx(
        ((decoded - x[:100]) ** 2).mean() / x[:100].var(0, ddof=1).mean(), rel=1e-4
    )
    jacobian = stack.decoder.with_jacobian(z)[1][0].abs().mean(0).detach().numpy()
    np.testing.assert_allclose(code.jacobian, jacobian * code.z.std(0, ddof=1), rtol=1e-4)
    assert code.loss == 0.5


def test_training_with_the_penalty_makes_the_jacobian_sparser(rng):
    x = ring(rng).sample(1000, rng=rng).x
    jobs = [Job(x, x, "none", 0.0, 4), Job(x, x, "jac_l1", 0.3, 4)]
    plain, sparse = dictionary.train_vaes(jobs, 4, Training(n_steps=250, learning_rate=5e-3), rng=rng)
    share = [(code.jacobian / code.jacobian.max() < 0.15).mean() for code in (plain, sparse)]
    assert share[1] > share[0] and sparse.unexplained > plain.unexplained


def test_bad_jobs_are_refused_by_name(rng):
    x = np.zeros((20, 8))
    wrong = np.where(np.arange(8) == 3, np.nan, x)
    for jobs, words in [
        ([], "at least one job"),
        ([Job(x, x, "sparse", 0.1, 0)], "penalty must be one of"),
        ([Job(x, x, "jac_l1", -0.1, 0)], "lam must not be negative"),
        ([Job(x, x, "jac_l1", np.nan, 0)], "lam must not be negative"),
        ([Job(x, x, "none", 0, 0), Job(x[:10], x, "none", 0, 0)], "shape"),
        ([Job(wrong, x, "none", 0, 0)], "x is nan in row 0"),
        ([Job(x, wrong, "none", 0, 0)], "x_test is nan in row 0"),
        ([Job(x[0], x, "none", 0, 0)], "shape"),
    ]:
        with pytest.raises(ValueError, match=words):
            dictionary.train_vaes(jobs, 2, Training(n_steps=1), rng=rng)
