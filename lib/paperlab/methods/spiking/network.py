"""One PyNN text for NEST, Brian2 and sPyNNaker: the training network and the test network.

The builders take a simulator module and a row of `BACKENDS`; whatever the simulators disagree on stands in that table and
nowhere else.
"""

import contextlib
import importlib
import logging
import os
import sys
from dataclasses import dataclass, field

import numpy as np

from paperlab.methods.spiking import engine
from paperlab.methods.spiking.fixedpoint import quantise
from paperlab.methods.spiking.formula import PAPER_STDP, W_MAX, cancelled
from paperlab.methods.spiking.words import all_words, check_patterns, check_words, metrics, word_bits


@dataclass(frozen=True)
class Backend:
    """What one simulator understands by the same PyNN text.

    Attributes
    ----------
    module : str
        PyNN module to import.
    package : str
        Package that holds it.
    rule : str
        Name of the pair rule: "all pairs" or "nearest pair".
    dendritic_fraction : float
        Share of the delay that is dendritic, as far as plasticity is concerned.
    amplitude_unit : float
        PyNN amplitude = ours / this (NEST: relative to w_max, which it holds in units of 1/1000).
    read_unit : float
        Weight in our units = what ``get("weight")`` returns times this.
    shift : float
        All times are moved by this much [ms]; NEST refuses a spike at 1 ms.
    cell : dict
        Parameters of IF_curr_delta that differ from PyNN's defaults.
    delta_semantics : str
        What a unit weight does to the membrane; see `formula.threshold`.
    words_per_copy : int
        Words that one copy of the test network is shown in a row: what is quick on this simulator.
    spikes : bool
        Whether a run gives spikes here.
    """

    module: str
    package: str
    rule: str
    dendritic_fraction: float
    amplitude_unit: float
    read_unit: float
    shift: float
    cell: dict = field(default_factory=dict)
    delta_semantics: str = "voltage_jump"
    words_per_copy: int = 1
    spikes: bool = True


BACKENDS = {
    # a NEST neuron starts at -70 mV whatever v_rest says, so rest, reset and threshold are moved with it (same gap of 15 mV)
    "nest": Backend("pyNN.nest", "nest-simulator", "all pairs", 1.0, W_MAX * 1000, 1000.0, 10.0,
                    {"v_rest": -70.0, "v_reset": -70.0, "v_thresh": -55.0}, words_per_copy=64),
    "brian2": Backend("pyNN.brian2", "brian2", "all pairs", 0.0, W_MAX, 1.0, 10.0,
                      words_per_copy=32, delta_semantics="late_jump"),
    "spinnaker": Backend("spynnaker.pyNN", "sPyNNaker", "nearest pair", 1.0, 1.0, 1.0, 0.0,
                         delta_semantics="current_step", spikes=False),
}  # fmt: skip

GAP_MS = 500  # between two words shown to the same copy [ms]


class EngineMissingError(RuntimeError):
    """A simulator is not installed, or does not run here."""


