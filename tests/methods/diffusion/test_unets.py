"""The small U-Net: what a cut skip connection hides, what it can learn, and its errors."""

import numpy as np
import pytest
import torch
from paperlab.methods.diffusion.training import Schedule, fit, sample
from paperlab.methods.diffusion.unets import UNet


def network(skips=None, **more):
    model = UNet(8, 1, seed=1, channels=8, n_levels=2, skips=skips, **more)
    with torch.no_grad():
        model.leave.weight.normal_(generator=torch.Generator().manual_seed(2))
    return model


def detail(model):
    """Change of the output by a checkerboard that averaging 2 x 2 pixels removes, after the first block is bypassed."""
    rows = torch.arange(8)
    board = ((rows[:, None] + rows) % 2 * 2.0 - 1).reshape(1, 64)
    sigma, label = torch.zeros(1), torch.zeros(1, 1, dtype=torch.long)
    model.enter.weight.data.zero_()
    model.enter.weight.data[:, 0, 1, 1] = 1.0
    for parameter in (*model.down[0].second.parameters(),):
        parameter.data.zero_()
    return (model.network(board, sigma, label) - model.network(0 * board, sigma, label)).abs().max().item()


def test_without_the_upper_skip_fine_detail_is_lost():
    assert detail(network([4])) == pytest.approx(0, abs=1e-5)
    assert detail(network([8])) > 1e-2


def test_an_untrained_network_gives_nothing_and_members_of_a_batch_do_not_mix():
    plain = UNet(8, 1, seed=1, channels=8, n_levels=2)
    x, sigma, labels = torch.randn(3, 64), torch.zeros(3), torch.zeros(1, 3, dtype=torch.long)
    assert plain.network(x, sigma, labels).abs().max() == 0
    model = network()
    together = model.network(x, sigma, labels)[0, 1]
    alone = model.network(x[1:2], sigma[:1], labels[:, :1])[0, 0]
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_it_learns_one_image():
    image = np.random.default_rng(0).uniform(-1, 1, (1, 64))
    model = UNet(8, 1, seed=1, channels=8, n_levels=2)
    fit(model, image, [[0]], Schedule(12_000, 32), rng=np.random.default_rng(1))
    found = sample(model, [[0] * 4], rng=np.random.default_rng(2))[0]
    assert np.abs(found - image).mean() < 0.15


def test_bad_values_are_named():
    with pytest.raises(ValueError, match="side must be divisible by 4"):
        UNet(6, 3, seed=1)
    with pytest.raises(ValueError, match="skips names"):
        UNet(8, 3, seed=1, skips=[5])
