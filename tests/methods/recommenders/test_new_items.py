"""New items: who is drawn, one ranking under several views, mixed scores, beams, the order of tokens."""

import numpy as np
import pytest
import torch
from paperlab.methods.recommenders import new_items, sequence_model
from paperlab.methods.recommenders.code_decoder import SlotDecoder
from paperlab.methods.recommenders.code_tokens import CodeTokens
from paperlab.methods.recommenders.interactions import Interactions
from paperlab.methods.recommenders.item_codes import break_ties
from paperlab.methods.recommenders.item_sets import SetHead, SetTokens
from paperlab.methods.recommenders.sequence_model import SequenceModel
from scipy import sparse

N_ITEMS = 60


def histories(seed=0, n_users=40, length=20):
    rng = np.random.default_rng(seed)
    items = np.concatenate([rng.permutation(N_ITEMS)[:length] for _ in range(n_users)])
    return Interactions(np.arange(0, n_users * length + 1, length), items, N_ITEMS)


def set_model(seed=0, mask="sparse", both=True):
    rng = np.random.default_rng(seed)
    collaborative = rng.normal(size=(N_ITEMS, 6)) if both else None
    tokens = SetTokens(8, collaborative=collaborative, content=rng.normal(size=(N_ITEMS, 10)), n_content=3, rng=rng)
    return SequenceModel(tokens, SetHead(tokens, rng=rng), max_length=6, mask=mask, dropout=0.0, rng=rng)


def code_model(seed=0):
    rng = np.random.default_rng(seed)
    codes = break_ties(rng.integers(4, size=(N_ITEMS, 2)), rng=rng)
    tokens = CodeTokens(codes, 8, summed=False, rng=rng)
    return SequenceModel(tokens, SlotDecoder(tokens, rng=rng), max_length=6, dropout=0.0, rng=rng)


def test_new_items_stand_in_no_training_part_and_everything_else_keeps_its_place():
    table = histories()
    split = new_items.draw_new(table, 0.25, rng=np.random.default_rng(1))
    later = new_items.draw_new(table, 0.0, rng=np.random.default_rng(1))
    assert (later.train.lengths, later.valid.lengths[0], later.test.lengths[0]) == (pytest.approx(16), 2, 2)
    new = np.setdiff1d(np.unique(later.train.items), np.unique(split.train.items))
    assert len(new) == 15  # all items occur in the training parts of so many people
    assert split.cold[new].all() and split.cold.sum() == 15
    for user in (0, 7, 39):
        assert list(split.train.of(user)) == [item for item in table.of(user)[:16] if item not in new]
        assert list(split.valid.of(user)) == list(table.of(user)[16:18])
        assert list(split.test.of(user)) == list(table.of(user)[18:])


def test_views_cut_the_catalogue_and_groups_have_equal_mass():
    split = new_items.draw_new(histories(), 0.25, rng=np.random.default_rng(1))
    looks = {look.name: look for look in new_items.views(split, n_groups=3)}
    assert list(looks) == ["all", "warm", "cold", "1", "2", "3"]
    assert (looks["warm"].allowed ^ looks["cold"].allowed).all() and looks["all"].allowed.all()
    groups = np.stack([looks[name].wanted for name in "123"])
    assert (groups.sum(0) == looks["warm"].allowed).all()
    mass = groups @ split.train.counts
    assert mass.max() < 2 * mass.min()
    rare, popular = (split.train.counts[looks[name].wanted] for name in "13")
    assert rare.max() < popular.min()
    assert (looks["1"].allowed == looks["warm"].allowed).all()


def test_a_view_is_the_ranking_with_its_candidates(monkeypatch):
    """Cut into small chunks, each view equals a ranking of its own."""
    monkeypatch.setattr(new_items, "HELD", 5 * N_ITEMS)
    split, model = new_items.draw_new(histories(), 0.25, rng=np.random.default_rng(1)), set_model()
    found = new_items.rank_views(model, split.train, split.test, new_items.views(split), k=5)
    for name, mask in (("all", np.ones(N_ITEMS, bool)), ("warm", ~split.cold), ("cold", split.cold)):
        wanted = split.test.where(mask[split.test.items])
        alone = sequence_model.rank(model, split.train, wanted, k=5, allowed=mask)
        assert len(alone.recall) == len(found[name].recall) < split.test.n_users + 1
        assert (alone.recall == found[name].recall).all() and (alone.ndcg == found[name].ndcg).all()


