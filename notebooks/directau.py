# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Alignment and uniformity (DirectAU)
#
# TEXT {cite:t}`wang2022directau`
#
# ## Claims

# %% tags=["hide-input"] mystnb={"code_prompt_show": "Show the set-up"}
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.optimize import minimize

from paperlab import Paper, datasets, plots
from paperlab.methods.foundations.ranking import paired_bootstrap
from paperlab.methods.recommenders import embeddings, uniformity
from paperlab.methods.recommenders.interactions import Interactions, per_user_ratio
from paperlab.methods.recommenders.lightgcn import LightGCN
from paperlab.methods.recommenders.pairwise import BPR

plots.style()
BLUE, RED, GREEN, PURPLE, ORANGE, INK = plots.COLOURS
GREY = plots.PAPER_GREY
paper = Paper("directau")
paper.header()

# %% [markdown]
# ## Model

# %%
def direct_au(u, i, gamma):
    """Loss of a batch of pairs, and its gradient in the users' vectors."""
    n, length = len(u), np.linalg.norm(u, axis=1, keepdims=True)
    x, y = u / length, i / np.linalg.norm(i, axis=1, keepdims=True)
    loss, pull = np.mean(np.sum((x - y) ** 2, axis=1)), 2 / n * (x - y)  # (1)
    for z in (x, y):
        K = np.exp(4 * z @ z.T - 4) - np.eye(n)  # exp(-2 |z_a - z_b|^2), a != b
        loss += gamma / 2 * np.log(K.sum() / (n * (n - 1)))  # (2)
        if z is x:
            pull += 4 * gamma / K.sum() * K @ x
    return loss, (pull - np.sum(pull * x, axis=1, keepdims=True) * x) / length


# %% [markdown]
# ## Parameters and set-up

# %% tags=["parameters"]
seed: int = 0  # [0, 4294967295] seed of every random generator on this page
dataset: str = "amazon_beauty_7core"  # {amazon_beauty_7core, amazon_beauty} the data
gammas: list[float] = [0.5, 1.0]  # [0, 20] weights of uniformity to choose from
l2_values: list[float] = [0.01, 0.03]  # [0, 1] penalties of BPR to choose from
temperatures: list[float] = []  # [0.02, 2] of CLRec to choose from; none: left out
n_candidates: int = 32  # [2, 200] products drawn for a dynamic negative
dim: int = 64  # [2, 256] length of a vector
batch_size: int = 256  # [16, 4096] pairs of a batch
graph_batch: int = 1024  # [64, 8192] pairs of a batch with LightGCN
learning_rate: float = 0.005  # [0.0001, 0.1] of Adam
graph_rate: float = 0.01  # [0.0001, 0.1] of Adam with LightGCN
epochs: int = 20  # [1, 300] passes over the training pairs, at most
every: int = 4  # [1, 50] passes between two looks at the validation part
patience: int = 2  # [1, 50] looks without a better value that end the training
n_seeds: int = 1  # [1, 10] splits and starts, settings chosen on the first
single_term: bool = True  # also train with alignment only and uniformity only
graph_directau: bool = False  # also train LightGCN with the loss of DirectAU
gowalla_epochs: int = 0  # [0, 300] passes over the Gowalla data; 0: left out
dense: bool = False  # also train on ML-100k, where most things are known
# data: amazon_beauty_7core if dataset == "amazon_beauty_7core"
# data: amazon_beauty if dataset == "amazon_beauty"
# data: gowalla if gowalla_epochs > 0
# data: ml100k if dense

# %% tags=["hide-input"]
def load(name):
    """Interactions of a data set, item numbers drawn by lot: the stored ones leak."""
    stored = datasets.load(name)
    if name == "amazon_beauty":
        stored = stored["interactions"]
    elif name == "gowalla":
        stored = pd.concat([stored["train"], stored["test"]])
    elif name == "ml100k":
        stored = stored["ratings"].query("rating >= 4")
    pairs = Interactions.from_pairs(stored.user.to_numpy(), stored.item.to_numpy())
    pairs = pairs.core(5)[0] if name == "ml100k" else pairs
    return pairs.permute_items(rng=paper.rng("numbers", name))[0]


table = load(dataset)
splits = [per_user_ratio(table, rng=paper.rng("split", s)) for s in range(n_seeds)]

# %% [markdown]
# Learners

# %%
def learner(name, train, setting, rng, **other):
    """One method with one setting: its penalty, gamma or temperature."""
    options = {"dim": dim, "batch_size": batch_size, "learning_rate": learning_rate}
    options |= {"rng": rng} | other
    if name.startswith("LightGCN"):
        options |= {"batch_size": graph_batch, "learning_rate": graph_rate}
    if name == "DirectAU":
        return uniformity.directau(train, gamma=setting, l2=1e-4, **options)
    if name == "CLRec":
        return uniformity.clrec(train, temperature=setting, l2=1e-4, **options)
    if name == "LightGCN + DirectAU":
        both = lambda u, i: uniformity.align_uniform(u, i, setting)
        return LightGCN(train, loss=both, l2=1e-4, **options)
    if name == "LightGCN":
        return LightGCN(train, l2=setting, **options)
    many = n_candidates if name == "BPR-DS" else 1
    return BPR(train, n_candidates=many, l2=setting, **options)


