import pytest
import torch
from paperlab.methods.foundations.nets import AdamW, StackedMLP, train
from torch import nn


def _plain(stack, m):
    """Network m of a stack as a torch.nn.Sequential."""
    layers = []
    for weight, bias in zip(stack.weights, stack.biases, strict=True):
        linear = nn.Linear(*weight.shape[1:])
        linear.weight.data, linear.bias.data = weight.data[m].T.clone(), bias.data[m, 0].clone()
        layers += [linear, nn.LeakyReLU(stack.slope)]
    return nn.Sequential(*layers[:-1])


@pytest.fixture
def x():
    return torch.randn(40, 3, generator=torch.Generator().manual_seed(1))


def test_each_network_of_the_stack_is_the_plain_one(x):
    stack = StackedMLP([3, 8, 8, 2], seeds=[4, 5])
    for m in range(2):
        torch.testing.assert_close(stack(x)[m], _plain(stack, m)(x))


def test_start_depends_on_the_own_seed_only():
    alone, among = StackedMLP([3, 8, 2], seeds=[7]), StackedMLP([3, 8, 2], seeds=[1, 7, 2])
    for one, many in zip(alone.weights, among.weights, strict=True):
        assert torch.equal(one[0], many[1]) and not torch.equal(one[0], many[0])


def test_start_has_the_spread_of_torch_linear():
    weight = StackedMLP([400, 300], seeds=[0]).weights[0]
    assert weight.abs().max() <= 1 / 20 and weight.std().item() == pytest.approx(1 / 20 / 3**0.5, rel=0.01)


def test_jacobian_is_that_of_autograd(x):
    stack = StackedMLP([3, 8, 8, 5], seeds=[4, 5], dtype=torch.float64)
    output, jacobian = stack.with_jacobian(x.double())
    torch.testing.assert_close(output, stack(x.double()))
    for i in (0, 17):
        expected = torch.autograd.functional.jacobian(lambda row: stack(row[None])[:, 0], x[i].double())
        torch.testing.assert_close(jacobian[:, i], expected)


def test_jacobian_is_differentiable_in_the_weights(x):
    stack = StackedMLP([3, 8, 5], seeds=[4])
    stack.with_jacobian(x)[1].abs().sum().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in stack.weights)


def test_slope_one_is_affine(x):
    stack = StackedMLP([3, 8, 2], seeds=[0], slope=1.0)
    torch.testing.assert_close(stack(x) + stack(-x), 2 * stack(torch.zeros_like(x)))


@pytest.mark.parametrize("clip", [None, 0.05])
def test_training_in_a_stack_is_training_alone(x, clip):
    y = x[:, :2].sin()

    def trained(seeds):
        stack = StackedMLP([3, 16, 2], seeds)
        history = train(
            lambda step: ((stack(x) - y) ** 2).mean((1, 2)),
            stack.parameters(),
            n_steps=60,
            learning_rate=1e-2,
            clip=clip,
        )
        return history, stack

    (alone, one), (together, many) = trained([7]), trained([1, 7, 2])
    torch.testing.assert_close(alone[:, 0], together[:, 1], rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(one.weights[0][0], many.weights[0][1], rtol=1e-2, atol=1e-4)
    assert together.shape == (60, 3) and (together[-1] < 0.7 * together[0]).all()


def test_cosine_ends_with_small_steps_and_constant_does_not():
    moves = {}
    for decay in ("cosine", "constant"):
        point, path = nn.Parameter(torch.tensor([5.0])), []

        def watch(step, losses, point=point, path=path):
            path.append(point.item())

        train(lambda step, point=point: point**2, [point], n_steps=50, learning_rate=0.01, decay=decay, watch=watch)
        moves[decay] = abs(path[-1] - path[-2])
        assert abs(5 - path[0]) == pytest.approx(0.01, rel=1e-4)  # the first step of Adam is the learning rate
    assert moves["cosine"] < 0.05 * moves["constant"]


def test_clipping_leaves_a_small_gradient_alone_and_shortens_a_large_one():
    ends = {}
    for clip in (None, 0.5, 50.0):
        points = nn.Parameter(torch.tensor([[3.0, 4.0], [0.03, 0.04]]))  # gradients of length 10 and 0.1
        train(lambda step, p=points: (p**2).sum(1), [points], n_steps=1, learning_rate=0.1, decay="constant", clip=clip)
        ends[clip] = points.grad.norm(dim=1).tolist()
    assert ends[None] == pytest.approx([10, 0.1]) == ends[50.0]
    assert ends[0.5] == pytest.approx([0.5, 0.1])


def test_weight_decay_shrinks_what_the_loss_leaves_alone():
    point = nn.Parameter(torch.ones(1))
    train(lambda step: 0 * point, [point], n_steps=1, learning_rate=0.1, weight_decay=0.5, decay="constant")
    assert point.item() == pytest.approx(1 - 0.1 * 0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": [3]}, "sizes"),
        ({"sizes": [3, 0, 2]}, "at least 1"),
        ({"seeds": []}, "one seed per network"),
        ({"slope": 0.0}, "slope"),
    ],
)
def test_bad_network_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        StackedMLP(**{"sizes": [3, 2], "seeds": [0], **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_steps": 0}, "n_steps must be"),
        ({"learning_rate": 0}, "learning_rate must be"),
        ({"learning_rate": float("nan")}, "learning_rate must be"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"clip": 0.0}, "clip"),
        ({"decay": "step"}, "decay"),
    ],
)
def test_bad_training_is_refused(change, message):
    point = nn.Parameter(torch.ones(1))
    with pytest.raises(ValueError, match=message):
        train(lambda step: point**2, [point], **{"n_steps": 1, "learning_rate": 0.1, **change})


def test_loss_that_is_not_finite_names_network_and_step():
    point = nn.Parameter(torch.ones(2))
    with pytest.raises(FloatingPointError, match=r"network \[1\] is not finite at step 3"):
        train(
            lambda step: point * (torch.tensor([1.0, float("nan")]) if step == 3 else 1),
            [point],
            n_steps=5,
            learning_rate=0.1,
        )


@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
def test_steps_are_those_of_torch_to_the_bit(weight_decay):
    def walk(make):
        generator = torch.Generator().manual_seed(0)
        points = [nn.Parameter(torch.randn(shape, generator=generator)) for shape in ((3, 4, 5), (3, 1, 5), (7,))]
        optimiser = make(points)
        for step in range(100):
            optimiser.zero_grad()
            used = points[: 2 if step % 7 == 3 else 3]  # one without a gradient stays where it is
            sum(((point - 1) ** 2).sum() for point in used).backward()
            optimiser.step()
        return points

    ours = walk(lambda points: AdamW(points, learning_rate=0.1, weight_decay=weight_decay))
    peer = walk(lambda points: torch.optim.AdamW(points, lr=0.1, weight_decay=weight_decay, foreach=True))
    assert all(torch.equal(*pair) for pair in zip(ours, peer, strict=True))
    assert (ours[0] - 1).abs().max() < 0.2  # and they arrive


def test_an_optimiser_without_gradients_does_nothing():
    point = nn.Parameter(torch.ones(2))
    AdamW([point], learning_rate=0.1).step()
    assert (point == 1).all()
