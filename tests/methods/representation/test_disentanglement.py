"""Facts about read-outs, DCI, the FactorVAE score and swaps."""

import numpy as np
import pytest
from paperlab.methods.representation import disentanglement, simulate_shapes
from scipy.stats import entropy


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def code_and_labels(rng, n=2000):
    """Two factors of four values, each on a circle of its own, plus two dimensions of noise."""
    labels = rng.integers(0, 4, (n, 2))
    angle = np.pi / 2 * labels
    circles = [3 * np.stack([np.cos(a), np.sin(a)], 1) for a in angle.T]
    return np.hstack([*circles, rng.standard_normal((n, 2))]) + 0.1 * rng.standard_normal((n, 6)), labels


GROUPS = [range(2), range(2, 4), range(4, 6)]


def test_dci_against_the_entropies_of_scipy(rng):
    table = rng.random((5, 3))
    d, c = (disentanglement.disentanglement(table), disentanglement.completeness(table))
    weight = table.sum(1) / table.sum()
    assert d == pytest.approx(weight @ [1 - entropy(row, base=3) for row in table])
    assert c == pytest.approx(np.mean([1 - entropy(column, base=5) for column in table.T]))


def test_dci_of_clear_cut_importances():
    for table, d, c in [
        (np.eye(3), 1, 1),
        (np.ones((3, 3)), 0, 0),
        (np.repeat(np.eye(2), 2, axis=0), 1, 0.5),  # two dimensions to a factor
    ]:
        assert disentanglement.disentanglement(1e-9 * table) == pytest.approx(d)
        assert disentanglement.completeness(1e-9 * table) == pytest.approx(c)


def test_a_code_with_its_own_subspaces_scores_high_and_a_mixed_one_low(rng):
    code, labels = code_and_labels(rng)
    mixed = code @ np.linalg.qr(rng.standard_normal((6, 6)))[0]
    results = [
        disentanglement.dci(z[:1500], labels[:1500], z[1500:], labels[1500:], groups=GROUPS, seed=0)
        for z in (code, mixed)
    ]
    assert results[0].disentanglement > 0.8 and results[0].completeness > 0.8 > 0.4 > results[1].disentanglement
    assert results[0].informativeness > 0.99


def test_factor_vae_of_subspaces(rng):
    code, labels = code_and_labels(rng)
    assert disentanglement.factor_vae(code, labels, GROUPS, n_votes=200, rng=rng) > 0.98
    shuffled = labels[rng.permutation(len(labels))]
    assert disentanglement.factor_vae(code, shuffled, GROUPS, n_votes=200, rng=rng) < 0.7
    votes = disentanglement.factor_vae_votes(
        np.hstack([code, np.zeros((len(code), 1))]), labels, [*GROUPS, [6]], n_votes=100, rng=rng
    )
    assert votes[3].sum() == 0  # a dead dimension has no vote


def test_without_standardising_a_loud_dimension_drowns_the_others(rng):
    code, labels = code_and_labels(rng)
    loud = code * [1, 1, 1, 1, 1000, 1000]
    assert disentanglement.read_out(loud[:1500], labels[:1500], loud[1500:], labels[1500:]).min() > 0.9
    from sklearn.neighbors import KNeighborsClassifier

    raw = KNeighborsClassifier(15).fit(loud[:1500], labels[:1500, 0]).score(loud[1500:], labels[1500:, 0])
    assert raw < 0.4


def test_read_out_of_one_factor(rng):
    code, labels = code_and_labels(rng)
    one = disentanglement.read_out(code[:1500], labels[:1500, :1], code[1500:], labels[1500:, :1])
    assert one.shape == (1,) and one[0] > 0.95


class Identity:
    """Reads a picture that is the labels themselves."""

    def read(self, images):
        return np.rint(images).astype(int)


