"""One set of playlists, cut for training and test, and everything that answers its prompts."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from scipy import sparse

from paperlab.methods.foundations import ranking
from paperlab.methods.recommenders.code_tokens import CodeTokens
from paperlab.methods.recommenders.playlists import Playlists, split_playlists
from paperlab.methods.recommenders.prompt_models import (
    BiEncoder,
    PieceReader,
    PromptModel,
    RecurrentDecoder,
    VectorReader,
)
from paperlab.methods.recommenders.prompt_text import LetterGroups, Pieces, bm25, letter_groups
from paperlab.methods.recommenders.sequence_fit import Pairs, Training, fit

READERS = ("vector", "transformer")
POWERS = (2, 4, 8, 16)


@dataclass(frozen=True)
class Task:
    """Playlists in three parts, and their prompts as vectors.

    Attributes
    ----------
    train, valid, test : Playlists
        With the same prompts and items.
    groups : LetterGroups
        Fitted on the prompts of the training.
    vectors : Tensor, shape (n_prompts, dim)
    source, item : ndarray of int, shape (n_pairs,)
        Prompt and item of the pairs that are trained on.
    """

    train: Playlists = field(repr=False)
    valid: Playlists = field(repr=False)
    test: Playlists = field(repr=False)
    groups: LetterGroups = field(repr=False)
    vectors: torch.Tensor = field(repr=False)
    source: np.ndarray = field(repr=False)
    item: np.ndarray = field(repr=False)

    @property
    def texts(self):
        """Different prompts."""
        return self.train.texts

    @property
    def n_items(self):
        """Items of the catalogue."""
        return self.train.n_items

    def ask(self, answer, part=None):
        """Lists of items for the playlists of a part, default the test: ``answer(prompts)`` is asked once a prompt."""
        part = self.test if part is None else part
        prompts, where = np.unique(part.prompt, return_inverse=True)
        return answer(prompts)[where]

    def hits(self, top, part=None):
        """Whether any of the items recommended is on the list, shape (n_playlists,), default on the test."""
        lists = (self.test if part is None else part).lists
        return ranking.judge(top, lists.indptr, lists.items).hit


def prepare(playlists, *, by, dim, n_pairs, n_test, n_valid=200, share=0.2, rng):
    """Cut playlists and fit the vectors of prompts.

    Parameters
    ----------
    playlists : Playlists
    by : {"playlist", "person", "prompt"}
        What is held out, see `split_playlists`.
    dim : int
        Numbers of a prompt's vector.
    n_pairs : int
        Pairs of prompt and item that are trained on, at most, drawn by lot. Counts and item vectors use all lists of
        the training.
    n_test, n_valid : int
        Lists of the test, at most, and of validation; together at most what is held out.
    share : float
        Held out.
    rng : numpy.random.Generator

    Returns
    -------
    Task

    Raises
    ------
    ValueError
        If nothing is left for the test.
    """
    chosen, held_out = split_playlists(playlists, by=by, share=share, rng=rng)
    held_out = rng.permutation(held_out)
    if not 0 < n_valid < len(held_out):
        raise ValueError(f"n_valid must lie in 1 to the {len(held_out)} lists held out less one, got {n_valid}")
    if n_test < 1 or n_pairs < 1:
        raise ValueError(f"n_test and n_pairs must be at least 1, got {n_test} and {n_pairs}")
    train = playlists.take(chosen)
    groups = letter_groups(playlists.texts[np.unique(train.prompt)], dim=dim, rng=rng)
    pairs = rng.permutation(len(train.lists.items))[:n_pairs]
    return Task(
        train,
        playlists.take(held_out[:n_valid]),
        playlists.take(held_out[n_valid : n_valid + n_test]),
        groups,
        torch.from_numpy(groups.vectors(playlists.texts)),
        train.prompt[train.lists.users[pairs]],
        train.lists.items[pairs],
    )


def name_vectors(task, *, dim, rng):
    """Vectors of the items' names, float32 of shape (n_items, dim), or less where there are few names.

    The groups of letters are those of the names: groups of the prompts would leave out what no prompt says.
    """
    names = task.train.names
    return letter_groups(names, dim=min(dim, len(np.unique(names)) - 1), rng=rng).vectors(names)


def popular(task, k):
    """The k items on most training lists, for every playlist of the test, shape (n_playlists, k)."""
    best = np.argsort(-task.train.lists.counts, kind="stable")[:k]
    return np.tile(best, (len(task.test), 1))


def _best(scores, task, k):
    """Best k of scores (n, n_items); equal ones, such as zeros where no word is known, by popularity."""
    order = np.argsort(-task.train.lists.counts, kind="stable")
    found = ranking.top_k(lambda start, stop: scores[start:stop, order], *scores.shape, k)
    return np.where(found < 0, -1, order[found])


def sparse_retrieval(task, k, *, prompts=False):
    """Items whose names share rare words with the prompt (BM25), shape (n_playlists, k).

    Parameters
    ----------
    task : Task
    k : int
    prompts : bool
        Whether the prompts of an item's training lists stand beside its name.
    """
    documents = list(task.train.names)
    if prompts:
        texts = task.texts[task.train.prompt[task.train.lists.users]]
        for item, text in zip(task.train.lists.items, texts, strict=True):
            documents[item] += " " + text
    found = bm25(documents)
    return task.ask(lambda asked: _best(found.scores(list(task.texts[asked])), task, k))


def look_up(task, k, *, powers=POWERS):
    """Items counted over the training lists, each weighted by how similar its prompt is, shape (n_playlists, k).

    Parameters
    ----------
    task : Task
    k : int
    powers : sequence of float
        Powers of the similarity (cosine of weighted groups of letters) to choose from, on validation.
    """
    counts = task.groups.counts(task.texts)
    held = task.train.lists.matrix(np.float64)
    lists = sparse.csr_matrix(
        (np.ones(len(task.train)), (task.train.prompt, np.arange(len(task.train)))), (len(task.texts), len(task.train))
    )
    by_prompt = (lists @ held).tocsr()

    def answer(prompts, power):
        similar = (counts[prompts] @ counts.T).tocsr()
        similar.data **= power
        return _best((similar @ by_prompt).toarray(), task, k)

    def worth(power):
        top = task.ask(lambda prompts: answer(prompts, power), task.valid)
        return task.hits(top, task.valid).mean()

    power = max(powers, key=worth)
    return task.ask(lambda prompts: answer(prompts, power))


@dataclass(frozen=True)
class Speller:
    """A trained model that spells identifiers.

    Attributes
    ----------
    model : PromptModel
    features : Tensor
        Prompts as the model reads them.
    training : Training
    """

    model: PromptModel = field(repr=False)
    features: torch.Tensor = field(repr=False)
    training: Training = field(repr=False)

    def recommend(self, task, k, *, width=20, part=None, **search):
        """Best items for the playlists of a part, default the test, shape (n_playlists, k)."""
        return task.ask(lambda asked: self.model.recommend(self.features[asked], k, width=width, **search), part)


def train_speller(  # noqa: PLR0913 - the settings of one model
    task, codes, *, dim=64, shared=False, reader="vector", epochs, every, learning_rate=3e-3, batch_size=256, rng
):
    """Train a model to spell the codes of the items that a prompt asks for.

    Parameters
    ----------
    task : Task
    codes : ndarray of int, shape (n_items, n_levels)
    dim : int
        Width of state and letters.
    shared : bool
        Whether a letter is the same at every place, as in words.
    reader : {"vector", "transformer"}
        Vectors of groups of letters, or pieces of words in order.
    epochs, every : int
        Passes over the pairs; passes between two looks at the validation lists, which choose nothing.
    learning_rate : float
    batch_size : int
    rng : numpy.random.Generator

    Returns
    -------
    Speller

    Raises
    ------
    ValueError
        If the reader is unknown.
    """
    if reader not in READERS:
        raise ValueError(f"reader must be one of {', '.join(READERS)}, got {reader!r}")
    tokens = CodeTokens(codes, dim, sizes=np.maximum(codes.max(0) + 1, 2), shared=shared, rng=rng)
    if reader == "vector":
        features, reads = task.vectors, VectorReader(task.vectors.shape[1], dim, rng=rng)
    else:
        pieces = Pieces.of(task.texts[np.unique(task.train.prompt)], n_words=500)
        features = torch.from_numpy(pieces.codes(task.texts, max_length=12))
        reads = PieceReader(len(pieces), dim, features.shape[1], rng=rng)
    model = PromptModel(reads, RecurrentDecoder(tokens, rng=rng), rng=rng)

    def judge(model):
        top = task.ask(lambda asked: model.recommend(features[asked], 10, width=10), task.valid)
        return task.hits(top, task.valid).mean()

    course = {"epochs": epochs, "every": every, "learning_rate": learning_rate, "batch_size": batch_size}
    training = _fit_to_the_end(model, Pairs(features, task.source, task.item), judge, rng=rng, **course)
    return Speller(model, features, training)


def _fit_to_the_end(model, pairs, judge, **course):
    """Train and keep the weights of the last pass: the best of few looks at few lists is chosen by chance."""
    last = []

    def look(model):
        last[:] = [part.detach().clone() for part in model.parameters()]
        return judge(model)

    training = fit(model, pairs, judge=look, **course)
    with torch.no_grad():
        for part, kept in zip(model.parameters(), last, strict=True):
            part.copy_(kept)
    return replace(training, epoch=training.looks[-1].epoch, value=training.looks[-1].value)


def dense_retrieval(task, k, *, dim=64, epochs, every, learning_rate=3e-3, batch_size=256, rng):
    """Items whose names lie near the prompt, after training of both readers (bi-encoder), shape (n_playlists, k)."""
    names = name_vectors(task, dim=task.vectors.shape[1], rng=rng)
    readers = (VectorReader(part.shape[1], dim, rng=rng) for part in (task.vectors, names))
    model = BiEncoder(*readers, names, rng=rng)

    def answer(prompts):
        return model.recommend(task.vectors[prompts], k)

    def judge(_):
        return task.hits(task.ask(answer, task.valid), task.valid).mean()

    course = {"epochs": epochs, "every": every, "learning_rate": learning_rate, "batch_size": batch_size}
    _fit_to_the_end(model, Pairs(task.vectors, task.source, task.item), judge, rng=rng, **course)
    return task.ask(answer)
