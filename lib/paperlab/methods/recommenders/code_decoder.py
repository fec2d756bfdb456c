"""Decoders that spell the code of an item: exact scores of a catalogue, and beam search along its trie."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from paperlab.methods.recommenders.code_trie import expand, unfold
from paperlab.methods.recommenders.sequence_layers import Seeded, evaluating
from paperlab.methods.recommenders.softmax_losses import check_targets, full_softmax, sampled_softmax

HELD = 1 << 18  # numbers in a block of hidden units
BEAMS = 1 << 23  # scores of letters held at once


@dataclass(frozen=True)
class Found:
    """Lists of items.

    Attributes
    ----------
    items : ndarray of int, shape (n, k)
        Best first; -1 where the search found no more.
    scores : ndarray, shape (n, k)
        Log probabilities of their codes.
    """

    items: np.ndarray = field(repr=False)
    scores: np.ndarray = field(repr=False)


class CodeDecoder(Seeded):
    """What decoders share; a kind says how probable each letter is after a node of the trie."""

    def __init__(self, tokens, *, dropout, rng):
        super().__init__(dropout, rng=rng)
        self.tokens = tokens

    def search(self, states, *, width, k=None, n_groups=1, diversity=0.0, barred=None):
        """Beam search over the codes of the catalogue, for all rows at once.

        Parameters
        ----------
        states : Tensor, shape (n, n_tokens, d)
        width : int
            Beams, at most as many as there are codes.
        k : int, optional
            Length of the lists; default the width.
        n_groups : int
            Groups of beams, a divisor of the width, that search one after the other.
        diversity : float
            What a letter loses for every earlier group's beam that has taken it at this step (Vijayakumar et al. 2018);
            used to choose, not in the scores.
        barred : (indptr, items), optional
            Items that a row cannot get, dropped after the search: choose a width that leaves enough.

        Returns
        -------
        Found
            Items of one code stand together in their order, with one score.

        Raises
        ------
        ValueError
            If the width exceeds the number of codes or is no multiple of ``n_groups``, or ``diversity`` is negative.
        """
        trie, n = self.tokens.trie, len(states)
        k = width if k is None else k
        if not 1 <= width <= trie.n_leaves:
            raise ValueError(f"width must lie in 1 to the number of codes, {trie.n_leaves}, got {width}")
        if n_groups < 1 or width % n_groups:
            raise ValueError(f"n_groups must divide the width {width}, got {n_groups}")
        if not diversity >= 0:
            raise ValueError(f"diversity must not be negative, got {diversity}; 0 is none")
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        indptr, items = (np.zeros(n + 1, np.int64), np.empty(0, np.int64)) if barred is None else barred
        if len(indptr) != n + 1:
            raise ValueError(f"barred must have {n} rows, got {len(indptr) - 1}")
        found, scores = np.empty((n, k), np.int64), np.empty((n, k))
        step = max(1, BEAMS // (width * max(self.tokens.sizes)))
        with evaluating(self):
            prepared = self.prepare()
            for start in range(0, n, step):
                part = slice(start, min(start + step, n))
                total, leaves = self._walk(states[part], prepared, width, n_groups, float(diversity))
                order = np.argsort(-total, axis=1, kind="stable")
                total, leaves = (np.take_along_axis(each, order, 1) for each in (total, leaves))
                rows = indptr[part.start : part.stop + 1]
                unfold(total, leaves, trie.item_indptr, trie.items, rows, items, found[part], scores[part])
        return Found(found, scores)

    def _walk(self, states, prepared, width, n_groups, diversity):
        trie, n = self.tokens.trie, len(states)
        context = self.contexts(states)
        total, nodes = np.zeros((n, n_groups)), np.zeros((n, n_groups), np.int64)
        for level in range(trie.n_levels):
            held = nodes >= 0
            held[held] = trie.growing[level][nodes[held]]
            user, beam = np.nonzero(held)
            at = torch.from_numpy(user), torch.from_numpy(nodes[user, beam])
            letters = torch.log_softmax(self.logits(context, prepared, level, *at), 1).numpy()
            new, new_nodes = np.empty((n, width)), np.empty((n, width), np.int64)
            tree = trie.indptr[level], trie.letters[level], trie.growing[level]
            expand(total, nodes, letters, *tree, diversity, n_groups, new, new_nodes)
            total, nodes = new, new_nodes
        return total, nodes

    def greedy(self, states, *, end=None):
        """Most probable letters one after another, whether an item has them or not, shape (n, n_levels).

        Parameters
        ----------
        states : Tensor, shape (n, n_tokens, d)
        end : int, optional
            Letter that ends a code; what follows is -1.
        """
        raise NotImplementedError


class SlotDecoder(CodeDecoder):
    """Letter l of a code from the state and the letters before it, by a network of two layers.

    Parameters
    ----------
    tokens : CodeTokens
        Its vectors are the weights of the output too.
    hidden : int, optional
        Width of the hidden layer; default twice that of the vectors.
    n_negatives : int, optional
        Levels with more letters are trained with so many shared negatives, drawn uniformly; default none is.
    dropout : float
    rng : numpy.random.Generator

    Notes
    -----
    ``P(z | h) = prod_l P(z_l | h, z_<l)``, logits ``E_l (W_2 relu(W_h h + W_p sum_{m<l} E_m[z_m] + b_l) + b)``. The
    hidden layer is a sum of what the state and what the node of the trie gives, so that a catalogue is scored exactly
    with one product per pair of state and node.
    """

    def __init__(self, tokens, *, hidden=None, n_negatives=None, dropout=0.0, rng):
        super().__init__(tokens, dropout=dropout, rng=rng)
        dim, hidden = tokens.dim, 2 * tokens.dim if hidden is None else hidden
        if hidden < 1 or (n_negatives is not None and n_negatives < 1):
            raise ValueError(f"hidden and n_negatives must be at least 1, got {hidden} and {n_negatives}")
        self.n_negatives = n_negatives
        self.from_state, self.from_prefix = self.linear(dim, hidden, False), self.linear(dim, hidden, False)
        with torch.no_grad():  # letters have length one, states that of the square root of their width
            self.from_prefix.weight.mul_(dim**0.5)
        self.bias = nn.Parameter(torch.zeros(len(tokens.sizes), hidden))
        self.out = self.linear(hidden, dim)

    def follow(self, prefix, letters):
        """What stands for the letters so far (n, d), one letter (n, d) later: their sum."""
        return prefix + letters

    def prefixes(self, letters):
        """What stands for the letters before each of a code's (n, n_levels, d), of the same shape."""
        return torch.cumsum(letters, 1) - letters

    def loss(self, states, targets):
        """Mean of ``-log P(code of the target | state)`` for states (n, n_tokens, d) and targets (n,)."""
        check_targets(targets, len(states), self.tokens.n_items)
        codes = self.tokens.codes[targets]
        prefix = self.prefixes(self.tokens.embed(codes))
        inner = self.from_state(states.mean(1))[:, None] + self.from_prefix(prefix) + self.bias
        out = self.out(self.drop(functional.relu(inner)))
        total = 0.0
        for level in range(codes.shape[1]):
            asked = codes[:, level] >= 0
            if bool(asked.any()):
                part, code = out[asked, level], codes[asked, level]
                total = total + self._letter_loss(part, level, code) * (len(part) / len(out))
        return total

    def _letter_loss(self, out, level, code):
        letters = self.tokens.letters(level)
        n, size = self.n_negatives, len(letters)
        if n is None or size <= n:
            return full_softmax(out, letters, code)
        drawn = torch.randint(size, (n,), generator=self.draws)
        log_expected = torch.full((n,), float(np.log(n / size)), dtype=out.dtype)
        return sampled_softmax(out, letters[code], letters[drawn], code, drawn, log_expected)

    def contexts(self, states):
        """What the states give to the hidden layer, shape (n, hidden)."""
        return self.from_state(states.mean(1))

    def prepare(self):
        """What every node of the trie gives to the hidden layer, one tensor (n_nodes, hidden) for each level."""
        trie, tokens = self.tokens.trie, self.tokens
        prefix, found = tokens.weight.new_zeros(1, tokens.dim), []
        for level in range(trie.n_levels):
            found.append(self.from_prefix(prefix) + self.bias[level])
            letter = torch.from_numpy(trie.letters[level])
            step = tokens.letters(level)[letter.clamp(min=0)] * (letter >= 0)[:, None]
            step = step * tokens.scale[level] if tokens.shared else step
            prefix = self.follow(prefix[torch.from_numpy(trie.parents[level])], step)
        return found

    def logits(self, context, prepared, level, rows, nodes):
        """Scores of the letters that follow ``nodes`` for ``rows``, shape (n, sizes[level])."""
        return self._letters(functional.relu(context[rows] + prepared[level][nodes]), level)

    def _letters(self, inner, level):
        letters = self.tokens.letters(level)
        size, dim = letters.shape
        if inner.shape[1] * size < (inner.shape[1] + size) * dim:  # both linear maps at once
            return torch.addmm(letters @ self.out.bias, inner, (letters @ self.out.weight).T)
        return self.out(inner) @ letters.T

    def scores(self, states):
        """Log probability of every item's code, exactly, shape (n, n_items), for states (n, n_tokens, d)."""
        trie, prepared = self.tokens.trie, self.prepare()
        found, hidden = [], self.bias.shape[1]
        for part in self.contexts(states).split(128):
            total = part.new_zeros(len(part), 1)
            for level in range(trie.n_levels):
                parent = torch.from_numpy(trie.parents[level])
                new, letter = total[:, parent], trie.letters[level]
                nodes = np.flatnonzero(trie.growing[level])
                step = max(1, HELD // (len(part) * max(hidden, self.tokens.sizes[level])))
                for start in range(0, len(nodes), step):
                    some = nodes[start : start + step]
                    inner = (part[:, None] + prepared[level][torch.from_numpy(some)]).relu_()
                    logits = self._letters(inner.flatten(0, 1), level)
                    top = logits.amax(1, keepdim=True)
                    mass = ((logits - top).exp_().sum(1, keepdim=True).log() + top).view(len(part), -1)
                    first, last = trie.indptr[level][some[0]], trie.indptr[level][some[-1] + 1]
                    child = np.arange(first, last)[letter[first:last] >= 0]
                    at = torch.from_numpy(np.searchsorted(some, trie.parents[level][child]))
                    chosen = at * logits.shape[1] + torch.from_numpy(letter[child])
                    new[:, torch.from_numpy(child)] += logits.view(len(part), -1)[:, chosen] - mass[:, at]
                total = new
            found.append(total[:, torch.from_numpy(trie.leaf)])
        return torch.cat(found)

    def greedy(self, states, *, end=None):  # noqa: D102 - as above
        with evaluating(self):
            context, tokens = self.contexts(states), self.tokens
            codes = torch.full((len(states), len(tokens.sizes)), -1)
            open_ = torch.ones(len(states), dtype=torch.bool)
            prefix = tokens.weight.new_zeros(len(states), tokens.dim)
            for level in range(codes.shape[1]):
                inner = context + self.from_prefix(prefix) + self.bias[level]
                letter = self._letters(functional.relu(inner), level).argmax(1)
                codes[:, level] = torch.where(open_, letter, -1)
                prefix = self.follow(prefix, tokens.embed(codes)[:, level])
                if end is not None:
                    open_ = open_ & (letter != end)
        return codes.numpy()


class BlockDecoder(CodeDecoder):
    """All letters of the next item from one pass: token l of an item predicts letter l of the next (RecGPT).

    Parameters
    ----------
    tokens : CodeTokens
        With ``summed=False``; its vectors are the weights of the output too.
    rng : numpy.random.Generator

    Notes
    -----
    ``log P(z | h) = sum_l log softmax(E_l h_l)[z_l]``: letters are independent given the history, a trie only bars
    those codes that no item has.
    """

    def __init__(self, tokens, *, rng):
        super().__init__(tokens, dropout=0.0, rng=rng)
        if tokens.summed:
            raise ValueError("tokens must keep one token for each level, got summed=True; use summed=False")

    def loss(self, states, targets):
        """Mean cross-entropy of the letters of the targets (n,), for states (n, n_levels, d)."""
        check_targets(targets, len(states), self.tokens.n_items)
        codes = self.tokens.codes[targets]
        levels = range(codes.shape[1])
        each = [full_softmax(states[:, level], self.tokens.letters(level), codes[:, level]) for level in levels]
        return sum(each) / len(each)

    def contexts(self, states):
        """Scores of the letters of every level, a list of (n, sizes[level])."""
        return [states[:, level] @ self.tokens.letters(level).T for level in range(len(self.tokens.sizes))]

    def prepare(self):
        """Nothing: letters do not depend on those before."""

    def logits(self, context, prepared, level, rows, nodes):
        """Scores of the letters of a level for ``rows``, shape (n, sizes[level]), whatever the nodes."""
        return context[level][rows]

    def scores(self, states):
        """Log probability of every item's code, exactly, shape (n, n_items)."""
        codes = self.tokens.codes
        logs = (torch.log_softmax(each, 1) for each in self.contexts(states))
        return sum(log[:, codes[:, level]] for level, log in enumerate(logs))

    def greedy(self, states, *, end=None):  # noqa: D102 - as above
        with evaluating(self):
            codes = torch.stack([each.argmax(1) for each in self.contexts(states)], 1).numpy()
        if end is not None:
            after = np.cumsum(codes == end, axis=1) - (codes == end) > 0
            codes[after] = -1
        return codes
