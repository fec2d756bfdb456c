"""Decoders of codes: probabilities that sum to one, a beam of full width is exact, transformers finds the same."""

import math

import numpy as np
import pytest
import torch
from paperlab.methods.recommenders.code_decoder import BlockDecoder, SlotDecoder
from paperlab.methods.recommenders.code_tokens import CodeTokens
from paperlab.methods.recommenders.sequence_fit import Pairs, fit
from torch import nn

ALL = np.stack(np.meshgrid(range(3), range(4), range(2), indexing="ij"), -1).reshape(-1, 3)  # every code there is
UNEQUAL = np.array([[2, 0, 1], [0, 1, -1], [2, 0, 0], [1, -1, -1], [0, 0, -1], [2, 1, 0], [0, 2, 1]])


def made(codes, *, kind=SlotDecoder, seed=0, dim=8, scale=3.0, **options):
    """A decoder and states; larger weights than at the start, so that probabilities differ."""
    rng = np.random.default_rng(seed)
    shape = {name: options.pop(name) for name in ("shared", "sizes", "extra") if name in options}
    tokens = CodeTokens(codes, dim, summed=kind is SlotDecoder, rng=rng, **shape)
    decoder = kind(tokens, rng=rng, **options)
    with torch.no_grad():
        tokens.weight.mul_(scale)
    states = torch.from_numpy(
        rng.normal(size=(6, 1 if kind is SlotDecoder else codes.shape[1], dim)).astype(np.float32)
    )
    return decoder, states


def by_hand(decoder, states):
    """Log probabilities of codes, letter by letter and item by item, as the definition says."""
    tokens = decoder.tokens
    found = torch.zeros(len(states), tokens.n_items)
    with torch.no_grad():
        for item, code in enumerate(tokens.codes):
            for level in range(len(code)):
                if code[level] < 0:
                    continue
                if isinstance(decoder, BlockDecoder):
                    out = states[:, level]
                else:
                    before = tokens.embed(code[None])[:, :level].sum(1)
                    inner = decoder.from_state(states.mean(1)) + decoder.from_prefix(before) + decoder.bias[level]
                    out = decoder.out(torch.relu(inner))
                logs = torch.log_softmax(out @ tokens.letters(level).T, 1)
                found[:, item] += logs[:, code[level]]
    return found


CASES = [
    pytest.param(ALL, {}, id="all codes"),
    pytest.param(UNEQUAL, {}, id="unequal lengths"),
    pytest.param(UNEQUAL, {"shared": True}, id="one alphabet"),
    pytest.param(ALL[::-3], {"kind": BlockDecoder}, id="block"),
    pytest.param(np.concatenate([ALL[:5], ALL[2:9]]), {"hidden": 3}, id="collisions"),
    pytest.param(np.arange(40)[::-1, None], {}, id="one letter each"),
]


@pytest.mark.parametrize(("codes", "options"), CASES)
def test_exact_scores_are_the_definition(codes, options, monkeypatch):
    monkeypatch.setattr("paperlab.methods.recommenders.code_decoder.HELD", 50)  # several blocks of nodes
    decoder, states = made(codes, **options)
    with torch.no_grad():
        assert (decoder.scores(states) - by_hand(decoder, states)).abs().max() < 1e-4


@pytest.mark.parametrize("kind", [SlotDecoder, BlockDecoder])
def test_when_every_code_is_an_item_probabilities_sum_to_one(kind):
    decoder, states = made(ALL, kind=kind)
    with torch.no_grad():
        assert decoder.scores(states).exp().sum(1).numpy() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("codes", "options"), CASES)
def test_the_loss_is_the_mean_of_what_the_codes_cost(codes, options):
    decoder, states = made(codes, **options)
    targets = torch.arange(6) % len(codes)
    share = codes.shape[1] if isinstance(decoder, BlockDecoder) else 1
    wanted = -by_hand(decoder, states)[torch.arange(6), targets].mean() / share
    assert decoder.loss(states, targets).item() == pytest.approx(wanted.item(), abs=1e-4)


