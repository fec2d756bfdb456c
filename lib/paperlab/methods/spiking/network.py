"""One PyNN text for NEST, Brian2 and sPyNNaker: the training network and the test network.

The builders take a simulator module and a row of `backends.BACKENDS`; whatever the simulators disagree on stands in
that table and nowhere else.
"""

from dataclasses import dataclass

import numpy as np

from paperlab.methods.spiking import loops
from paperlab.methods.spiking.backends import quiet, set_up, spiking_simulator
from paperlab.methods.spiking.engine import Case
from paperlab.methods.spiking.fixedpoint import quantise
from paperlab.methods.spiking.formula import PAPER_STDP, W_MAX, cancelled
from paperlab.methods.spiking.words import all_words, check_patterns, check_words, metrics, word_bits

GAP_MS = 500  # between two words shown to the same copy [ms]


def _times(times, backend):
    return [float(t + backend.shift) for t in times]


@dataclass(frozen=True)
class TrainingNetwork:
    """PyNN populations ``injectors`` and ``outputs``, and ``plastic`` projections: exciting first, then inhibiting."""

    injectors: list
    outputs: list
    plastic: list


@dataclass(frozen=True)
class TestNetwork:
    """PyNN populations: ``injectors`` by bit, and ``output`` with neuron ``copy * n_readouts + readout``."""

    __test__ = False  # no test of pytest's, whatever its name
    injectors: dict
    output: object


@dataclass(frozen=True)
class Training:
    """One training run on a simulator.

    Attributes
    ----------
    word : int
    weights_exc, weights_inh : ndarray, shape (n_bits,)
        Final weights onto the exciting and the inhibiting output, in our units.
    output_times, injector_times : list of list of ndarray
        Spike times [ms] of each neuron of the exciting and of the inhibiting population.
    """

    word: int
    weights_exc: np.ndarray
    weights_inh: np.ndarray
    output_times: list
    injector_times: list


def build_training(sim, backend, word, stdp=PAPER_STDP, *, n_bits=10):
    """The training network of one word: eight populations, eight projections (page ``stdp_spinnaker``, phase 1).

    Parameters
    ----------
    sim : module
        PyNN's, set up.
    backend : Backend
    word, n_bits : int
    stdp : formula.Stdp

    Returns
    -------
    TrainingNetwork
    """
    cell = sim.IF_curr_delta(**backend.cell)
    silent = _times([100 + 10 * n_bits], backend)  # after the end: no simulator here takes an empty list alike
    source = {}
    for bit, times in ((1, loops.ONE_TIMES), (0, loops.ZERO_TIMES)):
        trains = [_times(times, backend) if b == bit else silent for b in word_bits(word, n_bits)[0]]
        source[bit] = sim.Population(n_bits, sim.SpikeSourceArray(spike_times=trains), label=f"ssp_{bit}")
    save = sim.Population(1, sim.SpikeSourceArray(spike_times=_times([loops.SAVE_TIME], backend)), label="save")
    teacher = sim.Population(
        1, sim.SpikeSourceArray(spike_times=_times([loops.TEACHER_TIME], backend)), label="teacher"
    )
    injectors = [sim.Population(n_bits, cell, label=f"injector_{name}") for name in ("exc", "inh")]
    outputs = [sim.Population(1, cell, label=f"output_{name}") for name in ("exc", "inh")]

    drive = sim.StaticSynapse(weight=loops.DRIVE, delay=float(loops.DELAY))
    teach = sim.StaticSynapse(weight=loops.DRIVE, delay=float(loops.TEACHER_DELAY))
    rule = sim.SpikePairRule if backend.rule == "all pairs" else sim.extra_models.SpikeNearestPairRule
    mechanism = {
        "timing_dependence": rule(
            tau_plus=stdp.tau_stdp,
            tau_minus=stdp.tau_stdp,
            A_plus=stdp.a_plus / backend.amplitude_unit,
            A_minus=stdp.a_minus / backend.amplitude_unit,
        ),
        "weight_dependence": sim.AdditiveWeightDependence(w_min=0.0, w_max=W_MAX),
        "dendritic_delay_fraction": backend.dendritic_fraction,
        "weight": 0.0,
        "delay": float(loops.DELAY),
    }
    plastic = []
    for bit, injector, output, kind in zip((1, 0), injectors, outputs, ("excitatory", "inhibitory"), strict=True):
        sim.Projection(source[bit], injector, sim.OneToOneConnector(), drive, receptor_type="excitatory")
        sim.Projection(save, injector, sim.AllToAllConnector(), drive, receptor_type="excitatory")
        sim.Projection(teacher, output, sim.AllToAllConnector(), teach, receptor_type="excitatory")
        synapse = sim.STDPMechanism(**mechanism)
        plastic.append(sim.Projection(injector, output, sim.AllToAllConnector(), synapse, receptor_type=kind))
    for population in (*injectors, *outputs):
        population.record("spikes")
    return TrainingNetwork(injectors, outputs, plastic)


