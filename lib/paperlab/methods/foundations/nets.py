"""Small networks, many at once: stacked multilayer perceptrons of one shape, and the loop that trains them.

A single small network leaves most of a step's time to the overhead of its twenty or so operations. Stacked, M networks
(seeds, penalties, restarts) take as many operations as one: the weights carry a leading axis of length M and every
product is a batched one. The networks never mix: the loss of each depends on its own weights only, and Adam works
element by element.
"""

import itertools
import math

import torch
from torch import nn


class StackedMLP(nn.Module):
    """M multilayer perceptrons of one shape with leaky rectifiers between their layers.

    Parameters
    ----------
    sizes : sequence of int
        Width of the input, of every hidden layer and of the output: (d_in, h_1, ..., d_out).
    seeds : sequence of int
        One per network, length M, for a torch generator of its own: the start of a network depends on its own seed
        only, not on its neighbours, and nothing is drawn from torch's global generator.
    slope : float
        Slope of the rectifier for negative arguments, in (0, 1]; at 1 the network is affine.
    dtype : torch.dtype
        Of weights and outputs.

    Raises
    ------
    ValueError
        With fewer than two sizes, no seed, or a slope outside (0, 1].

    Notes
    -----
    Weights and biases start uniform on +-1/sqrt(fan in), the default of ``torch.nn.Linear``.

    Examples
    --------
    >>> networks = StackedMLP([3, 16, 2], seeds=[1, 2, 3, 4])
    >>> networks(torch.zeros(10, 3)).shape  # networks, points, outputs
    torch.Size([4, 10, 2])
    """

    def __init__(self, sizes, seeds, *, slope=0.2, dtype=torch.float32):
        super().__init__()
        sizes, seeds = [int(size) for size in sizes], [int(seed) for seed in seeds]
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(f"sizes must name input, hidden layers and output, each at least 1 wide, got {sizes}")
        if not seeds:
            raise ValueError("seeds must name one seed per network, got none")
        if not 0 < slope <= 1:
            raise ValueError(f"slope must lie above 0 and at most at 1, got {slope}")
        self.slope = slope
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]

        def start(fan_in, *shape):
            draws = torch.stack(
                [torch.rand(shape, generator=generator, dtype=torch.float64) for generator in generators]
            )
            return nn.Parameter(((2 * draws - 1) / math.sqrt(fan_in)).to(dtype))

        weights, biases = [], []
        for fan_in, fan_out in itertools.pairwise(sizes):
            weights.append(start(fan_in, fan_in, fan_out))
            biases.append(start(fan_in, 1, fan_out))
        self.weights, self.biases = nn.ParameterList(weights), nn.ParameterList(biases)

    def forward(self, x):
        """Output (M, n, d_out) for an input (n, d_in), the same for all networks, or (M, n, d_in), one for each."""
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.matmul(x, weight).add_(bias)  # in place: memory traffic costs as much as the products
            if layer < len(self.weights) - 1:
                x = nn.functional.leaky_relu_(x, self.slope)
        return x

    def with_jacobian(self, x):
        """Output (M, n, d_out) and its exact Jacobian (M, n, d_out, d_in) for an input (M, n, d_in) or (n, d_in).

        The network is affine between its kinks, so the Jacobian is the product of its weight matrices, each masked by
        the slopes that the point switches on. Both are differentiable in the weights.
        """
        jacobian = None  # (M, n, d_in, width) while it is built
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.matmul(x, weight) + bias
            if jacobian is None:
                jacobian = weight[:, None].expand(-1, x.shape[1], -1, -1)
            else:
                jacobian = torch.matmul(jacobian.flatten(1, 2), weight).unflatten(1, jacobian.shape[1:3])
            if layer < len(self.weights) - 1:
                slopes = torch.where(x > 0, 1.0, self.slope).to(x.dtype)
                x, jacobian = x * slopes, jacobian * slopes[:, :, None, :]
        return x, jacobian.transpose(-1, -2)


