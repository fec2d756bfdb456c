"""RecBole as a peer: its models, samplers and trainer, without the packages that only print and draw its logs.

The book installs ``recbole`` for the data inside it, without its dependencies. Four of them report progress and are not
installed; empty stand-ins take their places while RecBole is imported, and names that numpy 2 took away are given back.
Nothing that is timed or judged runs through them.
"""

import importlib
import logging
import sys
import types
from pathlib import Path

import numpy as np

REPORTING = {
    "colorama": ("init",),
    "texttable": ("Texttable",),
    "thop": ("profile",),
    "tensorboard": (),
    "torch.utils.tensorboard": ("SummaryWriter",),
}
GONE = {"float_": np.float64, "complex_": np.complex128, "unicode_": np.str_, "bool8": np.bool_, "long": np.int64}


class _Silent:
    """Stands for a class or a function of a reporting package; whatever is asked of it does nothing."""

    def __init__(self, *_, **__):
        pass

    def __call__(self, *_, **__):
        return None

    def __getattr__(self, _):
        return _Silent()


def load():
    """Import RecBole with stand-ins; its parts config, data, trainer and utils as a namespace.

    Raises
    ------
    ImportError
        If RecBole is missing or asks for more than the reporting packages.
    """
    for name, kind in GONE.items():
        if name not in np.__dict__:
            setattr(np, name, kind)
    missing = []
    for name, words in REPORTING.items():
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = types.ModuleType(name)
            for word in words:
                setattr(sys.modules[name], word, _Silent)
            missing.append(name)
    try:
        parts = {part: importlib.import_module(f"recbole.{part}") for part in ("config", "data", "trainer", "utils")}
    finally:
        for name in missing:
            del sys.modules[name]  # others look whether these are installed
    return types.SimpleNamespace(**parts)


def trainer(model, *, folder, **settings):
    """A trainer of RecBole on its ML-100k, with its training batches.

    Parameters
    ----------
    model : str
        Name among RecBole's models.
    folder : path
        Where RecBole may put its files.
    **settings
        Of RecBole's configuration, such as ``embedding_size`` and ``train_batch_size``.

    Returns
    -------
    trainer, batches
        ``trainer._train_epoch(batches, 0)`` is one epoch.
    """
    recbole = load()
    logging.getLogger().setLevel(logging.ERROR)
    data = Path(recbole.data.__file__).parents[1] / "dataset_example"
    quiet = {"show_progress": False, "use_gpu": False, "state": "ERROR"}
    quiet |= {"data_path": str(data), "checkpoint_dir": str(folder)}
    argv, sys.argv = sys.argv, sys.argv[:1]  # RecBole reads the command line
    try:
        config = recbole.config.Config(model=model, dataset="ml-100k", config_dict=quiet | settings)
    finally:
        sys.argv = argv
    recbole.utils.init_seed(config["seed"], config["reproducibility"])
    dataset = recbole.data.create_dataset(config)
    batches, _, _ = recbole.data.data_preparation(config, dataset)
    net = recbole.utils.get_model(model)(config, batches.dataset)
    return recbole.utils.get_trainer(config["MODEL_TYPE"], config["model"])(config, net), batches