def build_test(sim, backend, shows, readouts, *, n_bits=10):
    """Copies of the test network side by side, each shown its words in turn (page ``stdp_spinnaker``, phase 3).

    Parameters
    ----------
    sim : module
        PyNN's, set up.
    backend : Backend
    shows : sequence of sequences of int
        Words shown to each copy, `GAP_MS` apart; the membrane has forgotten one (to ``exp(-25)``) when the next comes.
    readouts : sequence of (w1, w0), ndarrays of shape (n_bits,)
        Scaled weights. Each pair gets an output neuron of its own on every copy: many cases or factors in one run.

    Returns
    -------
    TestNetwork
    """
    cell = sim.IF_curr_delta(**backend.cell)
    silent = _times([loops.TEST_TIME + GAP_MS * max(len(words) for words in shows)], backend)
    drive = sim.StaticSynapse(weight=loops.DRIVE, delay=float(loops.DELAY))
    injector = {}
    for bit in (1, 0):
        trains = []
        for words in shows:
            on = word_bits(words, n_bits) == bit
            trains += [
                _times(loops.TEST_TIME + GAP_MS * np.flatnonzero(on[:, i]), backend) or silent for i in range(n_bits)
            ]
        source = sim.Population(len(trains), sim.SpikeSourceArray(spike_times=trains), label=f"ssp_{bit}")
        injector[bit] = sim.Population(len(trains), cell, label=f"injector_{bit}")
        sim.Projection(source, injector[bit], sim.OneToOneConnector(), drive, receptor_type="excitatory")
    output = sim.Population(len(shows) * len(readouts), cell, label="output")
    for bit, flip, kind in ((1, 0, "excitatory"), (1, 1, "inhibitory"), (0, 1, "excitatory"), (0, 0, "inhibitory")):
        sign = -1.0 if kind == "inhibitory" and backend.delta_semantics != "current_step" else 1.0
        pairs = [
            (copy * n_bits + i, copy * len(readouts) + readout, sign * float(weights[flip][i]), float(loops.DELAY))
            for copy in range(len(shows))
            for readout, weights in enumerate(readouts)
            for i in np.flatnonzero(weights[flip])
        ]
        if pairs:
            sim.Projection(injector[bit], output, sim.FromListConnector(pairs), sim.StaticSynapse(), receptor_type=kind)
    output.record("spikes")
    return TestNetwork(injector, output)


def _spike_times(population, backend):
    with quiet():
        trains = population.get_data("spikes").segments[0].spiketrains
    return [np.asarray(train.magnitude, dtype=float) - backend.shift for train in trains]


def train(word, backend="nest", stdp=PAPER_STDP, *, n_bits=10):
    """Train one word through PyNN on NEST or Brian2.

    Parameters
    ----------
    word : int
    backend : {"nest", "brian2"}
    stdp : formula.Stdp
    n_bits : int

    Returns
    -------
    Training

    Raises
    ------
    ValueError
        If the word is out of its range or the simulator unknown.
    EngineMissingError
        If the simulator is not installed or gives no spikes here.
    """
    (word,) = check_patterns([word], n_bits)
    sim, row = spiking_simulator(backend)
    with quiet():
        set_up(sim, backend)
        net = build_training(sim, row, word, stdp, n_bits=n_bits)
        sim.run(loops.TRAIN_STEPS + row.shift)
        weights = [
            np.abs(np.array(p.get("weight", format="list"), dtype=float)[:, -1]) * row.read_unit for p in net.plastic
        ]
    times = [[_spike_times(p, row) for p in populations] for populations in (net.outputs, net.injectors)]
    with quiet():
        sim.end()
    return Training(word, *weights, *times)


