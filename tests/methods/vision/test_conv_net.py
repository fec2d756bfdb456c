"""The convolutional network: its start is its generator's, means forget the place, pictures do not mix in use."""

import numpy as np
import pytest
import torch
from paperlab.methods.vision.conv_net import ConvNet, embed, linear_map


def rng(seed=0):
    return np.random.default_rng(seed)


def test_the_start_depends_on_the_generator_alone():
    torch.manual_seed(1)
    first = ConvNet([4, 8], [2, 1], dim=5, rng=rng(3))
    state = torch.get_rng_state()
    torch.manual_seed(2)
    again = ConvNet([4, 8], [2, 1], dim=5, rng=rng(3))
    for a, b in zip(first.parameters(), again.parameters()):
        torch.testing.assert_close(a, b)
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state)  # the global generator is not touched


def test_he_start_keeps_the_second_moment():
    net = ConvNet([64, 64, 64], [1, 1, 1], dim=5, rng=rng())
    weight = net.layers[3].weight
    assert weight.var().item() * 9 * 64 == pytest.approx(2, rel=0.05)


def test_vectors_of_unit_length_do_not_depend_on_company():
    net = ConvNet([4], [2], dim=6, rng=rng())
    images = torch.rand(9, 2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    together = embed(net, images, batch_size=5)
    assert together.shape == (9, 2, 6) and net.training
    np.testing.assert_allclose(np.linalg.norm(together, axis=-1), 1, rtol=1e-5)
    np.testing.assert_allclose(embed(net, images[3:4])[0], together[3], atol=1e-6)


def test_means_over_the_whole_picture_forget_mirrors_of_a_point_symmetric_filter():
    net = ConvNet([4], [1], dim=6, rng=rng()).eval()
    with torch.no_grad():
        net.layers[0].weight.copy_((net.layers[0].weight + net.layers[0].weight.flip(-1)) / 2)
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(net(images.flip(-1)), net(images))


def test_linear_map_is_linear():
    layer = linear_map(5, 3, rng=rng())
    x, y = torch.rand(2, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(layer(x + y) + layer(torch.zeros(5)), layer(x) + layer(y))


def test_bad_layers_are_named():
    with pytest.raises(ValueError, match="channels and strides must name as many layers"):
        ConvNet([4, 8], [2], dim=5, rng=rng())
