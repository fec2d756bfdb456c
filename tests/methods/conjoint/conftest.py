"""A small game of two parties, with either link, and choices between its candidates."""

import dataclasses

import numpy as np
import pytest
from paperlab.methods.conjoint import simulate
from paperlab.methods.conjoint.layout import Layout

LAYOUT = Layout((2, 3, 4))


@pytest.fixture(scope="module")
def game():
    return simulate.draw_voters(LAYOUT, [1], rng=np.random.default_rng(0)).election([0.6, 0.4])


@pytest.fixture(scope="module")
def logit(game):
    return dataclasses.replace(game, link="logit", intercept=np.array([-1.0, 1.0]))


@pytest.fixture(params=["linear", "logit"])
def one(request, game, logit):
    return game if request.param == "linear" else logit


@pytest.fixture(scope="module")
def pairs():
    voters = simulate.draw_voters(LAYOUT, [1], rng=np.random.default_rng(3))
    return simulate.simulate_voters(voters, 400, 8, 0.4, rng=np.random.default_rng(3)).pairs
