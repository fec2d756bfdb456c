"""Placing and routing the networks with sPyNNaker on a virtual board: what the tools do before a real board would run.

sPyNNaker keeps global state, writes reports beside the script and reads a file from the home folder, so every mapping
runs in a process of its own, whose working and home folder is the folder given. A virtual board returns no spikes.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from paperlab.methods.foundations.checks import finite
from paperlab.methods.spiking import loops, network
from paperlab.methods.spiking.backends import BACKENDS, EngineMissingError
from paperlab.methods.spiking.words import check_patterns, check_words

CONFIG = """[Machine]
version = 5
virtual_board = True
"""
TIMEOUT_S = 900


@dataclass(frozen=True)
class Mapping:
    """What sPyNNaker decided.

    Attributes
    ----------
    populations, application_vertices, machine_vertices, placements, cores_of_network, chips : int
    fraction_bits : list of list of int
        Of the weights onto each output (exciting and inhibiting in training, the first two in a test), by synapse type:
        excitatory, inhibitory.
    seconds : float
    """

    populations: int
    application_vertices: int
    machine_vertices: int
    placements: int
    cores_of_network: int
    chips: int
    fraction_bits: list
    seconds: float


def map_training(word, folder, *, n_bits=10, timeout_s=TIMEOUT_S):
    """Map the training network of one word.

    Parameters
    ----------
    word : int
    folder : path-like
        Created if need be; receives sPyNNaker's configuration and reports, and the log ``mapping.log``.

    n_bits : int
    timeout_s : float
        Seconds after which to give up.

    Returns
    -------
    Mapping

    Raises
    ------
    ValueError
        If the word is out of its range.
    backends.EngineMissingError
        If sPyNNaker is not installed or the mapping fails.
    """
    (word,) = check_patterns([word], n_bits)
    return _run({"kind": "training", "word": word, "n_bits": int(n_bits)}, folder, timeout_s)


def map_test(words, w1, w0, folder, *, n_bits=10, timeout_s=TIMEOUT_S):
    """Map one test network per word side by side, as the authors test 25 words at a time.

    Parameters
    ----------
    words : sequence of int
    w1, w0 : array_like, shape (n_bits,)
        Scaled weights.
    folder, n_bits, timeout_s
        As in `map_training`.

    Returns
    -------
    Mapping

    Raises
    ------
    ValueError, backends.EngineMissingError
        As `map_training`.
    """
    job = {
        "kind": "test",
        "words": check_words(words, n_bits).tolist(),
        "w1": finite("w1", w1).tolist(),
        "w0": finite("w0", w0).tolist(),
        "n_bits": int(n_bits),
    }
    return _run(job, folder, timeout_s)


def _run(job, folder, timeout_s):
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("spynnaker.cfg", ".spynnaker.cfg"):
        (folder / name).write_text(CONFIG)
    (folder / "job.json").write_text(json.dumps(job))
    environment = {**os.environ, "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    log = folder / "mapping.log"
    try:
        with open(log, "w") as stream:
            done = subprocess.run(
                [sys.executable, "-m", "paperlab.methods.spiking.spinnaker", "job.json", "result.json"],
                cwd=folder,
                env=environment,
                stdout=stream,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
                check=False,
            )
    except subprocess.TimeoutExpired:
        raise EngineMissingError(f"sPyNNaker did not finish mapping within {timeout_s} s; see {log.name}") from None
    if done.returncode:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        named = [line for line in lines if "Error" in line or "Exception" in line]
        reason = (named or lines or [f"exit status {done.returncode}"])[-1].strip()
        raise EngineMissingError(
            f"sPyNNaker could not map the network: {reason}; install sPyNNaker 7.4.1 or skip the mapping"
        )
    return Mapping(**json.loads((folder / "result.json").read_text()))


def _map(job):
    """Runs in the process of its own: build, map, and read what sPyNNaker decided."""
    import spynnaker.pyNN as sim  # keeps global state, so only here
    from spynnaker.pyNN.data import SpynnakerDataView

    backend = BACKENDS["spinnaker"]
    started = time.perf_counter()
    sim.setup(timestep=1.0)
    sim.set_number_of_neurons_per_core(sim.IF_curr_delta, 100)
    if job["kind"] == "training":
        outputs = network.build_training(sim, backend, job["word"], n_bits=job["n_bits"]).outputs
        duration = loops.TRAIN_STEPS
    else:
        readout = [(np.array(job["w1"]), np.array(job["w0"]))]
        nets = [network.build_test(sim, backend, [[word]], readout, n_bits=job["n_bits"]) for word in job["words"]]
        outputs = [net.output for net in nets]
        duration = loops.TEST_STEPS
    own = list(SpynnakerDataView.iterate_vertices())
    sim.run(duration)
    placements = list(SpynnakerDataView.iterate_placemements())
    mine = {id(machine) for vertex in own for machine in vertex.machine_vertices}
    # a synapse type: 0 excitatory, 1 inhibitory; weights have 15 - shift fraction bits
    shifts = [population._vertex.get_ring_buffer_shifts() for population in outputs[:2]]
    result = Mapping(
        populations=len(own),
        application_vertices=len(list(SpynnakerDataView.iterate_vertices())),
        machine_vertices=SpynnakerDataView.get_n_machine_vertices(),
        placements=len(placements),
        cores_of_network=sum(id(p.vertex) in mine for p in placements),
        chips=len({(p.x, p.y) for p in placements}),
        fraction_bits=[[15 - int(shift) for shift in row] for row in shifts],
        seconds=time.perf_counter() - started,
    )
    sim.end()
    return result


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        answer = _map(json.load(file))
    with open(sys.argv[2], "w") as file:
        json.dump(asdict(answer), file)
