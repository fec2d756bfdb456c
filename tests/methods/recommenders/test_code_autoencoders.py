"""Learnt codes: a planted tree is found, resets fight collapse, the gradient passes, bad input is named."""

import numpy as np
import pytest
import torch
from paperlab.methods.recommenders.code_autoencoders import RQVAE, FSQCoder, fit_fsq, fit_rqvae
from paperlab.methods.recommenders.item_codes import cosine_by_prefix, level_perplexity

RNG = np.random.default_rng


def groups(n=400, *, n_groups=6, seed=0):
    rng = RNG(seed)
    group = rng.integers(n_groups, size=n)
    return rng.normal(size=(n_groups, 8))[group] + 0.1 * rng.normal(size=(n, 8)), group


def test_a_learnt_code_reads_groups_and_its_prefixes_say_how_alike_items_are():
    vectors, group = groups()
    found = fit_rqvae(vectors, size=8, n_levels=2, latent=6, epochs=40, rng=RNG(1))
    codes = found.encode(vectors)
    assert found.losses[-1] < 0.5 * found.losses[0]
    purity = sum(np.bincount(group[codes[:, 0] == letter]).max() for letter in np.unique(codes[:, 0])) / len(group)
    assert purity > 0.95
    cosine = cosine_by_prefix(codes, vectors)
    assert cosine[1] > cosine[0] + 0.3
    left = np.mean((vectors - found.model.decode(codes)) ** 2)
    assert left < 0.3 * vectors.var()


def test_unused_letters_are_put_where_items_are():
    """Books far from all points collapse to one letter unless they are reset."""
    vectors, _ = groups()
    used = {}
    for reset in (True, False):
        model = RQVAE(8, 8, size=16, n_levels=1, hidden=(), reset=reset, rng=RNG(0))
        with torch.no_grad():
            model.books += 30.0
        x = torch.from_numpy(vectors.astype(np.float32))
        model.train()
        model.loss((x, None))
        used[reset] = level_perplexity(model.encode(vectors))[0]
    assert used[False] < 3 < 8 < used[True]


def test_the_gradient_passes_the_rounding():
    vectors, _ = groups(50)
    x = torch.from_numpy(vectors.astype(np.float32))
    for model in (
        RQVAE(8, 4, size=4, n_levels=2, rng=RNG(0)),
        FSQCoder(8, n_chunks=2, levels=(5, 5), rng=RNG(0)),
    ):
        model.loss((x, None)).backward()
        first = next(iter(model.encoder if isinstance(model, RQVAE) else model.project))
        assert first.weight.grad.abs().sum() > 0


def test_finite_scalar_codes_keep_what_items_are_and_use_their_letters():
    vectors, group = groups()
    found = fit_fsq(vectors, n_chunks=2, levels=(4, 4), epochs=40, rng=RNG(0))
    codes = found.encode(vectors)
    assert codes.shape == (400, 2) and codes.max() < found.model.size == 16
    assert found.losses[-1] < 0.7 * found.losses[0]
    kinds, counts = np.unique(codes, axis=0, return_counts=True)
    assert len(kinds) < 120  # six groups, not four hundred items
    key = codes @ [16, 1]
    purity = sum(np.bincount(group[key == each]).max() for each in np.unique(key)) / len(group)
    assert purity > 0.9


def test_each_letter_depends_on_its_own_chunk():
    vectors, _ = groups(20)
    model = FSQCoder(8, n_chunks=2, levels=(5, 5), rng=RNG(0))
    changed = vectors.copy()
    changed[:, 4:] = -changed[:, 4:] + 3
    one, two = model.encode(vectors), model.encode(changed)
    assert (one[:, 0] == two[:, 0]).all() and (one[:, 1] != two[:, 1]).any()


def test_the_same_seed_gives_the_same_codes():
    vectors, _ = groups(100)
    one, two = (
        fit_rqvae(vectors, size=4, n_levels=2, latent=4, epochs=3, rng=RNG(4)).encode(vectors) for _ in range(2)
    )
    assert (one == two).all()


def test_a_peer_leaves_no_less_over():
    module = pytest.importorskip("vector_quantize_pytorch")
    vectors, _ = groups(600, n_groups=40)
    x = torch.from_numpy(vectors.astype(np.float32))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        peer = module.ResidualVQ(dim=8, num_quantizers=2, codebook_size=8, kmeans_init=True, threshold_ema_dead_code=2)
        for _ in range(30):
            peer(x[None])
        peer.eval()
        theirs = torch.mean((peer(x[None])[0][0] - x) ** 2).item()
    ours = fit_rqvae(vectors, size=8, n_levels=2, latent=8, hidden=(), epochs=120, learning_rate=1e-2, rng=RNG(0))
    left = np.mean((vectors - ours.model.decode(ours.encode(vectors))) ** 2)
    assert left < 1.3 * theirs


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit_rqvae([[1.0], [np.inf]], size=2, n_levels=1, rng=RNG(0)), "vectors is inf in row 1"),
        (lambda: fit_rqvae(np.eye(4), size=1, n_levels=1, rng=RNG(0)), "size must be at least 2, got 1"),
        (lambda: fit_rqvae(np.eye(4), size=2, n_levels=0, rng=RNG(0)), "n_levels must be at least 1, got 0"),
        (lambda: fit_rqvae(np.eye(4), size=2, n_levels=1, latent=0, rng=RNG(0)), "latent must be at least 1, got 0"),
        (lambda: fit_fsq(np.eye(4), n_chunks=3, levels=(5,), rng=RNG(0)), "n_chunks must divide the length 4, got 3"),
        (lambda: fit_fsq(np.eye(4), n_chunks=0, levels=(5,), rng=RNG(0)), "n_chunks must be at least 1, got 0"),
        (lambda: fit_fsq(np.eye(4), n_chunks=2, levels=(1,), rng=RNG(0)), "levels must be whole numbers from 3"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
