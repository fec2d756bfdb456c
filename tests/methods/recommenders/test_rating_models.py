"""Factor models: gradients against automatic differentiation, Adam against torch, masks, fitted quality."""

import numpy as np
import pytest
from paperlab.methods.recommenders import input_search
from paperlab.methods.recommenders.fields import Fields
from paperlab.methods.recommenders.rating_models import FactorModel, Rows, click_rows, rating_rows
from tiny_rows import clicks, ratings


def rng(seed=0):
    return np.random.default_rng(seed)


def model_for(rows, task="squared", **options):
    block = np.arange(rows.n_features) % 3
    options = {"scale": 0.4, "block": block, "dtype": np.float64, "rng": rng(1)} | options
    model = FactorModel(rows.n_features, 5, task=task, intercept=0.7, **options)
    model.alpha[:] = rng(2).random(model.alpha.shape)
    model.weight[:] = rng(3).standard_normal(rows.n_features) / 3
    return model


def torch_loss(model, rows, table, weight, intercept, alpha):
    """The loss by the textbook sum over pairs of features."""
    import torch

    index, value = torch.from_numpy(rows.index), torch.from_numpy(rows.value.astype(float))
    vectors = (table * alpha[torch.from_numpy(model.block)])[index] * value[..., None]
    z = intercept + (weight[index] * value).sum(1)
    for a in range(index.shape[1]):
        for b in range(a):
            z = z + (vectors[:, a] * vectors[:, b]).sum(1)
    target = torch.from_numpy(rows.target.astype(float))
    if model.task == "squared":
        return ((z - target) ** 2).mean()
    return torch.nn.functional.binary_cross_entropy_with_logits(z, target)


def leaves(model):
    import torch

    arrays = model.table, model.weight, np.array(model.intercept), model.alpha
    return [torch.tensor(part, dtype=torch.float64, requires_grad=True) for part in arrays]


@pytest.mark.parametrize(
    ("rows", "task"), [(ratings(200), "squared"), (ratings(200), "logistic"), (clicks(), "logistic")]
)
def test_gradients_equal_automatic_differentiation(rows, task):
    if task == "logistic":
        rows = Rows(rows.index, rows.value, (rows.target > 3).astype(np.float32), rows.n_features)
    model = model_for(rows, task)
    tensors = leaves(model)
    loss = torch_loss(model, rows, *tensors)
    loss.backward()
    ours = model.gradient(rows)
    assert ours.loss == pytest.approx(loss.item(), abs=1e-12)
    assert model.loss(rows) == pytest.approx(loss.item(), abs=1e-12)
    for found, tensor in zip((ours.table, ours.weight, ours.intercept, ours.alpha), tensors, strict=True):
        np.testing.assert_allclose(found, tensor.grad.numpy(), atol=1e-12)


def test_gradient_of_the_selection_layer_equals_finite_differences():
    rows = ratings(300)
    model = model_for(rows)
    found, numeric, h = model.gradient(rows).alpha, np.empty_like(model.alpha), 1e-6
    for place in np.ndindex(model.alpha.shape):
        kept, sides = model.alpha[place], []
        for sign in (1, -1):
            model.alpha[place] = kept + sign * h
            sides.append(model.loss(rows))
        model.alpha[place] = kept
        numeric[place] = (sides[0] - sides[1]) / (2 * h)
    np.testing.assert_allclose(found, numeric, atol=1e-8)


def test_gradient_at_another_table_is_that_of_a_model_with_this_table():
    rows, other = ratings(100), rng(8).standard_normal((100, 5))
    model = model_for(rows)
    found = model.gradient(rows, table=other)
    model.table[:] = other
    again = model.gradient(rows)
    for name in ("table", "alpha", "weight"):
        np.testing.assert_allclose(getattr(found, name), getattr(again, name), atol=1e-14)


def test_steps_equal_adam_of_torch_with_weight_decay():
    import torch

    rows = ratings(400)
    model = model_for(rows, learning_rate=0.02, decay=1e-3)
    table, weight, intercept, alpha = leaves(model)
    groups = [{"params": [table, weight], "weight_decay": 1e-3}, {"params": [intercept]}]
    peer = torch.optim.Adam(groups, lr=0.02)
    for step in range(25):
        batch = rng(step).permutation(len(rows))[:64]
        loss = torch_loss(model, rows.take(batch), table, weight, intercept, alpha.detach())
        peer.zero_grad()
        loss.backward()
        peer.step()
        assert model.step(rows, batch) == pytest.approx(loss.item(), abs=1e-9)
    np.testing.assert_allclose(model.table, table.detach().numpy(), atol=1e-8)
    np.testing.assert_allclose(model.weight, weight.detach().numpy(), atol=1e-8)
    assert model.intercept == pytest.approx(intercept.item(), abs=1e-8)


def test_two_features_of_value_one_take_the_short_way_to_the_same_numbers():
    rows = ratings(150)
    longer = Rows(
        np.concatenate([rows.index, np.zeros((150, 1), int)], axis=1),
        np.concatenate([rows.value, np.zeros((150, 1), np.float32)], axis=1), rows.target, rows.n_features,
    )  # fmt: skip
    assert rows.in_pairs and not longer.in_pairs
    short, long = (model_for(rows).gradient(each) for each in (rows, longer))
    np.testing.assert_allclose(short.table, long.table, atol=1e-14)
    np.testing.assert_allclose(short.weight, long.weight, atol=1e-14)


def test_masked_entries_stay_zero_under_decay_and_long_training():
    rows = ratings()
    mask = rng(4).integers(2, size=(rows.n_features, 5))
    model = FactorModel(rows.n_features, 5, mask=mask, decay=1e-2, learning_rate=0.05, intercept=3.5, rng=rng())
    input_search.fit(model, rows, rows, epochs=20, rng=rng(5))
    assert (model.table[mask == 0] == 0).all() and (model.table[mask == 1] != 0).all()