@contextlib.contextmanager
def quiet():
    """Send what is written to the standard streams, also by compiled code, to nowhere."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        with open(os.devnull, "w") as text, contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            yield
    finally:
        for number, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, number)
            os.close(copy)
        os.close(sink)


def simulator(name):
    """Import a simulator's PyNN module without its banner.

    Parameters
    ----------
    name : {"nest", "brian2", "spinnaker"}

    Returns
    -------
    module, Backend

    Raises
    ------
    ValueError
        If the name is unknown.
    EngineMissingError
        If the simulator is not installed.
    """
    if name not in BACKENDS:
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, got {name!r}")
    backend = BACKENDS[name]
    os.environ.setdefault("PYNEST_QUIET", "1")
    try:
        with quiet():
            module = importlib.import_module(backend.module)
            if name == "brian2":
                import brian2

                brian2.prefs.codegen.target = "numpy"  # compiling would take a minute, the run takes a second
                logging.getLogger("brian2").setLevel(logging.ERROR)
    except ImportError as error:
        raise EngineMissingError(
            f"engine {name!r} needs the package {backend.package}, which does not import here ({error}); "
            f"install it (pip install {backend.package}) or choose engine='numpy'"
        ) from None
    logging.getLogger("PyNN").setLevel(logging.ERROR)
    return module, backend


def _setup(sim, name):
    if name == "nest":
        sim.setup(timestep=1.0, min_delay=1.0, max_delay=10.0, spike_precision="on_grid", verbosity="error")
    elif name == "brian2":
        import brian2

        sim.setup(timestep=1.0, min_delay=1.0)
        brian2.defaultclock.dt = 1.0 * brian2.ms  # a second set-up leaves it at 0.1 ms
    else:
        sim.setup(timestep=1.0)


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
    for bit, times in ((1, engine.ONE_TIMES), (0, engine.ZERO_TIMES)):
        trains = [_times(times, backend) if b == bit else silent for b in word_bits(word, n_bits)[0]]
        source[bit] = sim.Population(n_bits, sim.SpikeSourceArray(spike_times=trains), label=f"ssp_{bit}")
    save = sim.Population(1, sim.SpikeSourceArray(spike_times=_times([engine.SAVE_TIME], backend)), label="save")
    teacher = sim.Population(
        1, sim.SpikeSourceArray(spike_times=_times([engine.TEACHER_TIME], backend)), label="teacher"
    )
    injectors = [sim.Population(n_bits, cell, label=f"injector_{name}") for name in ("exc", "inh")]
    outputs = [sim.Population(1, cell, label=f"output_{name}") for name in ("exc", "inh")]

    drive = sim.StaticSynapse(weight=engine.DRIVE, delay=float(engine.DELAY))
    teach = sim.StaticSynapse(weight=engine.DRIVE, delay=float(engine.TEACHER_DELAY))
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
        "delay": float(engine.DELAY),
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
    """Copies of the test network side by side, each shown its words one after the other (page ``stdp_spinnaker``, phase 3).

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
    silent = _times([engine.TEST_TIME + GAP_MS * max(len(words) for words in shows)], backend)
    drive = sim.StaticSynapse(weight=engine.DRIVE, delay=float(engine.DELAY))
    injector = {}
    for bit in (1, 0):
        trains = []
        for words in shows:
            on = word_bits(words, n_bits) == bit
            trains += [
                _times(engine.TEST_TIME + GAP_MS * np.flatnonzero(on[:, i]), backend) or silent for i in range(n_bits)
            ]
        source = sim.Population(len(trains), sim.SpikeSourceArray(spike_times=trains), label=f"ssp_{bit}")
        injector[bit] = sim.Population(len(trains), cell, label=f"injector_{bit}")
        sim.Projection(source, injector[bit], sim.OneToOneConnector(), drive, receptor_type="excitatory")
    output = sim.Population(len(shows) * len(readouts), cell, label="output")
    for bit, flip, kind in ((1, 0, "excitatory"), (1, 1, "inhibitory"), (0, 1, "excitatory"), (0, 0, "inhibitory")):
        sign = -1.0 if kind == "inhibitory" and backend.delta_semantics != "current_step" else 1.0
        pairs = [
            (copy * n_bits + i, copy * len(readouts) + readout, sign * float(weights[flip][i]), float(engine.DELAY))
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
    sim, row = _spiking(backend)
    with quiet():
        _setup(sim, backend)
        net = build_training(sim, row, word, stdp, n_bits=n_bits)
        sim.run(engine.TRAIN_STEPS + row.shift)
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
    sim, row = _spiking(backend)
    per_copy = row.words_per_copy
    shows = [words[i : i + per_copy] for i in range(0, len(words), per_copy)]
    with quiet():
        _setup(sim, backend)
        net = build_test(sim, row, shows, readouts, n_bits=n_bits)
        sim.run(engine.TEST_TIME + GAP_MS * len(shows[0]) + row.shift)
    fired = np.zeros((len(readouts), len(shows) * per_copy), dtype=bool)
    for neuron, times in enumerate(_spike_times(net.output, row)):
        copy, readout = divmod(neuron, len(readouts))
        shown = ((times - engine.TEST_TIME) // GAP_MS).astype(int)
        fired[readout, copy * per_copy + shown] = True
    with quiet():
        sim.end()
    return fired[:, : len(words)]


def find_factors(cases, backend="nest", *, n_bits=10, n_candidates=12, n_rounds=6):
    """Homeostatic factors through PyNN: the authors' search, with many candidates and several cases side by side per run.

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
    high = dict.fromkeys(searches, engine.SEARCH_START)
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
        engine.Case(case, *weights, factors, h, identified, metrics(identified, case))
        for case, weights, factors, h, identified in zip(cases, merged, search, largest, fired, strict=True)
    ]


def _spiking(name):
    if name in BACKENDS and not BACKENDS[name].spikes:
        raise EngineMissingError(
            f"engine {name!r} maps networks here but runs on SpiNNaker boards only; choose nest or brian2"
        )
    return simulator(name)
