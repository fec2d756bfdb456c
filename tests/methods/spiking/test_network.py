"""Facts about the PyNN text: what it builds, what simulators make of it, and what is refused."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from paperlab.methods.spiking import backends, engine, fixedpoint, formula, network, spinnaker


def test_unknown_and_missing_engines_say_what_to_do(monkeypatch):
    with pytest.raises(ValueError, match="backend must be one of nest, brian2, spinnaker, got 'neuron'"):
        backends.simulator("neuron")
    missing = backends.Backend("pyNN.not_there", "not-there", "all pairs", 1.0, 1.0, 1.0, 0.0)
    monkeypatch.setitem(backends.BACKENDS, "nest", missing)
    with pytest.raises(backends.EngineMissingError, match=r"needs the package not-there.*choose engine='numpy'"):
        backends.simulator("nest")


def test_spinnaker_gives_no_spikes_here():
    with pytest.raises(backends.EngineMissingError, match="boards only"):
        network.identify([992], [(np.ones(10), np.ones(10))], "spinnaker")


def test_nest_pairs_all_spikes_and_tells_the_same_words_apart():
    pytest.importorskip("nest")
    run = network.train(992, "nest")
    tails = math.exp(-1) + math.exp(-6) + math.exp(-5) + math.exp(-6.8)
    assert run.weights_exc[0] == pytest.approx(tails, abs=1e-6)
    assert run.output_times[0][0].tolist() == [31.0]
    runs = [network.train(word, "nest", n_bits=4) for word in (1, 2)]
    w1, w0 = engine.merge(runs)
    grid1, grid0 = (
        sum(fixedpoint.quantise(getattr(r, side), 8) for r in runs) for side in ("weights_exc", "weights_inh")
    )
    factor = 1.0001 * 15 / (4 * 97 / 256)  # two bits in common, each seen twice
    rounded, real = network.identify(
        range(16), [(factor * grid1, factor * grid0), (factor * w1, factor * w0)], "nest", n_bits=4
    )
    assert (rounded == formula.identified([1, 2], n_bits=4)).all()
    assert real.sum() < rounded.sum()  # without rounding the tails break the ties


def test_the_same_text_describes_both_networks(monkeypatch):
    """Every synapse of the two networks, seen by a simulator that only takes notes."""
    notes = Notes()
    net = network.build_training(notes, backends.BACKENDS["spinnaker"], 0b10, n_bits=2)
    assert [p.size for p in (*net.injectors, *net.outputs)] == [2, 2, 1, 1]
    assert len(notes.projections) == 8 and len(net.plastic) == 2
    assert [p.kind for p in net.plastic] == ["excitatory", "inhibitory"]
    notes = Notes()
    network.build_test(
        notes, backends.BACKENDS["nest"], [[0b10]], [(np.array([3.0, 0.0]), np.array([0.0, 5.0]))], n_bits=2
    )
    drawn = {(p.kind, pair[0], pair[2]) for p in notes.projections for pair in p.pairs}
    # injector 1 of bit 0 excites with W1 and, of bit 1, inhibits with W0; injector 0 the other way round
    assert drawn == {("excitatory", 0, 3.0), ("inhibitory", 1, -5.0), ("excitatory", 1, 5.0), ("inhibitory", 0, -3.0)}


class Notes:
    """Stands for a PyNN module and keeps what it is asked for."""

    def __init__(self):
        self.projections = []
        self.extra_models = self

    def Population(self, size, cell, label):
        return SimpleNamespace(size=size, cell=cell, label=label, record=lambda what: None)

    def Projection(self, source, target, connector, synapse, receptor_type):
        pairs = connector if isinstance(connector, list) else []
        self.projections.append(SimpleNamespace(source=source, target=target, kind=receptor_type, pairs=pairs))
        return self.projections[-1]

    def FromListConnector(self, pairs):
        return pairs

    def __getattr__(self, name):
        return lambda *args, **options: None


def test_bad_words_are_refused_before_a_simulator_starts():
    with pytest.raises(ValueError, match="words must be whole numbers"):
        network.identify([1024], [(np.ones(10), np.ones(10))])
    with pytest.raises(ValueError, match="patterns must be whole numbers"):
        network.train(-1)
    with pytest.raises(ValueError, match="patterns must be whole numbers"):
        spinnaker.map_training(1024, "nowhere")
    with pytest.raises(ValueError, match="w1 is nan in row 1"):
        spinnaker.map_test([1], [1.0, np.nan], [0.0, 0.0], "nowhere", n_bits=2)