@pytest.mark.parametrize(("codes", "options"), CASES)
def test_a_beam_as_wide_as_the_catalogue_is_exact(codes, options):
    decoder, states = made(codes, **options)
    width = decoder.tokens.trie.n_leaves
    found = decoder.search(states, width=width, k=len(codes))
    with torch.no_grad():
        scores = decoder.scores(states).numpy()
    assert found.scores == pytest.approx(-np.sort(-scores, axis=1), abs=1e-4)
    assert np.take_along_axis(scores, found.items, 1) == pytest.approx(found.scores, abs=1e-4)
    assert (np.sort(found.items, 1) == np.arange(len(codes))).all()


def test_a_narrow_beam_finds_items_only_and_wider_ones_find_better_ones():
    codes = np.unique(np.random.default_rng(3).integers(6, size=(150, 4)), axis=0)
    decoder, states = made(codes, scale=6.0)
    best = decoder.scores(states).amax(1).detach().numpy()
    gaps = []
    for width in (1, 4, 40):
        found = decoder.search(states, width=width)
        assert (found.items >= 0).all() and all(len(set(row)) == width for row in found.items.tolist())
        gaps.append((best - found.scores[:, 0]).sum())
    assert gaps[0] > gaps[2] and gaps[2] < 1e-3


def test_a_greedy_code_may_be_no_item_and_the_trie_says_so():
    decoder, states = made(ALL[::2], scale=6.0, sizes=(3, 4, 2))
    codes = decoder.greedy(states)
    assert (decoder.tokens.trie.find(codes) < 0).any()
    everything, _ = made(ALL, scale=6.0)
    everything.load_state_dict(decoder.state_dict())
    leaf = everything.tokens.trie.find(everything.greedy(states))
    found = everything.search(states, width=1)
    assert (leaf >= 0).all() and (everything.tokens.trie.leaf[found.items[:, 0]] == leaf).all()


@pytest.mark.parametrize("kind", [SlotDecoder, BlockDecoder])
def test_a_greedy_code_ends_with_its_end_letter(kind):
    decoder, states = made(ALL, kind=kind)
    plain, ended = decoder.greedy(states), decoder.greedy(states, end=1)
    for one, other in zip(plain, ended, strict=True):
        stop = list(one).index(1) + 1 if 1 in one else 3
        assert (one[:stop] == other[:stop]).all() and (other[stop:] == -1).all()


def test_groups_that_may_not_repeat_letters_differ_and_without_a_penalty_they_agree():
    codes = np.unique(np.random.default_rng(4).integers(8, size=(120, 2)), axis=0)
    decoder, states = made(codes)
    first = lambda found: [len(set(codes[row, 0])) for row in found.items]  # noqa: E731 - different first letters
    plain, torn = (decoder.search(states, width=4, n_groups=4, diversity=each) for each in (0.0, 1e6))
    assert (plain.items[:, 1:] == -1).all()  # four times the same search
    assert first(torn) == [4] * 6
    one = decoder.search(states, width=1)
    assert (one.items[:, 0] == plain.items[:, 0]).all()
    scores = decoder.scores(states).detach().numpy()
    assert np.take_along_axis(scores, torn.items, 1) == pytest.approx(torn.scores, abs=1e-4)


def test_barred_items_are_passed_over_after_the_search():
    decoder, states = made(ALL)
    free = decoder.search(states, width=10)
    barred = np.arange(7) * 2, free.items[:, :2].ravel()
    found = decoder.search(states, width=10, barred=barred)
    assert (found.items[:, :8] == free.items[:, 2:]).all() and (found.items[:, 8:] == -1).all()


def test_in_one_alphabet_the_order_of_letters_counts():
    tokens = CodeTokens([[0, 1], [1, 0]], 8, shared=True, rng=np.random.default_rng(0))
    found = tokens(torch.arange(2))[:, 0]
    assert (found[0] - found[1]).abs().max() > 0.05


def test_a_new_catalogue_keeps_what_letters_have_learnt():
    decoder, states = made(ALL)
    with torch.no_grad():
        before = decoder.scores(states)
        decoder.tokens.set_catalogue(ALL[[5, 3, 8]])
        assert (decoder.scores(states) - before[:, [5, 3, 8]]).abs().max() < 1e-5


