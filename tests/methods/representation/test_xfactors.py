import math

import numpy as np
import pytest
import torch
from paperlab.methods.foundations import contrastive
from paperlab.methods.representation import disentanglement as scores
from paperlab.methods.representation import simulate_shapes, xfactors
from paperlab.methods.representation.simulate_shapes import FACTORS
from paperlab.methods.representation.xfactors import Setting
from scipy.stats import entropy


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def directions(degrees):
    angle = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    return torch.stack([angle.cos(), angle.sin()], -1)[None]


def by_hand(t, labels, tau):
    """The loss of the paper, term by term."""
    u = t / np.linalg.norm(t, axis=1, keepdims=True)
    terms = []
    for i in range(len(u)):
        weight = np.exp(u @ u[i] / tau)
        others = np.arange(len(u)) != i
        same = others & (labels == labels[i])
        if same.any():
            terms.append(-np.log(weight[same].sum() / weight[others].sum()))
    return np.mean(terms)


def supcon(t, labels, tau):
    """The better known loss: logarithms averaged over the positives."""
    u = t / np.linalg.norm(t, axis=1, keepdims=True)
    terms = []
    for i in range(len(u)):
        others = np.arange(len(u)) != i
        log_share = u @ u[i] / tau - np.log(np.exp(u[others] @ u[i] / tau).sum())
        same = others & (labels == labels[i])
        if same.any():
            terms.append(-log_share[same].mean())
    return np.mean(terms)


