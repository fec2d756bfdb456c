"""Items as sets of tokens: the order of tokens does not count, beta weighs both kinds, content reaches cold items."""

import numpy as np
import pytest
import torch
from paperlab.methods.recommenders.interactions import Interactions
from paperlab.methods.recommenders.item_sets import SetHead, SetTokens
from paperlab.methods.recommenders.sequence_fit import fit
from paperlab.methods.recommenders.sequence_layers import evaluating
from paperlab.methods.recommenders.sequence_model import SequenceModel, rank
from paperlab.methods.recommenders.sequence_rows import training_rows

N_ITEMS = 24


def parts(*, seed=0, mask="sparse", cold=(), n_content=3, **head):
    rng = np.random.default_rng(seed)
    content = rng.normal(size=(N_ITEMS, 10))
    collaborative = rng.normal(size=(N_ITEMS, 6))
    collaborative[list(cold)] = 0
    tokens = SetTokens(8, collaborative=collaborative, content=content, n_content=n_content, rng=rng)
    made = SequenceModel(tokens, SetHead(tokens, rng=rng, **head), max_length=6, mask=mask, dropout=0.0, rng=rng)
    return made, tokens


class Shuffled(torch.nn.Module):
    """Tokens in another order, for what looks back."""

    def __init__(self, tokens, order):
        super().__init__()
        self.tokens, self.order, self.dim, self.n_tokens = tokens, order, tokens.dim, tokens.n_tokens

    def forward(self, items):
        return self.tokens(items)[:, self.order]


@pytest.mark.parametrize(("mask", "matters"), [("sparse", False), ("causal", True), ("hybrid", True)])
def test_the_order_of_the_tokens_of_an_item_counts_unless_the_mask_is_sparse(mask, matters):
    made, tokens = parts(mask=mask)
    if made.slots is not None:
        with torch.no_grad():
            made.slots.normal_(generator=torch.Generator().manual_seed(0))
    table = Interactions(np.array([0, 4, 6]), np.array([3, 7, 1, 9, 2, 5]), N_ITEMS)
    scores = []
    for order in ([0, 1, 2, 3], [2, 0, 3, 1]):
        made.tokens = Shuffled(tokens, order)
        with evaluating(made):
            scores.append(made.head.scores(made.last_states(table)))
    gap = float((scores[0] - scores[1]).abs().max())
    assert gap > 1e-3 if matters else gap < 1e-4


def test_beta_weighs_the_two_kinds_of_tokens():
    made, tokens = parts()
    states = torch.randn(5, 4, 8, generator=torch.Generator().manual_seed(1))
    found = {}
    with evaluating(made):
        for beta in (0.0, 0.3, 1.0):
            made.head.beta = beta
            found[beta] = made.head.scores(states)
        answers, table = made.head.answers(states), tokens.table()
    assert (found[0.3] - (0.7 * found[0.0] + 0.3 * found[1.0])).abs().max() < 1e-4
    assert (found[0.0] - answers[:, 0] @ table[:, 0].T).abs().max() < 1e-5


def test_one_loss_for_each_token_and_the_error_of_the_reconstruction():
    made, tokens = parts()
    states, targets = torch.randn(7, 4, 8, generator=torch.Generator().manual_seed(2)), torch.arange(7)
    with torch.no_grad():
        answers, table = made.head.answers(states), tokens.table()
        each = [torch.nn.functional.cross_entropy(answers[:, k] @ table[:, k].T, targets) for k in range(4)]
        assert made.head.loss(states, targets).item() == pytest.approx(float(sum(each)) / 4, rel=1e-5)
        whole = tokens.penalty(torch.arange(N_ITEMS)).item()
        tokens.alpha *= 2
        assert tokens.penalty(torch.arange(N_ITEMS)).item() == pytest.approx(2 * whole)


def test_the_auto_encoder_learns_its_input():
    """With as many numbers as it has to tell, nothing need be lost."""
    made, tokens = parts()
    before = tokens.penalty(torch.arange(N_ITEMS)).item()
    optimiser = torch.optim.Adam(tokens.parameters(), lr=0.01)
    for _ in range(200):
        optimiser.zero_grad()
        loss = tokens.penalty(torch.arange(N_ITEMS))
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.05 * before


def test_without_queries_all_answers_are_one():
    made, _ = parts(queries=False)
    answers = made.head.answers(torch.randn(5, 4, 8, generator=torch.Generator().manual_seed(3)))
    assert (answers == answers[:, :1]).all()
    made, _ = parts()
    answers = made.head.answers(torch.randn(5, 4, 8, generator=torch.Generator().manual_seed(3)))
    assert (answers[:, 0] != answers[:, 1]).any()


def test_content_finds_items_that_nobody_has_had():
    """After an item comes one of the next of four groups; of a cold item only the content tells the group."""
    rng = np.random.default_rng(0)
    group = np.arange(80) % 4
    content = np.eye(4)[group] + rng.normal(0, 0.2, (80, 4))
    cold = np.arange(80) >= 60
    first = rng.integers(60, size=300)
    second = (4 * rng.integers(15, size=300)) + (group[first] + 1) % 4
    train = Interactions(np.arange(0, 601, 2), np.stack([first, second], 1).ravel(), 80)
    tokens = SetTokens(8, content=content, n_content=2, hidden=(), rng=rng)
    head = SetHead(tokens, allowed=~cold, rng=rng)
    model = SequenceModel(tokens, head, max_length=2, n_blocks=1, mask="sparse", dropout=0.0, rng=rng)
    fit(model, training_rows(train, 2), epochs=12, batch_size=50, learning_rate=0.01, rng=rng)
    table = Interactions(np.arange(61), np.arange(60), 80)
    wanted = Interactions(
        5 * np.arange(61), np.flatnonzero(cold[None] & (group == (group[:60, None] + 1) % 4)) % 80, 80
    )
    assert rank(model, table, wanted, k=1, allowed=cold).hit.mean() > 0.9  # one in four by chance


def test_bad_input_is_refused():
    rng = np.random.default_rng(0)
    good = np.ones((4, 2))
    for change, message in (
        ({}, "n_content must leave at least one token, got 0; or give collaborative vectors"),
        ({"content": good, "n_content": -1}, "n_content must leave at least one token, got -1"),
        ({"content": good * np.nan}, "content is nan in row 0"),
        ({"content": good, "collaborative": good[:3]}, r"must have the same items, got \[3, 4\]"),
        ({"content": good, "alpha": -1}, "alpha must not be negative, got -1"),
        ({"collaborative": good[0]}, "collaborative must have one row for each of two or more items"),
    ):
        with pytest.raises(ValueError, match=message):
            SetTokens(4, rng=rng, **change)
    with pytest.raises(ValueError, match=r"beta must lie in \[0, 1\], got 1.5"):
        parts(beta=1.5)
    made, _ = parts()
    made.head.beta = -0.1
    with pytest.raises(ValueError, match="beta must lie"):
        made.head.scores(torch.zeros(1, 4, 8))
