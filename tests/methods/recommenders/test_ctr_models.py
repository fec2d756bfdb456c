"""Click models: each part against its own definition written as loops, and the number of weights of the paper."""

from itertools import combinations

import numpy as np
import pytest
import torch
from paperlab.methods.recommenders import ctr_models as models
from paperlab.methods.recommenders.ctr_models import PARTS, ClickModel, FieldEmbedding, click_model
from paperlab.methods.recommenders.fields import Fields

ROWS, SEEDS = 6, [4, 8]


def made_up(rows=ROWS, *, sizes=(4, 5, 3), listed=4, n_numbers=1, seed=0):
    rng = np.random.default_rng(seed)
    starts = np.cumsum([0, *sizes])[:-1]
    codes = starts + rng.integers(0, sizes, (rows, len(sizes)))
    shares = rng.dirichlet(np.ones(listed), rows) if listed else np.empty((rows, 0))
    names = tuple("abcdefgh"[: len(sizes) + bool(listed) + n_numbers])
    all_sizes = (*sizes, *[listed] * bool(listed), *[1] * n_numbers)
    return Fields(names, all_sizes, codes, shares.astype(np.float32), rng.random((rows, n_numbers), np.float32))


def batch_of(fields):
    rows = torch.arange(len(fields)).repeat(len(SEEDS), 1)
    return [torch.from_numpy(part)[rows] for part in (fields.codes, fields.shares, fields.numbers)]


def vectors(members=2, rows=ROWS, fields=5, width=3):
    return torch.randn(members, rows, fields, width, generator=torch.Generator().manual_seed(0))


def each(x):
    """Member, row and the row's vectors."""
    return ((m, r, x[m, r].detach().numpy().astype(float)) for m in range(len(x)) for r in range(x.shape[1]))


def test_a_vector_is_the_value_the_mean_of_several_or_a_number_times_the_fields_vector():
    fields = made_up()
    embedding = FieldEmbedding(fields, 3, SEEDS)
    found, table = embedding(batch_of(fields)).detach().numpy(), embedding.table.detach().numpy()
    assert found.shape == (2, ROWS, 5, 3)
    for m in range(2):
        assert found[m, :, :3] == pytest.approx(table[m][fields.codes])
        assert found[m, :, 3] == pytest.approx(fields.shares @ table[m, 12:16], abs=1e-6)
        assert found[m, :, 4] == pytest.approx(fields.numbers * table[m, 16], abs=1e-6)


def test_a_mask_narrows_the_vectors_of_some_values():
    fields, mask = made_up(), np.ones((17, 3))
    mask[:4, 1:] = 0
    found = FieldEmbedding(fields, 3, SEEDS, mask=mask)(batch_of(fields))
    assert (found[:, :, 0, 1:] == 0).all() and (found[:, :, 1] != 0).all()


def test_the_square_of_the_sum_gives_all_pairs_of_the_factorisation_machine():
    x = vectors()
    logit = models.Pairs(SEEDS)(x)
    for m, r, row in each(x):
        assert logit[m, r].item() == pytest.approx(sum(a @ b for a, b in combinations(row, 2)), abs=1e-5)


def test_compressed_products_are_the_outer_product_loop():
    x, part = vectors(), models.CompressedProducts(5, SEEDS, maps=(4, 2))
    logit = part(x)
    weights, out = [w.detach().numpy() for w in part.weights], part.out.detach().numpy()
    for m, r, row in each(x):
        maps, sums = row, []
        for weight in weights:
            w = weight[m].reshape(len(maps), 5, -1)
            maps = np.array(
                [
                    sum(w[i, j, h] * maps[i] * row[j] for i in range(len(maps)) for j in range(5))
                    for h in range(w.shape[2])
                ]
            )
            sums.extend(maps.sum(1))
        assert logit[m, r].item() == pytest.approx(np.dot(sums, out[m, :, 0]), abs=1e-4)


def test_the_cross_network_by_its_recursion():
    x, part = vectors(), models.Cross(15, SEEDS, n_layers=2)
    part.biases[0].data += 0.3
    logit = part(x)
    for m, r, row in each(x):
        first = now = row.ravel()
        for w, b in zip(part.weights, part.biases):
            now = first * (now @ w[m, :, 0].detach().numpy()) + b[m, 0].detach().numpy() + now
        assert logit[m, r].item() == pytest.approx(now @ part.out[m, :, 0].detach().numpy(), abs=1e-4)


def test_attentive_pairs_by_the_loop_over_pairs():
    x, part = vectors(), models.AttentivePairs(5, 3, SEEDS, size=4)
    logit = part(x)
    get = lambda value, m: value[m].detach().numpy()  # noqa: E731
    for m, r, row in each(x):
        products = np.array([a * b for a, b in combinations(row, 2)])
        scores = np.maximum(products @ get(part.weight, m) + get(part.bias, m), 0) @ get(part.score, m)
        weight = np.exp(scores - scores.max())
        pooled = (weight / weight.sum() * products).sum(0)
        assert logit[m, r].item() == pytest.approx(float(pooled @ get(part.out, m)[:, 0]), abs=1e-5)


