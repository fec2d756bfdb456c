"""Row-wise Adam against torch, training that stops and chooses, full ranking."""

import numpy as np
import pytest
from paperlab.methods.recommenders import embeddings
from paperlab.methods.recommenders.embeddings import RowAdam, Tables, choose, fit
from paperlab.methods.recommenders.interactions import Interactions, Split
from paperlab.methods.recommenders.pairwise import BPR
from tiny_interactions import pairs as drawn


def rng(seed=0):
    return np.random.default_rng(seed)


def pairs():
    return drawn(30, 20, 200)


def test_xavier_start_has_the_variance_of_glorot_and_bengio():
    table = embeddings.xavier_normal(3000, 50, rng=rng())
    assert table.dtype == np.float32
    assert table.var() == pytest.approx(2 / 3050, rel=0.02)


def test_row_adam_equals_torch_sparse_adam_with_rows_named_twice():
    import torch

    start = rng(1).standard_normal((12, 5))
    ours = RowAdam(start.copy(), learning_rate=0.03)
    weight = torch.nn.Parameter(torch.tensor(start))
    peer = torch.optim.SparseAdam([weight], lr=0.03)
    for step in range(20):
        draw = rng(step + 10)
        rows, gradient = draw.integers(12, size=7), draw.standard_normal((7, 5))
        ours.step(rows, gradient)
        weight.grad = torch.sparse_coo_tensor(rows[None], gradient, (12, 5), check_invariants=True).coalesce()
        peer.step()
    np.testing.assert_allclose(ours.vectors, weight.detach().numpy(), atol=1e-12)


def test_row_adam_leaves_other_rows_and_their_moments_alone():
    table = RowAdam(rng().standard_normal((6, 3)), learning_rate=0.1)
    table.step(np.array([0, 1, 5]), np.ones((3, 3)))
    before = table.vectors.copy(), table.mean.copy()
    table.step(np.array([2, 2]), np.ones((2, 3)))
    moved = np.any(table.vectors != before[0], axis=1) | np.any(table.mean != before[1], axis=1)
    assert list(np.flatnonzero(moved)) == [2]
    assert (table.slot == -1).all()


def test_all_rows_named_is_adam_on_all_rows():
    start, gradient = rng().standard_normal((4, 3)), rng(1).standard_normal((4, 3))
    some, whole = (RowAdam(start.copy(), learning_rate=0.1) for _ in range(2))
    for _ in range(3):
        some.step(np.arange(4), gradient)
        whole.step_all(gradient)
    np.testing.assert_allclose(some.vectors, whole.vectors, atol=1e-14)


def test_an_epoch_has_every_pair_once_and_no_batch_of_one():
    table = pairs()
    n = len(table.items)
    learner = Tables(table, dim=2, batch_size=(n - 1) // 2, rng=rng())
    batches = list(learner.batches(rng(3)))
    assert min(len(user) for user, _ in batches) > 1
    seen = np.concatenate([np.stack(batch) for batch in batches], axis=1)
    assert sorted(map(tuple, seen.T)) == sorted(zip(table.users, table.items))


class Scripted:
    """A learner whose value follows a list."""

    def __init__(self, values):
        self.values, self.at = values, 0

    def epoch(self, rng):
        self.at += 1
        return 1.0

    def vectors(self):
        return np.array([[self.values[self.at]]]), np.zeros((1, 1))


def read(users, items):
    return users[0, 0]


def test_fit_stops_after_patience_and_keeps_the_best():
    found = fit(Scripted([0, 3, 1, 2, 9, 9]), read, epochs=5, every=1, patience=2, rng=rng(), keep=True)
    assert (found.epoch, found.value, found.users[0, 0]) == (1, 3, 3)
    assert [look.epoch for look in found.looks] == [0, 1, 2, 3]
    assert len(found.snapshots) == 4


def test_fit_looks_at_the_last_epoch_even_between_looks():
    found = fit(Scripted([0, 1, 2, 3, 4, 5]), read, epochs=5, every=2, patience=9, rng=rng())
    assert [look.epoch for look in found.looks] == [0, 2, 4, 5]
    assert found.epoch == 5 and not found.snapshots


def test_choose_takes_the_first_of_equals_and_drops_other_snapshots():
    values = {"a": [0, 1], "b": [0, 5], "c": [0, 5]}
    found = choose(
        lambda name, rng: Scripted(values[name]), list(values), read, epochs=1, every=1, rng=rng(), keep=True
    )
    assert found.setting == "b" and found.fit.value == 5
    assert [len(f.snapshots) for f in found.fits.values()] == [0, 2, 0]


def test_choose_does_not_depend_on_the_number_of_processes():
    table = pairs()

    def make(setting, rng):
        return BPR(table, dim=setting, rng=rng)

    found = [choose(make, [2, 3], lambda u, i: u.sum(), epochs=1, rng=rng(), n_jobs=n) for n in (1, 2)]
    for setting in (2, 3):
        np.testing.assert_array_equal(*(choice.fits[setting].users for choice in found))


def test_rank_passes_over_what_was_seen():
    one = Interactions.from_pairs(np.array([0]), np.array([0]), n_users=1, n_items=3)
    two, three = (Interactions.from_pairs(np.array([0]), np.array([i]), n_users=1, n_items=3) for i in (1, 2))
    split = Split(one, two, three)
    users, items = np.ones((1, 1)), np.array([[3.0], [2.0], [1.0]])
    assert embeddings.rank(users, items, split, part="valid", k=1).recall[0] == 1
    assert embeddings.rank(users, items, split, part="test", k=1).recall[0] == 1
    with pytest.raises(ValueError, match="part must be valid or test, got 'tset'"):
        embeddings.rank(users, items, split, part="tset")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0}, "learning_rate must be positive"),
        ({"batch_size": 0}, "batch_size must be positive"),
        ({"l2": -1}, "l2 must not be negative"),
        ({"dim": 0}, "dim must be at least 1"),
    ],
)
def test_bad_settings(change, message):
    with pytest.raises(ValueError, match=message):
        Tables(pairs(), rng=rng(), **change)


def test_bad_input():
    with pytest.raises(ValueError, match="at least one interaction"):
        Tables(pairs().where(np.zeros(len(pairs().items), bool)), rng=rng())
    with pytest.raises(ValueError, match="plain matrix of floats"):
        RowAdam(np.zeros((3, 2), int), learning_rate=1)
    with pytest.raises(ValueError, match="betas must lie"):
        RowAdam(np.zeros((3, 2)), learning_rate=1, betas=(0.9, 1.0))
    with pytest.raises(ValueError, match="epochs must be positive"):
        fit(Scripted([0]), read, epochs=0, rng=rng())
    with pytest.raises(ValueError, match="settings must name at least one"):
        choose(None, [], read, rng=rng(), epochs=1)
