"""Training of stacked click models: a stack is its members alone, early stopping, splits, attention, a peer."""

import threading

import numpy as np
import pytest
import torch
from paperlab.methods.recommenders import ctr_fit
from paperlab.methods.recommenders.ctr_fit import fit, random_parts, time_parts
from paperlab.methods.recommenders.ctr_models import click_model
from paperlab.methods.recommenders.fields import Fields

ATTENTION = {"n_layers": 1, "size": 8}


def tossed(rows=3000, *, n_fields=4, n_values=4, seed=0, main=1.0, pair=0.0):
    """Categories and clicks whose logit has effects of all values and of pairs of values of the first two fields."""
    rng = np.random.default_rng(seed)
    values = rng.integers(n_values, size=(rows, n_fields))
    logit = rng.normal(0, main, (n_fields, n_values))[np.arange(n_fields), values].sum(1)
    logit = logit + rng.normal(0, 1, (n_values, n_values))[values[:, 0], values[:, 1]] * pair
    click = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(int)
    sizes = (n_values,) * n_fields
    empty = np.empty((rows, 0), np.float32)
    return Fields(tuple(map(str, range(n_fields))), sizes, values + np.arange(n_fields) * n_values, empty, empty), click


def trained(name, fields, click, seeds, **options):
    settings = {"epochs": 4, "learning_rate": 1e-2, "patience": 2, "batch_size": 256}
    settings |= {key: options.pop(key) for key in list(options) if key in settings}
    model = click_model(name, fields, seeds, width=4, **options)
    return model, fit(model, fields, click, random_parts(len(click), seeds), **settings)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_a_stack_of_seeds_gives_what_each_seed_gives_alone(dropout):
    fields, click = tossed()
    options = {"attention": ATTENTION | {"dropout": dropout}, "dropout": dropout, "learning_rate": 2e-3}
    _, stack = trained("AutoInt", fields, click, [5, 6, 7], **options)
    for member, seed in enumerate([5, 6, 7]):
        _, alone = trained("AutoInt", fields, click, [seed], **options)
        assert stack.auc[member] == pytest.approx(alone.auc[0], abs=1e-3)
        assert stack.logit[member] == pytest.approx(alone.logit[0], abs=5e-3)
        assert stack.best_epoch[member] == alone.best_epoch[0]


def test_the_same_seed_gives_the_same_numbers():
    fields, click = tossed(1000)
    first, second = (trained("FM", fields, click, [1])[1] for _ in range(2))
    assert (first.logit == second.logit).all()


def test_the_linear_model_agrees_with_scikit_learn():
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    fields, click = tossed(8000)
    parts = random_parts(8000, [3])
    _, found = trained("LR", fields, click, [3], epochs=60, learning_rate=2e-2, patience=5)
    one_hot = np.zeros((8000, fields.n_values))
    np.put_along_axis(one_hot, fields.codes, 1, axis=1)
    peer = LogisticRegression(C=1e3).fit(one_hot[parts.train[0]], click[parts.train[0]])
    score = peer.decision_function(one_hot[parts.test[0]])
    assert found.auc[0] == pytest.approx(roc_auc_score(click[parts.test[0]], score), abs=0.003)
    assert found.logit[0] == pytest.approx(score, abs=0.3)


def test_clicks_that_a_coin_decides_cannot_be_predicted():
    fields, _ = tossed(20_000)
    coin = np.random.default_rng(1).integers(0, 2, 20_000)
    _, found = trained("AutoInt", fields, coin, [1, 2], epochs=2, attention=ATTENTION)
    assert found.auc == pytest.approx([0.5, 0.5], abs=0.05)  # three standard errors of 2,000 rows
    assert (found.log_loss > np.log(2) - 0.01).all()


def test_attention_learns_an_interaction_that_the_linear_model_cannot_have():
    fields, click = tossed(20_000, main=0.0, pair=2.0)
    settings = {"epochs": 12, "learning_rate": 2e-2, "patience": 4}
    _, line = trained("LR", fields, click, [1], **settings)
    _, deep = trained("AutoInt", fields, click, [1], attention=ATTENTION, scale=0.3, **settings)
    assert deep.auc[0] > line.auc[0] + 0.05


def test_every_member_keeps_its_best_epoch():
    fields, click = tossed(600)
    settings = {"epochs": 12, "learning_rate": 0.05, "patience": 2}
    model, found = trained("AutoInt", fields, click, [1, 2, 3], attention=ATTENTION, **settings)
    parts = random_parts(600, [1, 2, 3])
    valid = ctr_fit.log_loss(ctr_fit.predict(model, fields, parts.valid), click[parts.valid])
    best = found.valid_loss[found.best_epoch - 1, np.arange(3)]
    assert valid == pytest.approx(best, abs=1e-6)
    assert len(found.valid_loss) <= max(found.best_epoch) + 2


def test_log_loss_of_certain_and_of_even_guesses():
    assert ctr_fit.log_loss(np.zeros(4), np.array([0, 1, 1, 0])) == pytest.approx(np.log(2))
    assert ctr_fit.log_loss(np.array([800.0, -800]), np.array([1, 0])) == 0
    assert ctr_fit.log_loss(np.array([800.0]), np.array([0])) == pytest.approx(800)


def test_splits_hold_every_row_once_and_depend_on_their_own_seed():
    both, alone = random_parts(1000, [1, 2]), random_parts(1000, [2])
    assert [part.shape for part in (both.train, both.valid, both.test)] == [(2, 800), (2, 100), (2, 100)]
    for member in range(2):
        rows = np.concatenate([both.train[member], both.valid[member], both.test[member]])
        assert sorted(rows) == list(range(1000))
    assert (both.test[1] == alone.test[0]).all() and (both.test[0] != both.test[1]).any()


