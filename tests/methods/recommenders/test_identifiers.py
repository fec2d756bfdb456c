"""Four ways to write an item: what each can and cannot tell apart, and what they are given."""

from functools import partial

import numpy as np
import pytest
import torch
from paperlab.methods.recommenders import identifiers, new_items
from paperlab.methods.recommenders.identifiers import Design, World
from paperlab.methods.recommenders.interactions import Interactions, Split
from paperlab.methods.recommenders.sequence_fit import fit

N_ITEMS, N_NEW = 80, 20
DESIGN = Design(dim=8, n_blocks=1, max_length=4, n_content=2, n_negatives=None, dropout=0.0)


def ring(seed=0, n_users=300):
    """After an item of one of four groups comes one of the next group; the last items of the catalogue are new."""
    rng = np.random.default_rng(seed)
    group = np.arange(N_ITEMS) % 4
    content = np.eye(4)[group] + rng.normal(0, 0.1, (N_ITEMS, 4))
    first = rng.integers(4, size=(n_users, 1)) + np.arange(5)
    known = (first % 4) + 4 * rng.integers((N_ITEMS - N_NEW) // 4, size=(n_users, 5))
    new = (first[:, -1:] + 1) % 4 + N_ITEMS - N_NEW + 4 * rng.integers(N_NEW // 4, size=(n_users, 1))
    parts = known[:, :4], known[:, 4:], new
    tables = [Interactions(np.arange(n_users + 1) * part.shape[1], part.ravel(), N_ITEMS) for part in parts]
    options = {"recent": 4, "max_length": 4, "n_letters": 4, "n_levels": 1}
    return World.of(Split(*tables), content, rng=rng, **options)


def trained(make, world, *, epochs=15):
    rng = np.random.default_rng(1)
    model = make(world, DESIGN, rng=rng)
    fit(model, world.rows, epochs=epochs, batch_size=30, learning_rate=0.01, rng=rng)
    return model


def group_share(model, world):
    """Share of the first five new items that lie in the right group; a quarter by chance."""
    split, looks = world.split, new_items.views(world.split)[2:]
    right = np.stack([np.arange(N_ITEMS) % 4 == group for group in range(4)])
    wanted = [np.flatnonzero(right[item % 4] & split.cold) for item in split.test.items]
    table = Interactions(5 * np.arange(len(wanted) + 1), np.concatenate(wanted), N_ITEMS)
    return new_items.rank_views(model, split.seen, table, looks, k=5)["cold"].recall.mean()


def test_content_tells_new_items_apart_and_a_free_vector_does_not():
    world = ring()
    single = trained(identifiers.single_id, world)
    vectors = identifiers.collaborative_vectors(single, world.split.cold)
    assert group_share(single, world) < 0.45
    for make in (
        identifiers.token_sequence,
        partial(identifiers.token_set, collaborative=vectors),
        partial(identifiers.token_set, n_content=1),
    ):
        assert group_share(trained(make, world), world) > 0.8
    dealt = np.random.default_rng(3).permutation(world.content)
    lost = trained(partial(identifiers.token_set, collaborative=vectors, content=dealt), world)
    assert group_share(lost, world) < 0.5


def test_collaborative_vectors_are_zero_for_new_items_only():
    world = ring()
    vectors = identifiers.collaborative_vectors(trained(identifiers.single_id, world, epochs=1), world.split.cold)
    assert (vectors[world.split.cold] == 0).all() and (np.abs(vectors[~world.split.cold]).sum(1) > 0).all()
    model = identifiers.token_set(world, DESIGN, collaborative=vectors, n_content=0, rng=np.random.default_rng(0))
    assert model.tokens.n_tokens == 1
    table = model.tokens.table()[:, 0].detach()
    assert (table[world.split.cold] == model.tokens.project.bias).all()


def test_new_items_are_neither_targets_nor_in_the_softmax():
    world = ring()
    cold = torch.from_numpy(world.split.cold)
    model = identifiers.single_id(world, DESIGN, rng=np.random.default_rng(0))
    model.loss(world.rows.batch(np.arange(20))).backward()
    assert (model.tokens.weight.grad[cold] == 0).all()
    assert (model.tokens.weight.grad[~cold].abs().sum(1) > 0).any()


def test_only_recent_items_are_trained_on_each_once():
    rng = np.random.default_rng(0)
    parts = Interactions(np.array([0, 30, 35]), np.concatenate([np.arange(30), np.arange(5)]), 30)
    empty = Interactions(np.zeros(3, int), np.empty(0, int), 30)
    options = {"max_length": 4, "n_letters": 2, "n_levels": 1, "rng": rng}
    world = World.of(Split(parts, empty, empty), rng.normal(size=(30, 3)), recent=12, **options)
    batch = world.rows.batch(np.arange(len(world.rows)))
    asked = np.sort(batch.targets[batch.targets >= 0].numpy())
    assert list(asked) == sorted([*range(19, 30), *range(1, 5)])


def test_decoding_times_have_one_entry_for_each_turn():
    world = ring(n_users=20)
    model = identifiers.token_sequence(world, DESIGN, rng=np.random.default_rng(0))
    states = model.last_states(world.split.seen)
    for width in (None, 5):
        seconds = identifiers.decode_seconds(model, states, width=width, k=5, repeats=3)
        assert seconds.shape == (3,) and (seconds >= 0).all()


def test_bad_input_is_refused():
    world, rng = ring(n_users=20), np.random.default_rng(0)
    options = {"max_length": 4, "n_letters": 4, "n_levels": 1, "rng": rng}
    with pytest.raises(ValueError, match="content must have one row for each of 80 items, got 79"):
        World.of(world.split, world.content[:-1], recent=4, **options)
    with pytest.raises(ValueError, match="recent must be at least 2, got 1"):
        World.of(world.split, world.content, recent=1, **options)
    with pytest.raises(ValueError, match="n_content must leave at least one token, got 0"):
        identifiers.token_set(world, DESIGN, n_content=0, rng=rng)