def test_sampled_letters_cost_about_what_all_do():
    codes = np.arange(2000)[:, None]
    decoder, states = made(codes, scale=1.0, dim=16)
    targets = torch.arange(6)
    full = decoder.loss(states, targets).item()
    decoder.n_negatives = 300
    losses = np.array([decoder.loss(states, targets).item() for _ in range(200)])
    assert abs(losses.mean() - full) < losses.std()


def test_prompts_learn_their_items():
    class Prompts(nn.Module):
        def __init__(self):
            super().__init__()
            self.decoder, _ = made(ALL, scale=1.0)

        def loss(self, batch):
            features, item = batch
            return self.decoder.loss(features[:, None], item)

    features = torch.randn(24, 8, generator=torch.Generator().manual_seed(0))
    model = Prompts()
    rng = np.random.default_rng(0)
    fit(model, Pairs(features, np.arange(24), np.arange(24)), epochs=60, batch_size=24, learning_rate=0.03, rng=rng)
    assert (model.decoder.search(features[:, None], width=3).items[:, 0] == np.arange(24)).mean() > 0.95


@pytest.mark.parametrize("width", [2, 5])
def test_transformers_finds_the_same_beams(width):
    generate = pytest.importorskip("generate_peer", exc_type=ImportError).generate
    codes = np.unique(np.random.default_rng(5).integers(5, size=(80, 3)), axis=0)
    decoder, states = made(codes)
    ours, (items, scores) = decoder.search(states, width=width), generate(decoder, states, width)
    assert (ours.items == items).all()
    assert ours.scores == pytest.approx(scores, abs=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 25}, "width must lie in 1 to the number of codes, 24, got 25"),
        ({"width": 0}, "width must lie in 1 to the number of codes, 24, got 0"),
        ({"width": 4, "n_groups": 3}, "n_groups must divide the width 4, got 3"),
        ({"width": 4, "diversity": -1.0}, "diversity must not be negative, got -1.0; 0 is none"),
        ({"width": 4, "k": 0}, "k must be at least 1, got 0"),
        ({"width": 4, "barred": (np.zeros(3, int), np.empty(0, int))}, "barred must have 6 rows, got 2"),
    ],
)
def test_bad_searches_are_refused(change, message):
    decoder, states = made(ALL)
    with pytest.raises(ValueError, match=message):
        decoder.search(states, **change)


def test_bad_codes_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="sizes must be at least 2, got 1 at level 1; drop a level of one letter"):
        CodeTokens([[0, 0], [1, 0]], 4, rng=rng)
    with pytest.raises(ValueError, match="sizes must name 2 levels"):
        CodeTokens([[0, 0], [1, 1]], 4, sizes=(2, 2, 2), rng=rng)
    with pytest.raises(ValueError, match=r"codes must have letters below \(2, 2\), got \(1, 2\)"):
        CodeTokens([[0, 2], [1, 0]], 4, sizes=(2, 2), rng=rng)
    with pytest.raises(ValueError, match=r"one length when summed is False, got .* of item 1"):
        CodeTokens([[0, 1], [1, -1]], 4, sizes=(2, 2), summed=False, rng=rng)
    with pytest.raises(ValueError, match="extra is nan in row 1"):
        CodeTokens([[0], [1]], 4, extra=[[[1.0]], [[math.nan]]], rng=rng)
    with pytest.raises(ValueError, match=r"extra must have shape \(2, 1, 1\)"):
        CodeTokens([[0], [1]], 4, extra=[[[1.0]]], rng=rng)
    tokens = CodeTokens([[0], [1]], 4, rng=rng)
    with pytest.raises(ValueError, match="extra must be given at the beginning and with every catalogue"):
        tokens.set_catalogue([[0], [1]], extra=[[[1.0]], [[2.0]]])
    with pytest.raises(ValueError, match="hidden and n_negatives must be at least 1, got 0"):
        SlotDecoder(tokens, hidden=0, rng=rng)
    with pytest.raises(ValueError, match="targets must lie in 0 to 1, got 2"):
        SlotDecoder(tokens, rng=rng).loss(torch.zeros(1, 1, 4), torch.tensor([2]))