def test_scores_that_know_the_answer_find_all_and_by_chance_the_share_of_the_list():
    split = new_items.draw_new(histories(n_users=3000), 0.5, rng=np.random.default_rng(1))
    right = split.test.matrix().toarray()
    by_lot = np.random.default_rng(2).random(right.shape, dtype=np.float32)
    blocks = lambda start, stop: [right[start:stop], by_lot[start:stop]]  # noqa: E731
    best, chance = new_items.judge_views(blocks, split.test, new_items.views(split), k=3)
    assert {name: found.recall.min() for name, found in best.items()} == {"all": 1, "warm": 1, "cold": 1}
    for name, n in (("all", 60), ("warm", 30), ("cold", 30)):
        error = 4 * chance[name].recall.std() / np.sqrt(len(chance[name].recall))
        assert chance[name].recall.mean() == pytest.approx(3 / n, abs=error)


def test_mixed_scores_are_those_of_the_head_at_each_beta():
    split, model = new_items.draw_new(histories(), 0.25, rng=np.random.default_rng(1)), set_model()
    looks, betas = new_items.views(split), [0.0, 0.3, 1.0]
    together = new_items.rank_views(model, split.train, split.test, looks, betas=betas)
    for beta, mixed in zip(betas, together, strict=True):
        model.head.beta = beta
        alone = new_items.rank_views(model, split.train, split.test, looks)
        for name, ranking in alone.items():
            assert ranking.ndcg == pytest.approx(mixed[name].ndcg, abs=1e-6)
    assert any((together[0]["all"].ndcg != other["all"].ndcg).any() for other in together[1:])


def test_a_beam_as_wide_as_the_catalogue_finds_the_exact_list():
    split, model = new_items.draw_new(histories(), 0.25, rng=np.random.default_rng(1)), code_model()
    exact = new_items.rank_views(model, split.seen, split.test, new_items.views(split)[:1], k=8)["all"]
    asked = new_items.Asked.of(split)
    wide, narrow = (model.head.search(model.last_states(asked.had), width=width, k=8).items for width in (N_ITEMS, 1))
    assert asked.recall(wide) == pytest.approx(exact.recall) and wide.shape == (40, 8)
    assert asked.recall(narrow).mean() < exact.recall.mean()


def test_the_order_counts_for_sequences_and_not_for_sets():
    table = histories()
    assert new_items.order_gap(set_model(), table) < 1e-4
    for model in (code_model(), set_model(mask="causal")):
        if model.slots is not None:
            with torch.no_grad():
                model.slots.normal_(generator=torch.Generator().manual_seed(0))
        before = model.tokens
        assert new_items.order_gap(model, table) > 1e-3
        assert model.tokens is before


@pytest.mark.parametrize(("kind", "dense"), [(np.asarray, 0.1), (sparse.csr_array, 0.1), (sparse.csr_array, 1.0)])
def test_neighbours_are_those_of_the_last_items_by_cosine(monkeypatch, kind, dense):
    monkeypatch.setattr(new_items, "DENSE", dense)
    vectors = np.array([[2.0, 0.0], [1.0, 1.0], [0.0, 3.0], [0.0, 0.0], [-1.0, 0.0]])
    table = Interactions(np.array([0, 3, 4, 5]), np.array([2, 0, 1, 3, 0]), 5)
    root = 0.5**0.5
    expected = [[root, root, root, 0, -1 - root], [0] * 5, [0, root, 0, 0, -1]]  # nothing is its own neighbour
    for scale in (1.0, 7.0):
        score = new_items.neighbour_scores(table, kind(scale * vectors), recent=2)
        assert score(0, 3) == pytest.approx(np.array(expected), abs=1e-6)
        assert score(1, 2) == pytest.approx(np.array(expected[1:2]), abs=1e-6)


def test_neighbours_by_who_had_them_find_the_other_half_of_a_pair():
    pairs = np.arange(N_ITEMS).reshape(-1, 2)
    table = Interactions(np.arange(0, N_ITEMS + 1, 2), pairs.ravel(), N_ITEMS)
    first = Interactions(np.arange(len(pairs) + 1), pairs[:, 0], N_ITEMS)
    second = Interactions(np.arange(len(pairs) + 1), pairs[:, 1], N_ITEMS)
    score = new_items.neighbour_scores(first, table.matrix().T, recent=1)
    looks = [new_items.View("all", *2 * [np.ones(N_ITEMS, bool)])]
    found = new_items.judge_views(lambda start, stop: [score(start, stop)], second, looks, k=1)[0]
    assert found["all"].recall.min() == 1