def identify(words, readouts, backend="nest", *, n_bits=10):
    """Simulate the test networks of all words in one run.

    Parameters
    ----------
    words : sequence of int
    readouts : sequence of (w1, w0)
        Scaled weights, see `build_test`.
    backend : {"nest", "brian2"}
    n_bits : int

    Returns
    -------
    ndarray of bool, shape (n_readouts, n_words)

    Raises
    ------
    ValueError
        If a word is out of its range or the simulator unknown.
    EngineMissingError
        If the simulator is not installed or gives no spikes here.
    """
    words = check_words(words, n_bits).tolist()
    sim, row = spiking_simulator(backend)
    per_copy = row.words_per_copy
    shows = [words[i : i + per_copy] for i in range(0, len(words), per_copy)]
    with quiet():
        set_up(sim, backend)
        net = build_test(sim, row, shows, readouts, n_bits=n_bits)
        sim.run(loops.TEST_TIME + GAP_MS * len(shows[0]) + row.shift)
    fired = np.zeros((len(readouts), len(shows) * per_copy), dtype=bool)
    for neuron, times in enumerate(_spike_times(net.output, row)):
        copy, readout = divmod(neuron, len(readouts))
        shown = ((times - loops.TEST_TIME) // GAP_MS).astype(int)
        fired[readout, copy * per_copy + shown] = True
    with quiet():
        sim.end()
    return fired[:, : len(words)]


def find_factors(cases, backend="nest", *, n_bits=10, n_candidates=12, n_rounds=6):
    """Homeostatic factors through PyNN: the authors' search, many candidates and cases side by side in a run.

    Each round lays ``n_candidates`` factors over the interval that holds the threshold, first 0..100; six rounds of 12
    leave an interval of 3e-5, and the smallest candidate that fires is taken.

    Parameters
    ----------
    cases : sequence of (patterns, w1, w0)
        Trained words and merged weights.
    backend : {"nest", "brian2"}
    n_bits, n_candidates, n_rounds : int

    Returns
    -------
    list of dict of int to float or None
        Per case, the factor of each distinct pattern; None where it does not fire at factor 100.

    Raises
    ------
    ValueError, EngineMissingError
        As `identify`.
    """
    cases = [(list(dict.fromkeys(check_patterns(patterns, n_bits))), w1, w0) for patterns, w1, w0 in cases]
    words = list(dict.fromkeys(word for patterns, _, _ in cases for word in patterns))
    searches = [(number, word) for number, (patterns, _, _) in enumerate(cases) for word in patterns]
    low = dict.fromkeys(searches, 0.0)
    high = dict.fromkeys(searches, loops.SEARCH_START)
    found = dict.fromkeys(searches)
    for _ in range(n_rounds):
        grids = {key: np.linspace(low[key], high[key], n_candidates + 1)[1:] for key in searches}
        readouts = [(h * cases[key[0]][1], h * cases[key[0]][2]) for key in searches for h in grids[key]]
        fired = identify(words, readouts, backend, n_bits=n_bits).reshape(len(searches), n_candidates, len(words))
        for row, key in enumerate(searches):
            first = np.flatnonzero(fired[row, :, words.index(key[1])])
            if first.size:
                low[key] = float(grids[key][first[0] - 1]) if first[0] else low[key]
                high[key] = found[key] = float(grids[key][first[0]])
        searches = [key for key in searches if found[key] is not None]
        if not searches:
            break
    return [{word: found[number, word] for word in patterns} for number, (patterns, _, _) in enumerate(cases)]


def run_cases(cases, backend="nest", stdp=PAPER_STDP, *, n_bits=10, weight_grid=None):
    """All three phases for several cases through PyNN; the words of all cases are tested in one run.

    Parameters
    ----------
    cases : sequence of sequences of int
        Patterns of each case.
    backend : {"nest", "brian2"}
    stdp : formula.Stdp
    n_bits : int
    weight_grid : int or None
        Fraction bits to which learned weights are rounded, as fixed-point hardware would; None leaves them alone.

    Returns
    -------
    list of engine.Case

    Raises
    ------
    formula.NoFactorError
        If the weights of a case cancel.
    ValueError, EngineMissingError
        As `identify`.
    """
    cases = [check_patterns(case, n_bits) for case in cases]
    learned = {}
    for word in dict.fromkeys(word for case in cases for word in case):
        run = train(word, backend, stdp, n_bits=n_bits)
        learned[word] = (quantise(run.weights_exc, weight_grid), quantise(run.weights_inh, weight_grid))
    merged = [tuple(sum(learned[word][side] for word in case) for side in (0, 1)) for case in cases]
    search = find_factors([(case, *w) for case, w in zip(cases, merged, strict=True)], backend, n_bits=n_bits)
    largest = []
    for case, factors in zip(cases, search, strict=True):
        found = [h for h in factors.values() if h is not None]
        if not found:
            raise cancelled(case)
        largest.append(max(found))
    readouts = [(h * w1, h * w0) for h, (w1, w0) in zip(largest, merged, strict=True)]
    fired = identify(all_words(n_bits), readouts, backend, n_bits=n_bits)
    return [
        Case(case, *weights, factors, h, identified, metrics(identified, case))
        for case, weights, factors, h, identified in zip(cases, merged, search, largest, fired, strict=True)
    ]
