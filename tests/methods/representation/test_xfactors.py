"""Facts about variational autoencoders with one subspace per factor."""

import numpy as np
import pytest
import torch
from paperlab.methods.representation import simulate_shapes, xfactors
from paperlab.methods.representation.xfactors import Setting, Training


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def test_kl_is_that_of_torch(rng):
    mean, log_variance = torch.as_tensor(rng.standard_normal((2, 5, 3)))
    normal = torch.distributions.Normal
    kl = torch.distributions.kl_divergence(normal(mean, (log_variance / 2).exp()), normal(0.0, 1.0))
    torch.testing.assert_close(xfactors.kl_to_normal(mean, log_variance), kl.sum(-1).mean(-1))


@pytest.fixture(scope="module")
def data():
    return simulate_shapes.flat_shapes(rng=np.random.default_rng(0))


def small(data, settings, seeds=None, *, n_steps=3, **options):
    training = Training(**{"n_steps": n_steps, "batch_size": 32, "width": 16} | options)
    seeds = [0] * len(settings) if seeds is None else seeds
    rng = np.random.default_rng(1)
    return xfactors.train_stack(data.train_x, data.train_f[:, :2], settings, seeds, training, rng=rng)


def test_models_in_a_stack_do_not_influence_each_other(data):
    settings = [Setting(d_s=2), Setting(lam=0.0), Setting(beta_s=5.0)]
    together = small(data, settings, [1, 2, 3], n_steps=8).encode(data.test_x[:5])
    for m in (1, 2):
        alone = small(data, settings[m : m + 1], [m + 1], n_steps=8).encode(data.test_x[:5])
        np.testing.assert_allclose(together.s[m], alone.s[0], atol=1e-5)
        np.testing.assert_allclose(together.t[m], alone.t[0], atol=1e-5)


def test_dimensions_beyond_d_s_are_not_used(data):
    stack = small(data, [Setting(d_s=1), Setting(d_s=3)])
    codes = stack.encode(data.test_x[:6])
    s, t = codes.s, codes.t
    assert s[0].shape == (6, 1) and s[1].shape == (6, 3) and t[0].shape == (6, 2, 2)
    assert stack.decode(0, s[0], t[0]).shape == (6, 192)
    before = stack.decode(0, s[0], t[0])
    padded = stack.decode(0, np.hstack([s[0], np.zeros((6, 2))]), t[0])
    np.testing.assert_array_equal(before, padded)


def test_draws_scatter_around_the_means_as_the_posterior_says(data, rng):
    stack = small(data, [Setting()])
    same = np.repeat(data.test_x[:1], 20000, axis=0)
    posterior = stack.posterior(torch.tensor(same[:1]).float())
    mean, draws = stack.encode(same), stack.encode(same, rng=rng)
    for part in ("s", "t"):
        off = (getattr(draws, part)[0] - getattr(mean, part)[0]).reshape(len(same), -1)
        log_variance = getattr(posterior, f"log_{part}")[0, 0].detach().numpy()
        np.testing.assert_allclose(off.std(0), np.exp(log_variance / 2), rtol=0.03)
        assert np.abs(off.mean(0)).max() < 0.05


def test_without_weights_on_labels_the_labels_do_not_matter(data):
    one = small(data, [Setting(lam=0.0)])
    shuffled = simulate_shapes.FlatShapes(data.train_x, data.train_f[::-1], data.test_x, data.test_f)
    np.testing.assert_array_equal(one.history, small(shuffled, [Setting(lam=0.0)]).history)


def test_decoding_one_model_is_the_stack_decoding(data, rng):
    stack = small(data, [Setting(), Setting()], [1, 2])
    s, t = rng.standard_normal((5, 4)), rng.standard_normal((5, 2, 2))
    both = stack.decoder(torch.as_tensor(np.hstack([s, t.reshape(5, -1)]), dtype=torch.float32)).detach().numpy()
    for m in (0, 1):
        np.testing.assert_allclose(stack.decode(m, s, t), both[m], atol=1e-5)


def test_training_follows_the_generator_and_leaves_torchs_alone(data):
    before = torch.get_rng_state()
    first = small(data, [Setting()]).history
    assert torch.equal(torch.get_rng_state(), before) and first.shape == (3, 1)
    other = xfactors.train_stack(
        data.train_x, data.train_f[:, :2], [Setting()], [0], Training(3, 32, 16), rng=np.random.default_rng(2)
    )
    assert np.abs(other.history - first).max() > 1e-6


def test_the_loss_is_the_sum_of_its_terms(data):
    """Twice the contrastive weight adds as much again."""
    losses = [small(data, [Setting(lam=lam)], n_steps=1).history[0, 0] for lam in (0.0, 1.0, 2.0)]
    assert losses[2] - losses[1] == pytest.approx(losses[1] - losses[0], rel=1e-4) and losses[1] > losses[0]
    heavy = [small(data, [Setting(lam=0.0, beta_s=b)], n_steps=1).history[0, 0] for b in (0.0, 1e6, 2e6)]
    assert heavy[2] - heavy[1] == pytest.approx(heavy[1] - heavy[0], rel=1e-3) and heavy[1] > heavy[0]


def test_factors_may_have_any_names(data):
    names = np.array([f"colour {k}" for k in range(6)])
    renamed = [names[data.train_f[:, 0]], (5000 + 37 * data.train_f[:, 1]).astype(str)]
    args = [Setting()], [0], Training(3, 32, 16)
    found = xfactors.train_stack(data.train_x, np.stack(renamed, 1), *args, rng=np.random.default_rng(1))
    np.testing.assert_allclose(found.history, small(data, [Setting()]).history, rtol=1e-6)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"tau": 0.001}, "tau must be at least"),
        ({"lam": -1.0}, "lam must not be negative"),
        ({"beta_t": np.nan}, "beta_t must not be negative"),
        ({"d_s": 0}, "at least one dimension"),
    ],
)
def test_bad_settings_are_refused_by_name(setting, message):
    with pytest.raises(ValueError, match=message):
        Setting(**setting)


def test_bad_data_are_refused_by_name(data, rng):
    x, f = data.train_x, data.train_f[:, :2]
    wrong = x.copy()
    wrong[3, 5] = np.nan
    gap = f.astype(object)
    gap[7, 1] = None

    def train(x=x, f=f, settings=(Setting(),), seeds=(0,), training=Training(1, 32, 16), **options):  # noqa: B008
        return xfactors.train_stack(x, f, settings, seeds, training, rng=rng, **options)

    for options, words in [
        ({"f": f * [1, 0]}, "factor 1 is constant"),
        ({"f": f[:5]}, "must match"),
        ({"f": gap}, "no label in row 7"),
        ({"x": wrong}, "x is nan in row 3"),
        ({"training": Training(1, 1, 16)}, "batch_size"),
        ({"seeds": (0, 1)}, "one of each per model"),
        ({"d_t": 0}, "d_t"),
    ]:
        with pytest.raises(ValueError, match=words):
            train(**options)