def test_the_split_by_time_tests_on_what_came_last():
    time = np.random.default_rng(0).permutation(1000)
    parts = time_parts(time, [1, 2])
    assert time[parts.train].max() < time[parts.valid].min() <= time[parts.valid].max() < time[parts.test].min()
    assert parts.test.shape == (2, 100)


def test_mean_attention_sums_to_one_and_its_pairs_are_ranked():
    fields, click = tossed(1000)
    model, _ = trained("AutoInt", fields, click, [1, 2], epochs=1, attention=ATTENTION | {"n_layers": 2})
    attention = ctr_fit.attention_matrix(model, fields, np.arange(1000).reshape(2, 500), batch_size=300)
    assert attention.shape == (2, 2, 4, 4)
    assert attention.sum(-1) == pytest.approx(np.ones((2, 2, 4)), abs=1e-5)
    assert model.training
    ranks = ctr_fit.pair_ranks([[0, 5, 1], [1, 0, 1], [0, 9, 0]])
    assert ranks[1, 2] == ranks[2, 1] == 1 and ranks[0, 1] == 2 and ranks[0, 2] == 3
    assert np.isnan(np.diag(ranks)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"patience": 0}, "patience must be at least 1, got 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be positive, got 0.0"),
    ],
)
def test_bad_settings_are_refused(change, message):
    fields, click = tossed(100)
    with pytest.raises(ValueError, match=message):
        trained("LR", fields, click, [1], **change)


def test_labels_codes_and_splits_are_checked():
    fields, click = tossed(100)
    with pytest.raises(ValueError, match=r"click must be 100 zeros and ones, got shape \(100,\)"):
        trained("LR", fields, click * 2, [1])
    with pytest.raises(ValueError, match="click must be 100 zeros and ones, got shape"):
        trained("LR", fields, click[:-1], [1])
    beyond = Fields(fields.names, fields.sizes, fields.codes + 1, fields.shares, fields.numbers)
    with pytest.raises(ValueError, match="codes must lie in 0 to 15, got 16"):
        trained("LR", beyond, click, [1])
    model = click_model("LR", fields, [1, 2])
    with pytest.raises(ValueError, match="one split for each of 2 members, got 1"):
        fit(model, fields, click, random_parts(100, [1]), epochs=1, learning_rate=0.1)
    with pytest.raises(ValueError, match="attention part with at least one layer"):
        ctr_fit.attention_matrix(model, fields, np.zeros((2, 1), int))


def test_a_loss_that_is_not_finite_is_an_error():
    fields, click = tossed(300)
    model = click_model("FM", fields, [1], scale=1e30)
    with pytest.raises(FloatingPointError, match="not finite in epoch 1: lower learning_rate"):
        fit(model, fields, click, random_parts(300, [1]), epochs=1, learning_rate=0.1)


def test_a_factorisation_machine_is_as_good_as_that_of_a_peer(monkeypatch):
    monkeypatch.setattr(threading.Thread, "start", lambda self: None)  # the peer asks the network for its version
    inputs = pytest.importorskip("deepctr_torch.inputs")
    from deepctr_torch.models import DeepFM
    from sklearn.metrics import roc_auc_score

    fields, click = tossed(20_000, pair=1.5)
    parts = random_parts(20_000, [1])
    _, ours = trained("FM", fields, click, [1], epochs=10, learning_rate=1e-2, patience=3)
    columns = [inputs.SparseFeat(name, 4, embedding_dim=4) for name in fields.names]
    codes = fields.codes - np.arange(4) * 4
    table = {name: codes[:, at] for at, name in enumerate(fields.names)}
    pick = lambda rows: {name: values[rows[0]] for name, values in table.items()}  # noqa: E731
    torch.manual_seed(0)
    peer = DeepFM(columns, columns, dnn_hidden_units=(), init_std=0.1, l2_reg_embedding=0, l2_reg_linear=0, seed=1)
    peer.compile(torch.optim.Adam(peer.parameters(), lr=1e-2), "binary_crossentropy")
    peer.fit(pick(parts.train), click[parts.train[0]], batch_size=256, epochs=6, verbose=0)
    auc = roc_auc_score(click[parts.test[0]], peer.predict(pick(parts.test), 4096)[:, 0])
    assert ours.auc[0] == pytest.approx(auc, abs=0.015)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: random_parts(3, [1]), r"n = 3 rows leave parts of \[2, 1, 0\] rows .* give more rows"),
        (lambda: random_parts(100, []), "seeds must name at least one split, got none"),
        (lambda: time_parts(np.array([1.0, np.nan, 3.0] * 10), [1]), "time .*nan.* row 1"),
        (lambda: time_parts(np.arange(4), [1]), "n = 4 rows leave parts"),
        (lambda: time_parts(np.arange(40), []), "seeds must name at least one split, got none"),
        (lambda: ctr_fit.pair_ranks(np.ones((2, 3))), r"attention must be a square matrix .* got shape \(2, 3\)"),
        (lambda: ctr_fit.pair_ranks(np.ones((2, 3, 3))), "average over members and layers first"),
        (lambda: ctr_fit.pair_ranks([[0.0, np.nan], [1.0, 0.0]]), "attention .*nan"),
    ],
)
def test_splits_and_ranks_refuse_what_they_cannot_use(call, words):
    with pytest.raises(ValueError, match=words):
        call()