def test_swaps_that_move_and_a_decoder_that_ignores_its_subspaces(rng):
    labels = rng.integers(0, 5, (400, 2))
    t, donors = labels[:, :, None].astype(float), rng.permutation(400)
    works = disentanglement.swap_test(lambda s, t: t[:, :, 0], t[:, 0], t, labels, donors, Identity())
    np.testing.assert_array_equal(works.moved, np.eye(2))
    np.testing.assert_array_equal(works.kept, 1 - np.eye(2))
    # S holds a second copy: the subspaces read perfectly, and nothing moves
    ignores = disentanglement.swap_test(lambda s, t: s, labels.astype(float), t, labels, donors, Identity())
    assert disentanglement.read_out(t[:300, 0], labels[:300], t[300:, 0], labels[300:], k=1)[0] == 1
    assert not ignores.moved.any() and ignores.kept.all()


def test_reader_learns_hues_quickly():
    data = simulate_shapes.flat_shapes(rng=np.random.default_rng(0))
    reader = disentanglement.Reader(data.train_x, data.train_f, n_steps=200, seed=0)
    assert (reader.read(data.test_x) == data.test_f).mean(0)[:3].min() > 0.95


def test_labels_are_labels(rng):
    code, labels = code_and_labels(rng, 400)
    names = np.array(["d", "a", "c", "b"])
    for renamed in (names[labels], 5000 - 37 * labels):
        parts = [(z[:300], f[:300], z[300:], f[300:]) for z, f in ((code, labels), (code, renamed))]
        np.testing.assert_allclose(*(disentanglement.read_out(*part) for part in parts))
        d = [disentanglement.dci(*part, groups=GROUPS, seed=0) for part in parts]
        assert d[0].disentanglement == pytest.approx(d[1].disentanglement, abs=0.1)
    reader = disentanglement.Reader(code, names[labels], n_steps=150, seed=1)
    assert set(np.unique(reader.read(code))) <= set(names)
    assert (reader.read(code) == names[labels]).mean() > 0.9


def test_votes_are_counts_and_a_coordinate_votes_for_what_it_holds(rng):
    labels = rng.integers(0, 4, (2000, 2))
    code = labels + 0.1 * rng.standard_normal((2000, 2))
    votes = disentanglement.factor_vae_votes(code, labels, [[0], [1]], n_votes=300, rng=rng)
    assert votes.sum() == 300 and np.trace(votes) == 300
    assert votes.sum(0) == pytest.approx(150, abs=45)  # both factors are drawn as often


def test_bad_scores_are_refused_by_name(rng):
    code, labels = code_and_labels(rng, 50)
    wrong = np.where(np.arange(50)[:, None] == 3, np.nan, code)
    gap = labels.astype(object)
    gap[7, 0] = None
    for bad, words in [
        (lambda: disentanglement.read_out(code, labels * [1, 0], code, labels), "factor 1 is constant"),
        (lambda: disentanglement.read_out(code, labels, code, labels, k=99), "k must lie"),
        (lambda: disentanglement.read_out(code, labels, code[:, :2], labels), "differ in width"),
        (lambda: disentanglement.read_out(wrong, labels, code, labels), "codes is nan in row 3"),
        (lambda: disentanglement.read_out(code, gap, code, labels), "factor 0 has no label in row 7"),
        (lambda: disentanglement.dci(code[:10], labels, code, labels, seed=0), "same n"),
        (lambda: disentanglement.disentanglement(np.zeros((3, 3))), "importance"),
        (lambda: disentanglement.disentanglement([[1.0, -1.0], [0.0, 1.0]]), "importance"),
        (lambda: disentanglement.completeness(np.ones((1, 3))), "importance"),
        (lambda: disentanglement.factor_vae(0.001 * code, labels, GROUPS, rng=rng), "nothing can vote"),
        (lambda: disentanglement.Reader(wrong, labels, seed=0), "codes is nan in row 3"),
        (
            lambda: disentanglement.swap_test(lambda s, t: s, code, code[:, None], labels, np.arange(50), Identity()),
            "no pair differs",
        ),
        (lambda: disentanglement.swap_test(lambda s, t: s, code, code, labels, np.arange(50), Identity()), "same n"),
    ]:
        with pytest.raises(ValueError, match=words):
            bad()
