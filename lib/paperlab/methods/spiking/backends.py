"""Simulators that read the same PyNN text: how to start each, and what it understands by the text."""

import contextlib
import importlib
import logging
import os
import sys
from dataclasses import dataclass, field

from paperlab.methods.spiking.formula import W_MAX


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
    # a NEST neuron starts at -70 mV whatever v_rest says: rest, reset and threshold move with it (same gap of 15 mV)
    "nest": Backend("pyNN.nest", "nest-simulator", "all pairs", 1.0, W_MAX * 1000, 1000.0, 10.0,
                    {"v_rest": -70.0, "v_reset": -70.0, "v_thresh": -55.0}, words_per_copy=64),
    "brian2": Backend("pyNN.brian2", "brian2", "all pairs", 0.0, W_MAX, 1.0, 10.0,
                      words_per_copy=32, delta_semantics="late_jump"),
    "spinnaker": Backend("spynnaker.pyNN", "sPyNNaker", "nearest pair", 1.0, 1.0, 1.0, 0.0,
                         delta_semantics="current_step", spikes=False),
}  # fmt: skip


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


def set_up(sim, name):
    """Set a simulator up with steps of 1 ms."""
    if name == "nest":
        sim.setup(timestep=1.0, min_delay=1.0, max_delay=10.0, spike_precision="on_grid", verbosity="error")
    elif name == "brian2":
        import brian2

        sim.setup(timestep=1.0, min_delay=1.0)
        brian2.defaultclock.dt = 1.0 * brian2.ms  # a second set-up leaves it at 0.1 ms
    else:
        sim.setup(timestep=1.0)


def spiking_simulator(name):
    """As `simulator`, for those that give spikes here."""
    if name in BACKENDS and not BACKENDS[name].spikes:
        raise EngineMissingError(
            f"engine {name!r} maps networks here but runs on SpiNNaker boards only; choose nest or brian2"
        )
    return simulator(name)