def test_a_full_mask_is_no_mask_and_zero_width_leaves_the_biases():
    rows = ratings()
    plain, masked = (
        FactorModel(rows.n_features, 4, mask=mask, intercept=3.5, rng=rng()) for mask in (None, np.ones((100, 4)))
    )
    for model in (plain, masked):
        input_search.fit(model, rows, rows, epochs=3, rng=rng(5))
    np.testing.assert_array_equal(plain.table, masked.table)
    empty = FactorModel(rows.n_features, 4, mask=np.zeros((100, 4)), intercept=3.5, rng=rng())
    input_search.fit(empty, rows, rows, epochs=3, rng=rng(5))
    bias = empty.weight[rows.index].sum(1) + np.float32(empty.intercept)
    np.testing.assert_allclose(empty.predict(rows), bias, atol=1e-5)


def test_noise_is_the_floor_that_a_fit_of_the_right_rank_reaches():
    """Truth of rank 3 with noise 0.3: the test error of the fit lies between 0.09 and a quarter above it."""
    rows = ratings(20000)
    train, valid, test = (rows.take(part) for part in np.split(rng().permutation(20000), [14000, 17000]))
    model = FactorModel(rows.n_features, 3, scale=0.1, learning_rate=0.02, decay=1e-4, intercept=3.5, rng=rng(1))
    input_search.fit(model, train, valid, epochs=60, patience=5, batch_size=256, rng=rng(2))
    assert 0.085 < model.loss(test) < 0.115


def test_mixed_lists_and_numbers_become_entries_with_their_values():
    fields = Fields(
        ("kind", "tags", "age"), (2, 3, 1), np.array([[1], [0]]),
        np.array([[0.5, 0, 0.5], [0, 1, 0]], np.float32), np.array([[0.25], [1]], np.float32),
    )  # fmt: skip
    rows = click_rows(fields, [1, 0])
    assert rows.n_features == 6
    dense = np.zeros((2, 6))
    np.add.at(dense, (np.arange(2)[:, None], rows.index), rows.value)
    np.testing.assert_allclose(dense, [[0, 1, 0.5, 0, 0.5, 0.25], [1, 0, 0, 1, 0, 1]])
    np.testing.assert_array_equal(rows.counts, [1, 1, 1, 1, 1, 2])


def test_restore_brings_back_every_number():
    rows = ratings()
    model = FactorModel(rows.n_features, 4, intercept=3.5, rng=rng())
    model.step(rows, np.arange(50))
    state, batch = model.state(), np.arange(50, 200)
    first = model.step(rows, batch), model.table.copy(), model.intercept
    model.restore(state)
    second = model.step(rows, batch), model.table.copy(), model.intercept
    assert first[0] == second[0] and first[2] == second[2]
    np.testing.assert_array_equal(first[1], second[1])


BAD = [
    (lambda: rating_rows([0, 1], [0, 1], [3.0, np.nan]), "rating must be finite, got nan in row 1"),
    (lambda: rating_rows([0], [0, 1], [3.0, 1.0]), "one length, got 1, 2, 2"),
    (lambda: rating_rows([0, -1], [0, 1], [3.0, 1.0]), "user must lie in 0"),
    (lambda: rating_rows([0, 1], [0, 7], [3.0, 1.0], n_items=4), "item must lie in 0 to 3"),
    (lambda: FactorModel(4, 0, rng=rng()), "width must be positive, got 0"),
    (lambda: FactorModel(4, 2, task="hinge", rng=rng()), "task must be one of squared, logistic, got 'hinge'"),
    (lambda: FactorModel(4, 2, decay=-1, rng=rng()), "decay must not be negative, got -1"),
    (lambda: FactorModel(4, 2, block=[0, 1], rng=rng()), "block must number 4 features"),
    (lambda: FactorModel(4, 2, mask=np.full((4, 2), 0.5), rng=rng()), "mask must hold 0 and 1"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_clicks_other_than_0_and_1_are_refused():
    fields = Fields(("a",), (2,), np.zeros((2, 1), int), np.empty((2, 0), np.float32), np.empty((2, 0), np.float32))
    with pytest.raises(ValueError, match="click must be 2 zeros and ones"):
        click_rows(fields, [0, 2])


def test_surprise_reaches_no_lower_error_on_the_same_split():
    """Peer beside the theory above: RMSE of MF on MovieLens-100k at most 2 % above that of scikit-surprise's SVD."""
    surprise = pytest.importorskip("surprise")
    import pandas as pd
    from paperlab import datasets

    stored = datasets.load("ml100k")["ratings"]
    user, item = (np.unique(stored[name], return_inverse=True)[1] for name in ("user", "item"))
    rows = rating_rows(user, item, stored["rating"])
    train, valid, test = (rows.take(part) for part in np.split(rng().permutation(100_000), [80_000, 90_000]))
    model = FactorModel(rows.n_features, 16, scale=0.01, learning_rate=3e-3, decay=2e-4, intercept=3.5, rng=rng(1))
    input_search.fit(model, train, valid, epochs=20, rng=rng(2))
    frame = pd.DataFrame({"u": train.index[:, 0], "i": train.index[:, 1], "r": train.target})
    data = surprise.Dataset.load_from_df(frame, surprise.Reader(rating_scale=(1, 5))).build_full_trainset()
    peer = surprise.SVD(n_factors=16, n_epochs=20, random_state=0).fit(data)
    theirs = np.array([peer.predict(u, i, clip=False).est for u, i in test.index])
    assert np.sqrt(model.loss(test)) < 1.02 * np.sqrt(np.mean((theirs - test.target) ** 2))