@pytest.mark.parametrize("tau", [0.02, 0.1, 1.0])
def test_nce_is_the_formula(rng, tau):
    t, labels = rng.standard_normal((2, 30, 2)), rng.integers(0, 4, (2, 30))
    found = contrastive.nce(torch.as_tensor(t), torch.as_tensor(labels), tau)
    expected = [by_hand(*one, tau) for one in zip(t, labels, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_nce_of_codes_that_are_all_equal_is_the_log_share_of_positives():
    labels = torch.tensor([[0, 0, 0, 1, 1, 1]])
    found = contrastive.nce(torch.ones(1, 6, 2), labels, 0.3).item()
    assert found == pytest.approx(-math.log(2 / 5), rel=1e-6)


def test_single_precision_is_enough_for_an_anchor_far_from_all_others():
    t = directions([0.0, 170.0, 175.0, 180.0])
    labels = torch.tensor([[0, 0, 1, 1]])
    exact, single = (contrastive.nce(t.to(kind), labels, 0.03) for kind in (torch.float64, torch.float32))
    torch.testing.assert_close(single.double(), exact, rtol=1e-4, atol=0)
    u = t[0].float()
    weight = (u @ u.T / 0.03).exp()
    assert (weight.sum(1) - weight.diagonal())[0] == 0  # the sum less the diagonal has lost it


def test_nce_knows_directions_only(rng):
    t, labels = torch.as_tensor(rng.standard_normal((1, 20, 2))), torch.as_tensor(rng.integers(0, 3, (1, 20)))
    longer = t * torch.as_tensor(rng.uniform(0.1, 9, (1, 20, 1)))
    torch.testing.assert_close(contrastive.nce(t, labels, 0.1), contrastive.nce(longer, labels, 0.1))


def test_positives_inside_the_log_are_not_supcon():
    split = directions([0.0, 180.0, 0.0, 180.0, 90.0, 90.0])  # one value in two places
    labels = np.array([0, 0, 0, 0, 1, 1])
    ours = contrastive.nce(split, torch.as_tensor(labels)[None], 0.1).item()
    assert ours < 0.01 and supcon(split[0].numpy(), labels, 0.1) > 5
    pairs = np.array([0, 0, 1, 1, 2, 2])  # one positive each: the two agree
    assert contrastive.nce(split, torch.as_tensor(pairs)[None], 0.5).item() == pytest.approx(
        supcon(split[0].numpy(), pairs, 0.5)
    )


def test_anchor_without_positive_is_left_out_and_leaves_the_gradient_finite():
    t = directions([0.0, 10.0, 120.0]).requires_grad_()
    labels = torch.tensor([[0, 0, 1]])
    loss = contrastive.nce(t, labels, 0.1)
    loss.sum().backward()
    assert loss.item() == pytest.approx(by_hand(t.detach().numpy()[0], labels[0].numpy(), 0.1))
    assert torch.isfinite(t.grad).all()


def test_the_logarithm_of_no_positives_masked_afterwards_would_lose_the_gradient():
    logits = torch.zeros(2, requires_grad=True)
    positive = (logits.exp() * torch.zeros(2)).sum()
    gradient = torch.autograd.grad(torch.where(torch.tensor(False), positive.log(), 0.0), logits)[0]
    assert torch.isnan(gradient).all()


def test_nce_bounds_the_information_from_below(rng):
    labels = rng.integers(0, 4, (1, 2000))
    noise = torch.as_tensor(rng.standard_normal((1, 2000, 2)))
    loss = contrastive.nce(noise, torch.as_tensor(labels), 0.5).item()
    assert math.log(4) - loss < 0.02  # nothing in the code: no information claimed
    clear = directions((90.0 * labels[0]).tolist())
    assert math.log(4) - contrastive.nce(clear, torch.as_tensor(labels), 0.05).item() == pytest.approx(
        math.log(4), abs=0.01
    )


def test_kl_is_that_of_torch(rng):
    mean, log_variance = torch.as_tensor(rng.standard_normal((2, 5, 3)))
    normal = torch.distributions.Normal
    kl = torch.distributions.kl_divergence(normal(mean, (log_variance / 2).exp()), normal(0.0, 1.0))
    torch.testing.assert_close(xfactors.kl_to_normal(mean, log_variance), kl.sum(-1).mean(-1))


def test_pictures_show_each_factor_in_its_place():
    base = np.zeros((1, 5), int)
    reference = simulate_shapes.render(base)[0]
    for name, rows in (("floor", slice(5, 8)), ("wall", slice(0, 5))):
        other = base.copy()
        other[0, list(FACTORS).index(name)] = 3
        changed = np.abs(simulate_shapes.render(other)[0] - reference).max((0, 2)) > 1e-6
        assert changed[rows].any() and not np.delete(changed, range(8)[rows]).any()
    assert reference.shape == (3, 8, 8) and reference.min() >= 0 and reference.max() <= 1


def test_the_grid_is_complete_and_split_without_overlap(rng):
    data = simulate_shapes.flat_shapes(rng)
    seen, held = ({tuple(row) for row in part} for part in (data.train_f, data.test_f))
    assert not seen & held and len(seen | held) == math.prod(FACTORS.values()) == 2592
    assert len(np.unique(np.vstack([data.train_x, data.test_x]).round(6), axis=0)) == 2592


def test_label_noise_replaces_the_stated_share(rng):
    labels = rng.integers(0, 6, (20000, 2))
    noisy = simulate_shapes.with_noise(labels, 0.3, rng)
    assert (noisy != labels).mean() == pytest.approx(0.3, abs=0.01) and set(np.unique(noisy)) == set(range(6))


@pytest.fixture(scope="module")
def data():
    return simulate_shapes.flat_shapes(np.random.default_rng(0))


def small(data, settings, steps=3, **options):
    some = {"steps": steps, "batch": 32, "width": 16} | options
    return xfactors.train_stack(data.train_x, data.train_f[:, :2], settings, np.random.default_rng(1), **some)


def test_models_in_a_stack_do_not_influence_each_other(data):
    settings = [Setting(seed=1, d_s=2), Setting(seed=2, lam=0.0), Setting(seed=3, beta_s=5.0)]
    together = small(data, settings, steps=8)
    alone = small(data, settings[1:2], steps=8), small(data, settings[2:], steps=8)
    for m, one in zip((1, 2), alone, strict=True):
        for ours, theirs in zip(together.encode(data.test_x[:5]), one.encode(data.test_x[:5]), strict=True):
            np.testing.assert_allclose(ours[m], theirs[0], atol=1e-5)


def test_dimensions_beyond_d_s_are_not_used(data):
    stack = small(data, [Setting(d_s=1), Setting(d_s=3)])
    s, t = stack.encode(data.test_x[:6])
    assert s[0].shape == (6, 1) and s[1].shape == (6, 3) and t[0].shape == (6, 2, 2)
    assert stack.decode(0, s[0], t[0]).shape == (6, 192)
    before = stack.decode(0, s[0], t[0])
    padded = stack.decode(0, np.hstack([s[0], np.zeros((6, 2))]), t[0])
    np.testing.assert_array_equal(before, padded)


def test_draws_scatter_around_the_means_as_the_posterior_says(data, rng):
    stack = small(data, [Setting()])
    same = np.repeat(data.test_x[:1], 20000, axis=0)
    _, log_s, _, log_t = (part[0, 0].detach().numpy() for part in stack.posterior(torch.tensor(same[:1]).float()))
    for mean, draws, log_variance in zip(stack.encode(same), stack.encode(same, rng), (log_s, log_t), strict=True):
        off = (draws[0] - mean[0]).reshape(len(same), -1)
        np.testing.assert_allclose(off.std(0), np.exp(log_variance / 2), rtol=0.03)
        assert np.abs(off.mean(0)).max() < 0.05


def test_without_weights_on_labels_the_labels_do_not_matter(data):
    one = small(data, [Setting(lam=0.0)])
    shuffled = simulate_shapes.FlatShapes(data.train_x, data.train_f[::-1], data.test_x, data.test_f)
    np.testing.assert_array_equal(one.history, small(shuffled, [Setting(lam=0.0)]).history)


@pytest.mark.parametrize(
    ("settings", "options", "message"),
    [
        ([Setting(tau=0.001)], {}, "tau = 0.001"),
        ([Setting(lam=-1.0)], {}, "not be negative"),
        ([Setting(d_s=0)], {}, "at least one dimension"),
        ([Setting()], {"batch": 1}, "batch = 1"),
    ],
)
def test_bad_settings(data, settings, options, message):
    with pytest.raises(ValueError, match=message):
        small(data, settings, **options)


def test_bad_labels(data, rng):
    constant = data.train_f[:, :2] * [1, 0]
    with pytest.raises(ValueError, match="constant"):
        xfactors.train_stack(data.train_x, constant, [Setting()], rng)
    with pytest.raises(ValueError, match="give"):
        xfactors.train_stack(data.train_x, data.train_f[:5], [Setting()], rng)
    with pytest.raises(ValueError, match="values are 0 to 5"):
        simulate_shapes.render([[6, 0, 0, 0, 0]])
    with pytest.raises(ValueError, match="one column each"):
        simulate_shapes.render([[0, 0, 0]])
    with pytest.raises(ValueError, match="t has shape"):
        contrastive.nce(torch.ones(2, 5, 2), torch.zeros(1, 5, dtype=torch.int64), 0.1)
    with pytest.raises(ValueError, match="label_noise"):
        simulate_shapes.with_noise(constant, 1.0, rng)
    with pytest.raises(ValueError, match="held_out"):
        simulate_shapes.flat_shapes(rng, held_out=0.0)


def code_and_labels(rng, n=2000):
    """Two factors of four values, each on a circle of its own, plus two dimensions of noise."""
    labels = rng.integers(0, 4, (n, 2))
    angle = np.pi / 2 * labels
    circles = [3 * np.stack([np.cos(a), np.sin(a)], 1) for a in angle.T]
    return np.hstack([*circles, rng.standard_normal((n, 2))]) + 0.1 * rng.standard_normal((n, 6)), labels


GROUPS = [range(2), range(2, 4), range(4, 6)]


def test_dci_against_the_entropies_of_scipy(rng):
    table = rng.random((5, 3))
    d, c = scores.dci_from_importance(table)
    weight = table.sum(1) / table.sum()
    assert d == pytest.approx(weight @ [1 - entropy(row, base=3) for row in table])
    assert c == pytest.approx(np.mean([1 - entropy(column, base=5) for column in table.T]))


def test_dci_of_clear_cut_importances():
    assert scores.dci_from_importance(np.eye(3)) == pytest.approx((1, 1))
    assert scores.dci_from_importance(np.ones((3, 3))) == pytest.approx((0, 0))
    d, c = scores.dci_from_importance(np.repeat(np.eye(2), 2, axis=0))  # two dimensions to a factor
    assert d == pytest.approx(1) and c == pytest.approx(0.5)


def test_a_code_with_its_own_subspaces_scores_high_and_a_mixed_one_low(rng):
    code, labels = code_and_labels(rng)
    mixed = code @ np.linalg.qr(rng.standard_normal((6, 6)))[0]
    results = [scores.dci(z[:1500], labels[:1500], z[1500:], labels[1500:], groups=GROUPS) for z in (code, mixed)]
    assert results[0].disentanglement > 0.8 and results[0].completeness > 0.8 > 0.4 > results[1].disentanglement
    assert results[0].informativeness > 0.99


def test_factor_vae_of_subspaces(rng):
    code, labels = code_and_labels(rng)
    assert scores.factor_vae(code, labels, GROUPS, rng, n_votes=200) > 0.98
    shuffled = labels[rng.permutation(len(labels))]
    assert scores.factor_vae(code, shuffled, GROUPS, rng, n_votes=200) < 0.7
    votes = scores.factor_vae_votes(
        np.hstack([code, np.zeros((len(code), 1))]), labels, [*GROUPS, [6]], rng, n_votes=100
    )
    assert votes[3].sum() == 0  # a dead dimension has no vote


def test_without_standardising_a_loud_dimension_drowns_the_others(rng):
    code, labels = code_and_labels(rng)
    loud = code * [1, 1, 1, 1, 1000, 1000]
    assert scores.read_out(loud[:1500], labels[:1500], loud[1500:], labels[1500:]).min() > 0.9
    from sklearn.neighbors import KNeighborsClassifier

    raw = KNeighborsClassifier(15).fit(loud[:1500], labels[:1500, 0]).score(loud[1500:], labels[1500:, 0])
    assert raw < 0.4


def test_read_out_of_one_factor(rng):
    code, labels = code_and_labels(rng)
    one = scores.read_out(code[:1500], labels[:1500, :1], code[1500:], labels[1500:, :1])
    assert one.shape == (1,) and one[0] > 0.95


class Identity:
    """Reads a picture that is the labels themselves."""

    def read(self, images):
        return np.rint(images).astype(int)


def test_swaps_that_move_and_a_decoder_that_ignores_its_subspaces(rng):
    labels = rng.integers(0, 5, (400, 2))
    t, donors = labels[:, :, None].astype(float), rng.permutation(400)
    works = scores.swap_test(lambda s, t: t[:, :, 0], t[:, 0], t, labels, donors, Identity())
    np.testing.assert_array_equal(works.moved, np.eye(2))
    np.testing.assert_array_equal(works.kept, 1 - np.eye(2))
    # S holds a second copy: the subspaces read perfectly, and nothing moves
    ignores = scores.swap_test(lambda s, t: s, labels.astype(float), t, labels, donors, Identity())
    assert scores.read_out(t[:300, 0], labels[:300], t[300:, 0], labels[300:], k=1)[0] == 1
    assert not ignores.moved.any() and ignores.kept.all()


def test_reader_learns_hues_quickly(data):
    reader = scores.Reader(data.train_x, data.train_f, 0, steps=200)
    assert (reader.read(data.test_x) == data.test_f).mean(0)[:3].min() > 0.95


def test_bad_scores(rng):
    code, labels = code_and_labels(rng, 50)
    with pytest.raises(ValueError, match="constant"):
        scores.read_out(code, labels * [1, 0], code, labels)
    with pytest.raises(ValueError, match="k = 99"):
        scores.read_out(code, labels, code, labels, k=99)
    with pytest.raises(ValueError, match="same n"):
        scores.dci(code[:10], labels, code, labels)
    with pytest.raises(ValueError, match="importance"):
        scores.dci_from_importance(np.zeros((3, 3)))
    with pytest.raises(ValueError, match="nothing can vote"):
        scores.factor_vae(0.001 * code, labels, GROUPS, rng)
    with pytest.raises(ValueError, match="no pair differs"):
        scores.swap_test(lambda s, t: s, code, code[:, None], labels, np.arange(50), Identity())
