"""Readers and decoders of prompts: probabilities sum to one, padding changes nothing, a known mapping is learnt."""

import numpy as np
import pytest
import torch
from paperlab.methods.recommenders.code_tokens import CodeTokens
from paperlab.methods.recommenders.prompt_models import (
    BiEncoder,
    PieceReader,
    PromptModel,
    RecurrentDecoder,
    VectorReader,
)
from paperlab.methods.recommenders.sequence_fit import Pairs, fit

ALL = np.stack(np.meshgrid(range(3), range(4), range(3), indexing="ij"), -1).reshape(-1, 3)
UNEQUAL = np.array([[2, 1, 0], [1, 0, -1], [2, 2, 0], [3, 1, 0], [3, 0, -1]])


def decoder(codes, *, seed=0, dim=8, scale=3.0, **shape):
    rng = np.random.default_rng(seed)
    tokens = CodeTokens(codes, dim, rng=rng, **shape)
    made = RecurrentDecoder(tokens, rng=rng)
    with torch.no_grad():
        tokens.weight.mul_(scale)
    return made, torch.from_numpy(rng.normal(size=(5, 1, dim)).astype(np.float32))


def by_hand(made, states, code):
    """Log probability of a code, one letter after another."""
    tokens, total = made.tokens, torch.zeros(len(states))
    g, h = torch.zeros(len(states), tokens.dim), made.from_state(states[:, 0])
    for level, letter in enumerate(int(z) for z in code if z >= 0):
        inner = torch.relu(h + made.from_prefix(g) + made.bias[level])
        total += torch.log_softmax(made.out(inner) @ tokens.letters(level).T, 1)[:, letter]
        g = made.unit(made.tokens.embed(torch.tensor([list(code)]))[:, level].expand_as(g), g)
    return total


@pytest.mark.parametrize(("codes", "shape"), [(ALL, {}), (UNEQUAL, {"shared": True})])
def test_scores_and_loss_are_the_definition(codes, shape):
    made, states = decoder(codes, **shape)
    with torch.no_grad():
        expected = torch.stack([by_hand(made, states, code) for code in codes], 1)
        assert (made.scores(states) - expected).abs().max() < 1e-4
        targets = torch.arange(5) % len(codes)
        assert float(made.loss(states, targets)) == pytest.approx(-float(expected[range(5), targets].mean()), abs=1e-4)


def test_probabilities_of_all_codes_sum_to_one():
    made, states = decoder(ALL)
    with torch.no_grad():
        assert made.scores(states).exp().sum(1).numpy() == pytest.approx(1, abs=1e-5)


def test_the_order_of_letters_counts():
    """Sum over prefixes cannot tell AB from BA when letters are shared; the unit can."""
    made, states = decoder(np.array([[1, 2, 0], [2, 1, 0], [1, 1, 0], [0, -1, -1]]), shared=True)
    prefix = made.prefixes(made.tokens.embed(made.tokens.codes))
    assert (prefix[0, 2] - prefix[1, 2]).abs().max() > 1e-3
    with torch.no_grad():
        found = made.search(states, width=4)
        assert np.sort(found.items, 1).tolist() == [[0, 1, 2, 3]] * 5
        exact = torch.gather(made.scores(states), 1, torch.from_numpy(found.items)).numpy()
        assert found.scores == pytest.approx(exact, abs=1e-4)


def test_a_code_that_has_ended_goes_no_further():
    made, states = decoder(np.array([[1, 2, 0], [2, 0, -1], [0, -1, -1]]), shared=True)
    for code in made.write(states, 3, end=0).reshape(-1, 3):
        ended = np.flatnonzero(code == 0)
        assert not len(ended) or (code[ended[0] + 1 :] == -1).all()
    assert all(len({tuple(code) for code in row}) == 3 for row in made.write(states, 3, end=0))


def test_free_writing_gives_the_most_probable_sequences():
    """All of 3 + 3 x 3 + ... sequences by hand, without a trie; the widest beam finds the best of them."""
    made, states = decoder(UNEQUAL[:3], shared=True)
    sequences = (
        [(0, -1, -1)] + [(a, 0, -1) for a in (1, 2)] + [(a, b, c) for a in (1, 2) for b in (1, 2) for c in range(3)]
    )
    with torch.no_grad():
        scores = torch.stack([by_hand(made, states, code) for code in sequences], 1)
    sent = made.write(states, 3, end=0)
    for row in range(5):
        assert tuple(sent[row, 0]) == sequences[int(scores[row].argmax())]
    assert np.exp(scores.numpy()).sum(1) == pytest.approx(1, abs=1e-4)


def test_padding_and_other_prompts_do_not_change_a_state():
    reader = PieceReader(9, 8, 6, rng=np.random.default_rng(0))
    prompts = torch.tensor([[3, 1, 4, 1, 5], [2, 7, -1, -1, -1], [6, -1, -1, -1, -1]])
    together = reader(prompts)
    alone = torch.cat([reader(prompts[row : row + 1, : int((prompts[row] >= 0).sum())]) for row in range(3)])
    assert (together - alone).abs().max() < 1e-5
    swapped = reader(torch.tensor([[7, 2]]))
    assert (swapped[0] - together[1]).abs().max() > 1e-3  # the order of words counts


@pytest.mark.parametrize("kind", ["vector", "pieces"])
def test_a_known_mapping_is_learnt(kind):
    rng = np.random.default_rng(1)
    if kind == "vector":
        features, reader = torch.eye(6), VectorReader(6, 16, rng=rng)
    else:
        features = torch.tensor([[k, 6, -1] for k in range(6)])
        reader = PieceReader(7, 16, 3, rng=rng)
    codes = ALL[rng.permutation(len(ALL))[:6]]
    model = PromptModel(reader, RecurrentDecoder(CodeTokens(codes, 16, rng=rng), rng=rng), rng=rng)
    wanted = rng.permutation(6)
    data = Pairs(features, np.repeat(np.arange(6), 20), np.repeat(wanted, 20))
    fit(model, data, epochs=20, batch_size=30, learning_rate=0.01, rng=rng)
    assert model.recommend(features, 2, width=4)[:, 0].tolist() == wanted.tolist()
    assert model.recommend(features, 6, width=99).shape == (6, 6)


def test_dense_retrieval_learns_which_names_belong_to_a_prompt():
    rng = np.random.default_rng(2)
    names = rng.normal(size=(12, 5))
    model = BiEncoder(VectorReader(4, 8, rng=rng), VectorReader(5, 8, rng=rng), names, rng=rng)
    item = np.arange(12)
    data = Pairs(torch.eye(4), np.tile(item % 4, 20), np.tile(item, 20))
    fit(model, data, epochs=30, batch_size=40, learning_rate=0.01, rng=rng)
    assert (model.recommend(torch.eye(4), 3) % 4 == np.arange(4)[:, None]).all()


def test_bad_inputs_are_refused():
    made, states = decoder(ALL)
    with pytest.raises(ValueError, match="k must lie in 1 to 3"):
        made.write(states, 4, end=0)
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="n_heads divide dim"):
        PieceReader(5, 6, 4, n_heads=4, rng=rng)
    with pytest.raises(ValueError, match="n_features, dim and hidden"):
        VectorReader(0, 4, rng=rng)
    with pytest.raises(ValueError, match="temperature must be positive"):
        BiEncoder(VectorReader(2, 2, rng=rng), VectorReader(2, 2, rng=rng), np.eye(2), temperature=0, rng=rng)
