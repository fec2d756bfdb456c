"""Next-item models: nothing looks ahead, one row is all its prefixes, empty places count for nothing, it learns."""

import numpy as np
import pytest
import torch
from paperlab.methods.foundations import ranking
from paperlab.methods.recommenders.code_decoder import BlockDecoder
from paperlab.methods.recommenders.code_tokens import CodeTokens
from paperlab.methods.recommenders.interactions import Interactions, leave_last_out
from paperlab.methods.recommenders.sequence_fit import fit
from paperlab.methods.recommenders.sequence_layers import evaluating
from paperlab.methods.recommenders.sequence_model import (
    FeatureTable,
    ItemHead,
    ItemTable,
    SequenceModel,
    rank,
)
from paperlab.methods.recommenders.sequence_rows import histories, training_rows

N_ITEMS = 30


def walks(n_users=80, *, seed=0, low=2, high=9, jump=0.0):
    """Histories in which item i is followed by 7 i + 1 mod 30, or by any item with the chance ``jump``."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(low, high + 1, n_users)
    found = []
    for length in lengths:
        item = rng.integers(N_ITEMS)
        for _ in range(length):
            found.append(item)
            item = rng.integers(N_ITEMS) if rng.random() < jump else (7 * item + 1) % N_ITEMS
    return Interactions(np.concatenate([[0], np.cumsum(lengths)]), np.array(found), N_ITEMS)


def model(*, seed=0, mask="causal", tokens=None, max_length=8, dropout=0.0, **head):
    rng = np.random.default_rng(seed)
    tokens = ItemTable(N_ITEMS, 16, rng=rng) if tokens is None else tokens
    head = ItemHead(tokens, rng=rng, **head)
    return SequenceModel(tokens, head, max_length=max_length, n_blocks=2, mask=mask, dropout=dropout, rng=rng)


def coded(seed=0):
    """Three tokens for each item."""
    rng = np.random.default_rng(seed)
    return CodeTokens(rng.integers(4, size=(N_ITEMS, 3)), 16, sizes=(4, 4, 4), summed=False, rng=rng)


@pytest.mark.parametrize("mask", ["causal", "hybrid", "sparse"])
@pytest.mark.parametrize("tokens", [None, coded])
def test_what_comes_later_does_not_change_a_prediction(mask, tokens):
    made = model(mask=mask, tokens=tokens and tokens())
    first, other = np.array([3, 5, 8, 1, 9, 2]), np.array([3, 5, 8, 1, 20, 21])
    states = []
    with evaluating(made):
        for items in (first, other):
            rows = histories(Interactions(np.array([0, 6]), items, N_ITEMS), 8)
            states.append(made.states(rows.batch(np.array([0]))))
    assert (states[0][:4] == states[1][:4]).all()
    assert (states[0][4:] != states[1][4:]).any()


def test_a_row_is_all_its_prefixes():
    made, rows = model(), training_rows(walks(), 8)
    prefixes = rows.one_per_prefix()
    together, alone = (each.batch(np.arange(len(each))) for each in (rows, prefixes))
    with evaluating(made):
        assert float(made.loss(together)) == pytest.approx(float(made.loss(alone)), rel=1e-5)


def test_neighbours_of_other_length_and_empty_places_count_for_nothing():
    made, rows = model(), training_rows(walks(20), 8)
    parameters = list(made.parameters())
    counts = rows.length - rows.silent
    assert len(set(counts)) > 3
    whole = torch.autograd.grad(made.loss(rows.batch(np.arange(len(rows)))), parameters)
    each = [torch.autograd.grad(made.loss(rows.batch(np.array([row]))), parameters) for row in range(len(rows))]
    for at, gradient in enumerate(whole):
        summed = sum(count * one[at] for count, one in zip(counts, each, strict=True)) / counts.sum()
        assert (gradient - summed).abs().max() < 1e-5


def test_bidirectional_blocks_see_their_own_item_and_no_later_one():
    """With the hybrid mask token 0 of an item depends on its token 2, with the others it does not."""
    depends = {}
    for mask in ("causal", "hybrid", "sparse"):
        tokens = coded()
        made = model(mask=mask, tokens=tokens)
        rows = histories(Interactions(np.array([0, 3]), np.array([0, 1, 2]), N_ITEMS), 8).batch(np.array([0]))
        changed = tokens.codes.numpy().copy()
        changed[1, 2] = (changed[1, 2] + 1) % 4
        with evaluating(made):
            before = made.states(rows)
            tokens.set_catalogue(changed)
            moved = (before != made.states(rows)).any(-1)
        assert not moved[0].any() and moved[1, 2] and moved[2].all()
        depends[mask] = bool(moved[1, 0])
    assert depends == {"causal": False, "hybrid": True, "sparse": False}


@pytest.mark.parametrize("loss", ["full", "sampled", "binary"])
def test_a_rule_of_what_follows_is_learnt(loss):
    table = walks(140)
    parts = leave_last_out(table)
    made = model(loss=loss, n_negatives=20, counts=parts.train.counts + 1.0)
    rng = np.random.default_rng(1)
    fit(made, training_rows(parts.train, 8), epochs=25, batch_size=32, learning_rate=1e-2, rng=rng)
    wanted = Interactions(*(getattr(parts.test, name) for name in ("indptr", "items")), N_ITEMS)
    kept = np.flatnonzero(parts.seen.lengths)
    hit = rank(made, parts.seen.take(kept), wanted.take(kept), k=1).hit.mean()
    assert hit > (0.95 if loss != "binary" else 0.8)


def test_features_carry_over_to_an_item_that_was_never_seen():
    """An item with the features of another is its twin."""
    features = np.eye(N_ITEMS)
    features[29] = features[4]
    made = model(tokens=FeatureTable(features, 16, rng=np.random.default_rng(2)))
    with evaluating(made):
        scores = made.head.scores(torch.randn(5, 1, 16, generator=torch.Generator().manual_seed(0)))
    assert (scores[:, 29] == scores[:, 4]).all()


def test_full_ranking_is_that_of_sorted_scores_whatever_the_order_of_users():
    table, made = walks(50, low=3), model()
    parts = leave_last_out(table)
    states = made.last_states(parts.seen, batch_size=7)
    with torch.no_grad():
        scores = made.head.scores(states).numpy()
    for user in range(50):
        scores[user, parts.seen.of(user)] = -np.inf
    top = np.argsort(-scores, axis=1, kind="stable")[:, :5]
    found = rank(made, parts.seen, parts.test, k=5, barred=parts.seen)
    assert (found.hit == ranking.judge(top, parts.test.indptr, parts.test.items).hit).all()
    one = made.last_states(parts.seen.take(np.array([17])))
    assert (one[0] - states[17]).abs().max() < 1e-5


def test_only_users_with_something_to_find_are_ranked():
    table = walks(20, low=3)
    wanted = table.where(table.users % 4 == 0)
    assert rank(model(), table, wanted).users.tolist() == list(range(0, 20, 4))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_length": 0}, "max_length must be at least 1, got 0"),
        ({"mask": "none"}, "mask must be one of causal, hybrid, sparse, got 'none'"),
        ({"dropout": 1.0}, r"dropout must lie in \[0, 1\), got 1.0"),
        ({"loss": "mse"}, "loss must be one of"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        model(**change)


def test_bad_input_is_refused():
    rng = np.random.default_rng(0)
    table = ItemTable(N_ITEMS, 6, rng=rng)
    with pytest.raises(ValueError, match="n_heads must divide the width 6, got 4"):
        SequenceModel(table, ItemHead(table, rng=rng), max_length=3, n_heads=4, rng=rng)
    with pytest.raises(ValueError, match="n_items must be at least 2"):
        ItemTable(1, 4, rng=rng)
    with pytest.raises(ValueError, match="features is nan in row 1"):
        FeatureTable([[1.0], [np.nan]], 4, rng=rng)
    made = model(max_length=4)
    with pytest.raises(ValueError, match="at most max_length = 4 items, got 8"):
        made.loss(training_rows(walks(), 8).batch(np.arange(80)))
    with pytest.raises(ValueError, match="must have the same users, got 80 and 20"):
        rank(made, walks(), walks(20))
    with pytest.raises(ValueError, match="tokens must keep one token for each level"):
        BlockDecoder(CodeTokens([[0], [1]], 4, rng=rng), rng=rng)