def test_lists_of_those_who_are_asked_with_and_without_what_they_had():
    """Nobody has an item twice here: whoever scores what was had highest finds nothing, unless it is left out."""
    split = new_items.draw_new(histories(n_users=30), 0.2, rng=np.random.default_rng(1))
    asked = new_items.Asked.of(split)
    assert (split.test.lengths[asked.users] > 0).all()
    assert split.test.lengths.sum() == asked.wanted.lengths.sum()
    had, wanted = asked.had.matrix().toarray(), asked.wanted.matrix().toarray()
    k = int(asked.had.lengths.min())
    lists = asked.lists(lambda a, b: (2 * had + wanted)[a:b], k=k)
    assert np.take_along_axis(had, lists, 1).all()
    free = asked.lists(lambda a, b: (2 * had + wanted)[a:b], k=k, without_had=True)
    assert not np.take_along_axis(had, free, 1).any()
    assert asked.recall(lists) == pytest.approx(0)
    assert asked.recall(free) == pytest.approx(np.minimum(1, k / asked.wanted.lengths))


def test_scores_dealt_among_new_items_are_worth_chance_whatever_they_know():
    """So a deal after the training says nothing of a leak: scores that know the answer fall to it as well."""
    split = new_items.draw_new(histories(n_users=400), 0.5, rng=np.random.default_rng(1))
    rng = np.random.default_rng(2)
    right = split.test.matrix().toarray() + 0.1 * rng.random((400, N_ITEMS), dtype=np.float32)
    new, orders = np.flatnonzero(split.cold), []
    for _ in range(100):
        order = np.arange(N_ITEMS)
        order[new] = rng.permutation(new)
        orders.append(order)
    looks = new_items.views(split)[2:]
    dealt = new_items.judge_views(lambda a, b: (right[a:b, order] for order in orders), split.test, looks, k=3)
    assert np.mean([found["cold"].recall.mean() for found in dealt]) == pytest.approx(3 / len(new), abs=0.01)


def test_bad_input_is_refused():
    table, rng = histories(), np.random.default_rng(0)
    for share in (-0.1, 1.0):
        with pytest.raises(ValueError, match=rf"share must lie in \[0, 1\), got {share}"):
            new_items.draw_new(table, share, rng=rng)
    with pytest.raises(ValueError, match="shares must be three numbers"):
        new_items.draw_new(table, 0.1, rng=rng, shares=(0.5, 0.1, 0.1))
    one = Interactions(np.array([0, 1, 3]), np.array([0, 0, 1]), 2)
    with pytest.raises(ValueError, match=r"share leaves user \d nothing to train on, got 0.5"):
        for _ in range(50):
            new_items.draw_new(one, 0.5, rng=rng)
    split, model = new_items.draw_new(table, 0.1, rng=rng), set_model()
    looks = new_items.views(split)
    for betas in ([], [0.5, 1.2]):
        with pytest.raises(ValueError, match=r"betas must lie in \[0, 1\] and be at least one, got"):
            new_items.rank_views(model, split.train, split.test, looks, betas=betas)
    with pytest.raises(ValueError, match="table and wanted must have the same users, got 40 and 2"):
        new_items.rank_views(model, split.train, one, looks)
    with pytest.raises(ValueError, match="tokens must be of both kinds, got one"):
        new_items.rank_views(set_model(both=False), split.train, split.test, looks, betas=[0.5])
    with pytest.raises(ValueError, match="vectors must have one row for each of 60 items, got 59"):
        new_items.neighbour_scores(table, np.ones((N_ITEMS - 1, 2)), recent=1)
    with pytest.raises(ValueError, match="recent must be at least 1, got 0"):
        new_items.neighbour_scores(table, np.ones((N_ITEMS, 2)), recent=0)
    with pytest.raises(ValueError, match=r"order must name each of 4 tokens once, got \[0, 0, 1, 2\]"):
        new_items.Reordered(model.tokens, [0, 0, 1, 2])
