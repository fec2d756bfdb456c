"""A task of prompts whose answer is known: every method that reads prompts finds it, popularity does not."""

import numpy as np
import pytest
import torch
from paperlab.methods.recommenders import prompt_study
from paperlab.methods.recommenders.interactions import Interactions
from paperlab.methods.recommenders.playlists import Playlists

TAGS = ("slow", "loud", "happy", "jazz", "polka")


def rng(seed=0):
    return np.random.default_rng(seed)


def world(n=400, seed=1, names=None):
    """Five tags with eight items each; a prompt is a tag in one of four wordings."""
    draw = rng(seed)
    forms = ("{}", "some {} please", "very {} music", "{} songs")
    texts = np.array([form.format(tag) for tag in TAGS for form in forms])
    meaning = draw.integers(5, size=n)
    prompt = meaning * 4 + draw.integers(4, size=n)
    items = np.concatenate([draw.choice(8, 4, replace=False) + 8 * tag for tag in meaning])
    names = [f"{TAGS[k // 8]} band {k}" for k in range(40)] if names is None else names
    lists = Interactions.from_pairs(np.repeat(np.arange(n), 4), items, n_items=40)
    return Playlists(texts, prompt, meaning, np.arange(n) % 50, lists, np.array(names))


@pytest.fixture(scope="module")
def task():
    return prompt_study.prepare(world(), by="playlist", dim=8, n_pairs=5000, n_test=60, n_valid=15, rng=rng())


def of_its_tag(task, top):
    return np.mean(top // 8 == task.test.meaning[:, None])


def test_parts_share_no_list_and_pairs_are_those_of_the_training(task):
    assert len(task.train) + len(task.valid) + len(task.test) <= 400 and len(task.test) == 60
    assert len(task.source) == len(task.train.lists.items)
    told = set(zip(task.train.prompt[task.train.lists.users], task.train.lists.items, strict=True))
    assert set(zip(task.source, task.item, strict=True)) == told


@pytest.mark.parametrize(
    "answer",
    [
        lambda t: prompt_study.look_up(t, 8),
        lambda t: prompt_study.sparse_retrieval(t, 8),
        lambda t: prompt_study.sparse_retrieval(t, 8, prompts=True),
        lambda t: prompt_study.dense_retrieval(t, 8, epochs=15, every=5, dim=16, rng=rng(3)),
    ],
    ids=["look-up", "sparse", "sparse with prompts", "dense"],
)
def test_retrieval_finds_the_items_of_a_tag(task, answer):
    top = answer(task)
    assert of_its_tag(task, top) > 0.95 and task.hits(top).mean() == 1


def test_sparse_retrieval_needs_names_that_tell():
    silent = world(names=[f"band {k}" for k in range(40)])
    task = prompt_study.prepare(silent, by="playlist", dim=8, n_pairs=5000, n_test=60, n_valid=15, rng=rng())
    plain, helped = (prompt_study.sparse_retrieval(task, 8, prompts=more) for more in (False, True))
    assert np.array_equal(plain, prompt_study.popular(task, 8))  # no word is shared: what is popular
    assert of_its_tag(task, helped) > 0.95


def test_popularity_ignores_the_prompt(task):
    top = prompt_study.popular(task, 10)
    assert (top == top[0]).all()
    counts = task.train.lists.counts[top[0]]
    assert (np.diff(counts) <= 0).all() and counts[-1] >= np.sort(task.train.lists.counts)[-10]


@pytest.mark.parametrize("reader", ["vector", "transformer"])
def test_a_speller_finds_the_items_of_a_tag(task, reader):
    codes = np.stack([np.arange(40) // 8, np.arange(40) % 8], 1)
    course = {"epochs": 12, "every": 4, "dim": 16, "batch_size": 64, "learning_rate": 0.02}
    found = prompt_study.train_speller(task, codes, reader=reader, rng=rng(4), **course)
    top = found.recommend(task, 8, width=20)
    assert of_its_tag(task, top) > 0.95
    held = found.recommend(task, 10, width=10, part=task.valid)
    assert task.hits(held, task.valid).mean() == pytest.approx(found.training.looks[-1].value)


def test_how_often_one_looks_does_not_change_the_weights(task):
    codes = np.stack([np.arange(40) // 8, np.arange(40) % 8], 1)
    course = {"epochs": 6, "dim": 8, "batch_size": 32, "learning_rate": 0.02}
    found = [prompt_study.train_speller(task, codes, every=every, rng=rng(7), **course) for every in (1, 6)]
    often = [look.value for look in found[0].training.looks]
    assert often[-1] in often[:-1]  # an earlier look was as good, and would be kept if the best were
    for one, other in zip(*(each.model.parameters() for each in found), strict=True):
        assert torch.equal(one, other)


def test_names_are_told_apart_by_letters_that_no_prompt_has():
    names = [f"{'zq' if k % 2 else 'xv'} {k % 7}{k % 5}" for k in range(40)]
    task = prompt_study.prepare(
        world(names=names), by="playlist", dim=8, n_pairs=5000, n_test=60, n_valid=15, rng=rng()
    )
    found = prompt_study.name_vectors(task, dim=8, rng=rng(1))
    assert found.shape == (40, 8) and np.linalg.norm(found, axis=1).min() > 0
    near = found @ found.T
    same = np.arange(40)[:, None] % 2 == np.arange(40) % 2
    assert near[same].mean() > near[~same].mean() + 0.3


def test_the_same_seed_gives_the_same_model(task):
    codes = np.stack([np.arange(40) // 8, np.arange(40) % 8], 1)
    course = {"epochs": 2, "every": 1, "dim": 8}
    torch.manual_seed(0)
    first = prompt_study.train_speller(task, codes, rng=rng(5), **course)
    torch.manual_seed(1)  # what others draw is of no matter
    second = prompt_study.train_speller(task, codes, rng=rng(5), **course)
    for one, other in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_look_up_of_meanings_that_were_held_out_finds_little():
    task = prompt_study.prepare(world(), by="prompt", dim=6, n_pairs=5000, n_test=60, n_valid=15, share=0.2, rng=rng(2))
    assert not set(task.test.meaning) & set(task.train.meaning)
    assert task.hits(prompt_study.look_up(task, 8)).mean() == 0  # its items were on no list


def test_bad_inputs_are_refused(task):
    with pytest.raises(ValueError, match="n_valid must lie in 1 to"):
        prompt_study.prepare(world(), by="playlist", dim=8, n_pairs=9, n_test=9, n_valid=900, rng=rng())
    with pytest.raises(ValueError, match="n_test and n_pairs must be at least 1"):
        prompt_study.prepare(world(), by="playlist", dim=8, n_pairs=0, n_test=9, n_valid=9, rng=rng())
    with pytest.raises(ValueError, match="reader must be one of"):
        prompt_study.train_speller(task, np.zeros((40, 1), int), reader="eye", epochs=1, every=1, rng=rng())
