"""Stacked denoisers and their training: members do not mix, Adam, closed forms that a model must reach."""

import numpy as np
import pytest
import torch
from paperlab.methods.diffusion import copies, noise, optimum, training
from paperlab.methods.diffusion.denoisers import StackedDenoiser
from paperlab.methods.diffusion.training import Schedule, fit, sample
from paperlab.methods.foundations.nets import AdamW


def rng(seed=0):
    return np.random.default_rng(seed)


def small(seeds=(1, 2), **more):
    return StackedDenoiser(6, seeds, **({"n_labels": 4, "width": 16, "depth": 1} | more))


def test_an_untrained_model_returns_the_skip():
    z, sigma = torch.randn(5, 6, generator=torch.Generator().manual_seed(0)), torch.full((5,), 0.7)
    c = noise.preconditioning(sigma)
    torch.testing.assert_close(small()(z, sigma, torch.zeros(2, 5, dtype=torch.long))[0], c.c_skip[:, None] * z)


def test_members_do_not_depend_on_their_neighbours():
    images, labels = rng().uniform(-1, 1, (8, 6)), rng(1).integers(4, size=(3, 8))
    schedule = Schedule(40, 8)
    together, alone = small((5, 6, 7)), small((6,))
    losses = fit(together, images, labels, schedule, rng=rng(2)).losses
    other = fit(alone, images, labels[1:2], schedule, rng=rng(2)).losses
    np.testing.assert_allclose(losses[:, 1], other[:, 0], rtol=1e-4)
    ours, theirs = sample(together, labels, rng=rng(3))[1], sample(alone, labels[1:2], rng=rng(3))[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_a_stack_equals_modules_of_torch():
    """One residual block written with torch's own layers and the same weights."""
    model = small((3,), depth=1)
    with torch.no_grad():
        model.leave.normal_(generator=torch.Generator().manual_seed(1))
    z, sigma, label = torch.rand(4, 6), torch.rand(4) + 0.1, torch.tensor([[0, 3, 1, 2]])
    c = noise.preconditioning(sigma)
    linear = torch.nn.functional.linear
    angle = c.c_noise[:, None] * model.frequencies
    h = torch.cat((c.c_in[:, None] * z, angle.sin(), angle.cos()), 1)
    h = linear(h, model.enter[0].T, model.enter_bias[0, 0]) + model.label_table[0, label[0]]
    norm = torch.nn.LayerNorm(16, elementwise_affine=False)
    inner = torch.nn.functional.silu(linear(norm(h), model.blocks[0][0].T, model.biases[0][0, 0]))
    h = h + linear(inner, model.blocks[1][0].T, model.biases[1][0, 0])
    found = c.c_skip[:, None] * z + c.c_out[:, None] * linear(norm(h), model.leave[0].T, model.leave_bias[0, 0])
    torch.testing.assert_close(model(z, sigma, label)[0], found, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_the_fused_adam_equals_the_books(weight_decay):
    ours, theirs = (torch.nn.Parameter(torch.tensor([[3.0, -2.0, 0.5]])) for _ in range(2))
    one, other = training._Adam([ours], weight_decay), AdamW([theirs], learning_rate=0.1, weight_decay=weight_decay)
    for _ in range(30):
        for point in (ours, theirs):
            point.grad = None
            ((point - 1) ** 4).sum().backward()
        one.step(0.1)
        other.step()
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_one_image_is_learned_whatever_the_noise():
    image = rng().uniform(-1, 1, (1, 6))
    model = small((1,), width=32)
    fit(model, image, [[0]], Schedule(40_000, 64), rng=rng(1))
    found = sample(model, [[0] * 20], rng=rng(2))[0]
    np.testing.assert_allclose(found, np.tile(image, (20, 1)), atol=0.15)


def test_few_images_are_copied_and_the_optimum_is_near():
    """With four images, long training and room, a model reaches the closed form."""
    images = rng(4).uniform(-1, 1, (4, 6))
    model = small((1,), width=48)
    fit(model, images, [[0] * 4], Schedule(30_000, 64), rng=rng(1))
    assert copies.two_nearest(sample(model, [[0] * 300], rng=rng(2))[0], images).share() > 0.8
    z = images[rng(3).integers(4, size=400)] + 0.5 * rng(5).standard_normal((400, 6))
    with torch.no_grad():
        found = model(torch.as_tensor(z, dtype=torch.float32), torch.full((400,), 0.5), torch.zeros(1, 400).long())[0]
    best = optimum.denoise(z, 0.5, images)
    assert np.mean((found.numpy() - best) ** 2) < 0.15 * np.mean((z - best) ** 2)


def test_equal_epochs_not_equal_steps():
    schedule = Schedule(epochs=100, batch_size=16)
    assert [schedule.n_steps(n) for n in (8, 16, 160)] == [50, 100, 1000]


def test_every_image_is_seen_equally_often():
    batches = training._order(10, 4, torch.Generator().manual_seed(1))
    seen = torch.bincount(torch.cat([next(batches) for _ in range(50)]), minlength=10)
    assert (seen == 20).all()


def test_rate_rises_and_falls_to_nothing():
    rates = [Schedule(1, learning_rate=1.0).rate(step, 1000) for step in range(1000)]
    assert max(rates) > 0.99 > 0.06 > rates[0]
    assert rates[-1] < 1e-5


def test_snapshots_stand_at_even_pauses_and_the_average_is_seen():
    images = rng().uniform(-1, 1, (8, 6))
    weights = []
    model = small((1,))

    def watch(seen):
        weights.append(seen.enter.detach().clone())
        return len(weights)

    schedule = Schedule(40, 8, half_life=5)
    found = fit(model, images, np.zeros((1, 8)), schedule, rng=rng(1), n_snapshots=4, watch=watch)
    assert [(s.step, s.epoch, s.found) for s in found.snapshots] == [(10, 10, 1), (20, 20, 2), (30, 30, 3), (40, 40, 4)]
    torch.testing.assert_close(model.enter.detach(), weights[-1])
    plain = small((1,))
    fit(plain, images, np.zeros((1, 8)), Schedule(40, 8), rng=rng(1))
    assert (plain.enter - model.enter).abs().max() > 1e-4


def test_a_label_of_its_own_is_used():
    """Labels that name the image give each image back; the same labels without meaning cannot."""
    images = rng(6).uniform(-1, 1, (4, 6))
    labels = np.array([[0, 1, 2, 3], [0, 0, 0, 0]])
    model = small((1, 1), width=32)
    fit(model, images, labels, Schedule(8000, 64), rng=rng(1))
    drawn = sample(model, np.stack((np.arange(400) % 4, np.zeros(400))), rng=rng(2))
    right = copies.two_nearest(drawn, images).index[..., 0] == np.arange(400) % 4
    assert right[0].mean() > 0.95
    assert right[1].mean() < 0.4


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: small(()), "seeds"),
        (lambda: small(width=0), "width"),
        (lambda: Schedule(0), "epochs"),
        (lambda: Schedule(1, weight_decay=-1.0), "weight_decay"),
        (lambda: fit(small(), np.zeros((3, 6)), np.zeros((1, 3)), Schedule(1), rng=rng()), "labels must have shape"),
        (lambda: fit(small(), np.zeros((3, 6)), np.full((2, 3), 4), Schedule(1), rng=rng()), "labels must lie in"),
        (lambda: fit(small(), np.zeros(6), np.zeros((2, 6)), Schedule(1), rng=rng()), "images must have shape"),
        (lambda: fit(small(), np.full((3, 6), np.nan), np.zeros((2, 3)), Schedule(1), rng=rng()), "images is nan"),
    ],
)
def test_bad_values_are_named(call, named):
    with pytest.raises(ValueError, match=named):
        call()


def test_a_loss_that_explodes_is_named():
    with pytest.raises(FloatingPointError, match="learning_rate"):
        fit(small(), np.full((3, 6), 1e30), np.zeros((2, 3)), Schedule(20, 4), rng=rng())
