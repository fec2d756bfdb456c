"""The search on networks: the same numbers as the closed form where both exist, members apart, pruning."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from paperlab.methods.recommenders import neural_sizes as ns
from paperlab.methods.recommenders.embedding_sizes import frequency_blocks
from paperlab.methods.recommenders.input_search import Plan
from paperlab.methods.recommenders.rating_models import FactorModel, click_rows
from tiny_rows import ratings

SEARCH = Plan(n_blocks=4, warm_epochs=2, steps=40, every=20, alpha_rate=0.02)
SETTING = ns.NeuralSetting(4, learning_rate=0.01, decay=1e-5, batch_size=128, epochs=4)


def data():
    rows = ratings(1500)
    fields = ns.rating_fields(rows.index[:, 0], rows.index[:, 1] - 60, 60, 40)
    return fields, rows.target.astype(float)


def trained(name="NeuMF", seeds=(3, 4), plan=None):
    fields, target = data()
    target = target if name in ns.RATING_NETS else (target > 3.5).astype(float)
    parts = ns.neural_parts(len(fields), seeds)
    return ns.train_network(name, fields, target, parts, seeds, SETTING, plan), parts


@pytest.mark.parametrize("name", [*ns.RATING_NETS, *ns.CLICK_NETS])
@pytest.mark.parametrize("plan", [None, SEARCH])
def test_every_network_learns_something(name, plan):
    found, parts = trained(name, plan=plan)
    truth = found.target[parts.test]
    spread = truth.var(axis=1) if found.task == "squared" else np.log(2)
    assert (found.judge(parts.test) < spread).all()
    assert (found.judge(parts.test, 0.99) != found.judge(parts.test)).all()
    assert (found.alpha is None) == (plan is None)


def test_gradient_of_the_selection_layer_equals_the_closed_form():
    """FM in torch and in `rating_models` with the same numbers: one derivative, computed in two ways."""
    fields, target = data()
    click = (target > 3.5).astype(int)
    rows, parts = click_rows(fields, click), ns.neural_parts(len(fields), [5])
    net = ns.network("FM", fields, [5], width=4, scale=0.3)
    course = ns._Course(net, fields, click, parts, "logistic", SETTING)
    block = frequency_blocks(rows.counts, 3)
    course.block = torch.from_numpy(block)[None]
    alpha = torch.rand((1, 3, 4), generator=torch.Generator().manual_seed(1)).requires_grad_(True)
    course.select(alpha)
    batch = parts.alpha[:, :100]
    course.loss(torch.from_numpy(batch)).backward()
    model = FactorModel(100, 4, task="logistic", block=block, rng=np.random.default_rng(0), dtype=np.float64)
    model.table[:] = net.embedding.table[0].detach().numpy()
    model.alpha[:] = alpha[0].detach().numpy()
    ours = model.gradient(rows, batch[0]).alpha
    np.testing.assert_allclose(ours, alpha.grad[0].numpy(), atol=1e-6)


def test_the_alpha_rows_move_the_selection_layer_and_never_the_weights():
    fields, target = data()
    parts = ns.neural_parts(len(fields), [3])
    other = replace(parts, alpha=parts.test)

    def found(plan):
        return [ns.train_network("MLP", fields, target, each, [3], SETTING, plan) for each in (parts, other)]

    still, moved = found(replace(SEARCH, alpha_rate=1e-9)), found(SEARCH)
    np.testing.assert_allclose(*(each.judge(parts.select) for each in still), rtol=1e-5)
    assert np.abs(moved[0].alpha - moved[1].alpha).max() > 0.1
    assert all(each.alpha.min() >= 0 and each.alpha.max() <= 1 for each in moved)


def test_every_member_is_left_at_its_own_best_look():
    fields, target = data()
    parts, steep = ns.neural_parts(len(fields), [3, 4]), replace(SETTING, learning_rate=0.05, epochs=14, patience=14)
    found = ns.train_network("MLP", fields, target, parts, [3, 4], steep)
    assert (found.losses.argmin(0) < 13).any()
    np.testing.assert_allclose(found.judge(parts.select), found.losses.min(0), rtol=1e-6)


def test_a_member_does_not_see_the_others():
    together, parts = trained(plan=SEARCH)
    alone, own = trained(seeds=(4,), plan=SEARCH)
    np.testing.assert_array_equal(parts.test[1], own.test[0])
    np.testing.assert_allclose(together.alpha[1], alone.alpha[0], atol=1e-4)
    assert together.judge(parts.test)[1] == pytest.approx(alone.judge(own.test)[0], rel=1e-3)


def test_judging_a_pruned_table_leaves_the_table_alone():
    found, parts = trained(plan=SEARCH)
    before = found.model.embedding.table.detach().clone()
    found.judge(parts.test, 0.9)
    assert torch.equal(before, found.model.embedding.table)


def test_neumf_with_a_dead_network_is_matrix_factorisation():
    fields, _ = data()
    net = ns.network("NeuMF", fields, [1], width=4, scale=0.5)
    with torch.no_grad():
        net.parts[1].out.zero_()
        batch = [torch.from_numpy(part)[None, :50] for part in (fields.codes, fields.shares, fields.numbers)]
        z, table = net(batch)[0].numpy(), net.embedding.table[0].numpy()
    codes = fields.codes[:50]
    np.testing.assert_allclose(z, (table[codes[:, 0]] * table[codes[:, 1]]).sum(1), atol=1e-5)


def test_counts_name_every_value():
    fields, _ = data()
    rows = np.arange(0, 1500, 3)
    np.testing.assert_array_equal(ns.field_counts(fields, rows), click_rows(fields, np.zeros(1500)).take(rows).counts)


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="name must be one of MLP, NeuMF, FM, Wide&Deep, DeepFM, got 'BERT'"):
        ns.network("BERT", data()[0], [0], width=4, scale=0.1)


def test_a_plan_that_networks_cannot_follow_is_refused():
    with pytest.raises(ValueError, match="plan must be of first order"):
        trained(plan=Plan(second_order=True))