class AdamW:
    """Adam with decoupled weight decay: the steps of ``torch.optim.AdamW(..., foreach=True)``, to the bit.

    Making the first optimiser of torch imports its compiler, which takes longer than many small networks train.

    Parameters
    ----------
    parameters : iterable of torch.nn.Parameter
    learning_rate : float
        Kept as the attribute of that name, which may be set before each step.
    weight_decay : float
        0 is Adam.

    Notes
    -----
    Decay rates of the moments are 0.9 and 0.999; 1e-8 is added to the root of the second one.
    """

    def __init__(self, parameters, *, learning_rate, weight_decay=0.0):
        self.parameters = list(parameters)
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self._moments = [(torch.zeros_like(one), torch.zeros_like(one)) for one in self.parameters]
        self._n_steps = [0] * len(self.parameters)

    def zero_grad(self):
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self):
        """Move all parameters that have a gradient."""
        moved = [k for k, parameter in enumerate(self.parameters) if parameter.grad is not None]
        if not moved:
            return
        for k in moved:
            self._n_steps[k] += 1
        points, gradients = zip(*((self.parameters[k], self.parameters[k].grad) for k in moved), strict=True)
        first, second = zip(*(self._moments[k] for k in moved), strict=True)
        if self.weight_decay:
            torch._foreach_mul_(points, 1 - self.learning_rate * self.weight_decay)
        torch._foreach_lerp_(first, gradients, 1 - 0.9)
        torch._foreach_mul_(second, 0.999)
        torch._foreach_addcmul_(second, gradients, gradients, 1 - 0.999)
        root = torch._foreach_sqrt(second)
        torch._foreach_div_(root, [(1 - 0.999 ** self._n_steps[k]) ** 0.5 for k in moved])
        torch._foreach_add_(root, 1e-8)
        rates = [(self.learning_rate / (1 - 0.9 ** self._n_steps[k])) * -1 for k in moved]
        torch._foreach_addcdiv_(points, first, root, rates)


def train(loss, parameters, *, n_steps, learning_rate, decay="cosine", weight_decay=0.0, clip=None, watch=None):
    """Minimise stacked losses with AdamW; the networks in the stack do not influence one another.

    Parameters
    ----------
    loss : callable
        ``loss(step)`` gives a tensor of shape (M,), the loss of each network at this step; it draws its own
        mini-batches.
    parameters : iterable of torch.nn.Parameter
        With a leading axis of length M, or a multiple of it, network by network; of any shape when M = 1.
    n_steps : int
        Number of updates, at least 1.
    learning_rate : float
        Of AdamW at the first step, positive.
    decay : {"cosine", "constant"}
        Schedule of the rate: half a cosine down to zero, or none.
    weight_decay : float
        Decoupled weight decay of AdamW.
    clip : float, optional
        Largest norm of the gradient of each network, over all its parameters.
    watch : callable, optional
        Called as ``watch(step, losses)`` after every update.

    Returns
    -------
    torch.Tensor
        Loss of every network before every update, shape (n_steps, M), without gradient.

    Raises
    ------
    ValueError
        If ``n_steps``, ``learning_rate`` or ``clip`` is not positive, ``weight_decay`` is negative, or ``decay``
        unknown.
    FloatingPointError
        If a loss is no longer finite; the message names the network and the step.

    Examples
    --------
    >>> point = nn.Parameter(torch.tensor([3.0, -1.0]))  # two "networks" of one weight each
    >>> history = train(lambda step: (point - 2) ** 2, [point], n_steps=300, learning_rate=0.1)
    >>> point.detach().numpy().round(2)
    array([2., 2.], dtype=float32)
    """
    parameters = list(parameters)
    if n_steps < 1:
        raise ValueError(f"n_steps must be at least 1, got {n_steps}")
    if not learning_rate > 0:
        raise ValueError(f"learning_rate must be positive, got {learning_rate}")
    if not weight_decay >= 0:
        raise ValueError(f"weight_decay must not be negative, got {weight_decay}; 0 is none")
    if clip is not None and not clip > 0:
        raise ValueError(f"clip must be positive, got {clip}; None leaves the gradient alone")
    if decay not in ("cosine", "constant"):
        raise ValueError(f"decay must be 'cosine' or 'constant', got {decay!r}")
    optimiser = AdamW(parameters, learning_rate=learning_rate, weight_decay=weight_decay)
    history = []
    for step in range(n_steps):
        if decay == "cosine":
            optimiser.learning_rate = 0.5 * learning_rate * (1 + math.cos(math.pi * step / n_steps))
        losses = loss(step).reshape(-1)
        optimiser.zero_grad()
        losses.sum().backward()
        if clip is not None:
            _clip_each(parameters, clip, len(losses))
        optimiser.step()
        history.append(losses.detach())
        if not torch.isfinite(history[-1]).all():
            bad = torch.nonzero(~torch.isfinite(history[-1])).flatten().tolist()
            remedy = f"lower learning_rate = {learning_rate} or clip the gradient"
            raise FloatingPointError(f"the loss of network {bad} is not finite at step {step}: {remedy}")
        if watch is not None:
            watch(step, history[-1])
    return torch.stack(history)


def _clip_each(parameters, clip, n_networks):
    """Scale the gradient of each network so that its norm over all parameters is at most ``clip``."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    squares = sum((gradient.reshape(n_networks, -1) ** 2).sum(1) for gradient in gradients)
    scale = (clip / squares.sqrt().clamp_min(1e-12)).clamp_max(1.0)
    if (scale == 1).all():
        return
    for gradient in gradients:
        gradient.view(n_networks, -1).mul_(scale[:, None])