@pytest.mark.parametrize("pool", [False, True])
def test_a_deep_part_agrees_with_torchs_own_layers(pool):
    x, part = vectors(), models.Deep(3 if pool else 15, SEEDS, hidden=(6, 4), pool=pool)
    logit = part(x)
    for m in range(2):
        layers = []
        for weight, bias in zip(part.weights, part.biases):
            layer = torch.nn.Linear(*weight.shape[1:])
            layer.weight.data, layer.bias.data = weight.data[m].T, bias.data[m, 0]
            layers += [layer, torch.nn.ReLU()]
        entered = models.pair_sum(x)[m] if pool else x[m].flatten(1)
        assert torch.allclose(torch.nn.Sequential(*layers)(entered) @ part.out[m, :, 0], logit[m], atol=1e-5)


def test_without_a_layer_autoint_is_the_weighted_sum_of_the_raw_features():
    fields = made_up()
    model = click_model("AutoInt", fields, SEEDS, width=3, attention={"n_layers": 0})
    model.intercept.data += 0.7
    logit = model(batch_of(fields)).detach().numpy()
    table, out = model.embedding.table.detach().numpy(), model.parts[0].out.detach().numpy()
    one_hot = np.zeros((ROWS, 17))
    np.put_along_axis(one_hot, fields.codes, 1, axis=1)
    one_hot[:, 12:16], one_hot[:, 16:] = fields.shares, fields.numbers
    field_of = np.repeat(np.arange(5), fields.sizes)
    for m in range(2):
        coefficient = np.sum(table[m] * out[m].reshape(5, 3)[field_of], axis=1)  # one weight for each raw feature
        assert logit[m] == pytest.approx(0.7 + one_hot @ coefficient, abs=1e-5)


def test_attention_adds_what_no_weighted_sum_has():
    fields = made_up(4, sizes=(2, 2), listed=0, n_numbers=0)
    fields = Fields(fields.names, fields.sizes, np.array([[0, 2], [0, 3], [1, 2], [1, 3]]), *batchless(4))
    shape = {"n_layers": 0}, {"n_layers": 1, "size": 8}
    flat, curved = (click_model("AutoInt", fields, SEEDS, scale=1.0, attention=a) for a in shape)
    contrast = torch.tensor([1.0, -1, -1, 1])
    assert (flat(batch_of(fields)) @ contrast).abs().max() < 1e-5
    assert (curved(batch_of(fields)) @ contrast).abs().min() > 1e-3


def batchless(rows):
    return np.empty((rows, 0), np.float32), np.empty((rows, 0), np.float32)


def criteo_shape():
    return Fields(tuple(map(str, range(39))), (2,) * 26 + (1,) * 13, np.zeros((1, 26), int), *batchless_numbers())


def batchless_numbers():
    return np.empty((1, 0), np.float32), np.zeros((1, 13), np.float32)


def test_number_of_weights_at_the_shape_of_criteo_is_that_of_table_3():
    model = click_model("AutoInt", criteo_shape(), [0], attention={"n_layers": 3, "n_heads": 2, "size": 64})
    assert model.n_weights() == 4 * 16 * 64 + 2 * 4 * 64 * 64 + 39 * 64 + 1 == 39_361
    code = {"n_layers": 3, "n_heads": 2, "size": 64, "form": "code"}
    assert click_model("AutoInt", criteo_shape(), [0], attention=code).n_weights() > 39_361


@pytest.mark.parametrize("name", PARTS)
def test_every_model_gives_logits_and_derivatives_to_all_its_weights(name):
    fields = made_up(300)
    model = click_model(name, fields, SEEDS, width=4, attention={"size": 8}, deep={"hidden": (5,)})
    logit = model(batch_of(fields))
    assert logit.shape == (2, 300)
    logit.square().sum().backward()
    assert all(torch.isfinite(each.grad).all() for each in model.parameters())


def test_models_are_the_sums_of_their_parts():
    assert PARTS["DeepFM"] == ("linear", "pairs", "deep") and PARTS["AutoInt+"] == ("attention", "deep")
    assert click_model("LR", made_up(), SEEDS).embedding is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: click_model("GBM", made_up(), SEEDS), "name must be one of LR, FM, .*, got 'GBM'"),
        (lambda: click_model("FM", made_up(), SEEDS, depth=3), "options must be among attention, .*, got depth"),
        (lambda: click_model("FM", made_up(), SEEDS, width=0), "width must be at least 1, got 0"),
        (lambda: FieldEmbedding(made_up(), 3, SEEDS, mask=np.ones(3)), r"mask must have shape \(17, 3\), got \(3,\)"),
        (lambda: ClickModel(None, []), "there is nothing to predict with"),
    ],
)
def test_bad_models_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