# %%
def validation(split):
    """NDCG@20 on the validation part, for early stopping and for the choice."""
    return lambda u, i: embeddings.rank(u, i, split, part="valid").ndcg.mean()


def choose(name, settings, s, **other):
    """Train with every setting on split s; the best by validation."""
    rng, train = paper.rng("train", name, s), splits[s].train
    course = {"epochs": epochs, "every": every, "patience": patience, "keep": s == 0}
    make = lambda setting, rng: learner(name, train, setting, rng, **other)
    return embeddings.choose(make, settings, validation(splits[s]), rng=rng, **course)


# %% [markdown]
# ## Results
#
# ### What does BPR want?

# %%
def bpr_on_sphere(flat, n, scale=5.0):
    """BPR of n people with one product each over all negatives, and its gradient."""
    u, i = flat.reshape(2, n, -1)
    (x, long_x), (y, long_y) = uniformity.unit(u), uniformity.unit(i)
    s = scale * x @ y.T
    gap = s - np.diag(s)[:, None]  # of the drawn product over the chosen one
    loss = np.logaddexp(0, gap)[~np.eye(n, dtype=bool)].mean()
    p = scale / (1 + np.exp(-gap)) / (n * (n - 1))
    np.fill_diagonal(p, 0)
    np.fill_diagonal(p, -p.sum(1))
    to = [p @ y, p.T @ x]
    to = [(g - (g * z).sum(1, keepdims=True) * z) / r for g, z, r in
          zip(to, (x, y), (long_x, long_y))]
    return loss, np.concatenate(to).ravel()


# %%
n = 16
start = paper.rng("sphere").standard_normal(2 * n * n)
alone = Interactions.from_pairs(np.arange(n), np.arange(n))
sphere = []


def look(flat):
    u, i = flat.reshape(2, n, n)
    spread = uniformity.overall_uniformity(u, i, alone)
    sphere.append((uniformity.alignment(u, i, alone), spread))


look(start)
tight = {"maxiter": 3000, "gtol": 1e-9, "ftol": 1e-15}
minimize(bpr_on_sphere, start, (n,), jac=True, method="L-BFGS-B", callback=look, options=tight)
aligned, spread = sphere[-1]
paper.measure(c8a=aligned, c8b=spread)
aligned, spread, len(sphere)

# %% [markdown]
# ### Which recommends better?

# %%
grids = {"BPR": l2_values, "BPR-DS": l2_values, "DirectAU": gammas}
if temperatures:
    grids["CLRec"] = temperatures
chosen = {name: choose(name, grid, 0) for name, grid in grids.items()}
grids["LightGCN"] = [chosen["BPR"].setting]
chosen["LightGCN"] = choose("LightGCN", grids["LightGCN"], 0)
if graph_directau:
    grids["LightGCN + DirectAU"] = [chosen["DirectAU"].setting]
    chosen["LightGCN + DirectAU"] = choose("LightGCN + DirectAU", [chosen["DirectAU"].setting], 0)
for name, c in chosen.items():
    print(name, c.setting, c.fit.epoch, [(s, round(f.value, 4), f.epoch, round(f.looks[-1].seconds,1)) for s, f in c.fits.items()], c.fit.looks[-1])

# %%
tests = {name: [embeddings.rank(c.fit.users, c.fit.items, splits[0])] for name, c in chosen.items()}
for s in range(1, n_seeds):
    for name, c in chosen.items():
        again = choose(name, [c.setting], s).fit
        tests[name].append(embeddings.rank(again.users, again.items, splits[s]))
ndcg = {name: np.mean([t.ndcg.mean() for t in part]) for name, part in tests.items()}
recall = {name: np.mean([t.recall.mean() for t in part]) for name, part in tests.items()}
ndcg, recall

# %%
paths = []
for name, c in chosen.items():
    for look, (u, i) in zip(c.fit.looks, c.fit.snapshots):
        train = splits[0].train
        paths.append((name, look.epoch, uniformity.alignment(u, i, train), uniformity.overall_uniformity(u, i, train), look.value))
paths = pd.DataFrame(paths, columns=["method", "epoch", "alignment", "uniformity", "ndcg"])
paths

# %%
only = {}
if single_term:
    for name, (g, a) in {"alignment only": (0.0, 1.0), "uniformity only": (1.0, 0.0)}.items():
        c = choose("DirectAU", [g], 0, alignment=a)
        r = embeddings.rank(c.fit.users, c.fit.items, splits[0])
        only[name] = r.ndcg.mean()
        print(name, [(l.epoch, round(l.value, 4)) for l in c.fit.looks], r.ndcg.mean())

# %%
paper.versions("numpy")
