"""Page ``directau`` against torch, implicit, cornac, lightfm: the same numbers or quality first, then the time.

One thread. Epochs are of the paper's Beauty set, vectors of 64 numbers; slow peers run a part of an epoch, their time
is scaled.

BPR's epoch is slower than implicit's and cornac's, which take plain gradient steps: three quarters of it are Adam's two
moments, whose rows come from all over memory as the vectors do. Draws and gradients alone take what implicit takes.
"""

import time

import numpy as np
import pytest
from paperlab import datasets
from paperlab.methods.recommenders import uniformity
from paperlab.methods.recommenders.interactions import Interactions, per_user_ratio
from paperlab.methods.recommenders.lightgcn import Propagation
from paperlab.methods.recommenders.pairwise import BPR

DIM, BATCH, GAMMA, RATE = 64, 256, 0.5, 0.002


pytestmark = pytest.mark.usefixtures("one_thread")


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def train():
    stored = datasets.load("amazon_beauty")["interactions"]
    table = Interactions.from_pairs(stored.user.to_numpy(), stored.item.to_numpy())
    return per_user_ratio(table.permute_items(rng=rng())[0], rng=rng(1)).train


class TorchDirectAU:
    """The authors' way: embedding layers, autograd, Adam on all rows; or SparseAdam on those of a batch."""

    def __init__(self, train, sparse):
        import torch

        self.torch, self.train = torch, train
        self.users, self.items = (torch.nn.Embedding(n, DIM, sparse=sparse) for n in (train.n_users, train.n_items))
        for layer in (self.users, self.items):
            torch.nn.init.xavier_normal_(layer.weight)
        weights = [self.users.weight, self.items.weight]
        kind = torch.optim.SparseAdam if sparse else torch.optim.Adam
        self.optimiser = kind(weights, lr=RATE) if sparse else kind(weights, lr=RATE, weight_decay=1e-6)

    def loss(self, user, item):
        x, y = (
            self.torch.nn.functional.normalize(layer(self.torch.as_tensor(rows)), dim=-1)
            for layer, rows in ((self.users, user), (self.items, item))
        )
        spread = [self.torch.pdist(z).pow(2).mul(-2).exp().mean().log() for z in (x, y)]
        return (x - y).norm(p=2, dim=1).pow(2).mean() + GAMMA * sum(spread) / 2

    def seconds_of_an_epoch(self, n_batches):
        order = rng(2).permutation(len(self.train.items))
        user, item = self.train.users[order], self.train.items[order]
        begin = time.perf_counter()
        for start in range(0, n_batches * BATCH, BATCH):
            rows = slice(start, start + BATCH)
            self.optimiser.zero_grad()
            self.loss(user[rows], item[rows]).backward()
            self.optimiser.step()
        return (time.perf_counter() - begin) * len(order) / (n_batches * BATCH)


EPOCH = "DirectAU, one epoch of Beauty, 148,766 pairs in batches of 256 (gradients agree to 1e-6)"


@pytest.mark.benchmark(group=EPOCH)
def test_directau_here(benchmark, train):
    import torch

    benchmark.extra_info.update(role="ours", label="closed form, rows of the batch", agreement="gradients to 1e-6")
    learner = uniformity.directau(train, gamma=GAMMA, dim=DIM, batch_size=BATCH, learning_rate=RATE, rng=rng(3))
    user, item = next(learner.batches(rng(4)))
    peer = TorchDirectAU(train, sparse=False)
    users, items = learner.vectors()
    with torch.no_grad():
        peer.users.weight[:], peer.items.weight[:] = torch.tensor(users), torch.tensor(items)
    loss = peer.loss(user, item)
    loss.backward()
    ours = uniformity.align_uniform(users[user].astype(float), items[item].astype(float), GAMMA)
    assert ours[0] == pytest.approx(loss.item(), abs=1e-5)
    total = np.zeros_like(users)
    np.add.at(total, user, ours[1].astype(np.float32))
    theirs = peer.users.weight.grad.numpy()
    np.testing.assert_allclose(total, theirs, atol=1e-6 * np.abs(theirs).max() + 1e-6)
    benchmark.pedantic(learner.epoch, args=(rng(5),), rounds=3, warmup_rounds=1)


@pytest.mark.parametrize(
    ("sparse", "label"), [(False, "torch, Adam on all rows (the authors' way)"), (True, "torch, SparseAdam")]
)
@pytest.mark.benchmark(group=EPOCH)
def test_directau_torch(benchmark, train, sparse, label):
    peer = TorchDirectAU(train, sparse)
    peer.seconds_of_an_epoch(2)
    seconds = benchmark.pedantic(peer.seconds_of_an_epoch, args=(60,), rounds=1)
    benchmark.extra_info.update(role="peer", label=label, agreement="gradients to 1e-6", seconds=seconds)


PULL = "uniformity and its gradient, 1,024 points in 64 dimensions (agree to 1e-4 in single precision)"


@pytest.fixture(scope="module")
def points():
    return uniformity.unit(rng(6).standard_normal((1024, DIM)).astype(np.float32))[0]


def torch_pull(tensor):
    import torch

    tensor.grad = None
    value = torch.pdist(tensor).pow(2).mul(-2).exp().mean().log()
    value.backward()
    return value.item(), tensor.grad.numpy()


@pytest.mark.benchmark(group=PULL)
def test_uniformity_gradient_here(benchmark, points):
    import torch

    benchmark.extra_info.update(role="ours", label="half of the matrix in blocks of 256", agreement="1e-4")
    value, force = benchmark(uniformity._pull, points)
    theirs, gradient = torch_pull(torch.tensor(points, requires_grad=True))
    across = [g - np.sum(g * points, axis=1, keepdims=True) * points for g in (force, gradient)]
    assert value == pytest.approx(theirs, abs=1e-5)
    np.testing.assert_allclose(*across, atol=1e-4 * np.abs(across[1]).max())


@pytest.mark.benchmark(group=PULL)
def test_uniformity_gradient_torch(benchmark, points):
    import torch

    benchmark.extra_info.update(role="peer", label="torch.pdist and backward", agreement="1e-4")
    benchmark(torch_pull, torch.tensor(points, requires_grad=True))


OVERALL = "weighted uniformity over all pairs of 8,000 points (agree to 1e-5)"


@pytest.fixture(scope="module")
def weighted():
    draw = rng(7)
    return draw.standard_normal((8000, DIM)).astype(np.float32), draw.integers(1, 50, 8000).astype(float)


def all_pairs(x, c):
    """As the paper's appendix is usually programmed: every distance and every weight at once."""
    import torch

    z = torch.nn.functional.normalize(torch.tensor(x), dim=1)
    weight = torch.tensor(c, dtype=torch.float32)
    a, b = torch.triu_indices(len(x), len(x), 1)
    w = weight[a] * weight[b]
    return ((torch.pdist(z).pow(2).mul(-2).exp() * w).sum() / w.sum()).log().item()


@pytest.mark.benchmark(group=OVERALL)
def test_overall_uniformity_here(benchmark, weighted):
    benchmark.extra_info.update(role="ours", label="by blocks of 512 rows", agreement="1e-5")
    found = benchmark.pedantic(uniformity.uniformity, args=weighted, rounds=5)
    assert found == pytest.approx(all_pairs(*weighted), abs=1e-5)


@pytest.mark.benchmark(group=OVERALL)
def test_overall_uniformity_torch(benchmark, weighted):
    benchmark.extra_info.update(role="peer", label="torch.pdist, all pairs in memory", agreement="1e-5")
    benchmark.pedantic(all_pairs, args=weighted, rounds=2)


BPR_GROUP = "BPR, one epoch of Beauty, 148,766 pairs (same quality on the 7-core, see the tests)"


@pytest.mark.benchmark(group=BPR_GROUP)
def test_bpr_here(benchmark, train):
    benchmark.extra_info.update(role="ours", label="Adam on the rows of a batch", agreement="NDCG@20 within two errors")
    learner = BPR(train, dim=DIM, batch_size=BATCH, learning_rate=RATE, l2=0.01, rng=rng(8))
    benchmark.pedantic(learner.epoch, args=(rng(9),), rounds=10, warmup_rounds=2)


@pytest.mark.benchmark(group=BPR_GROUP)
def test_bpr_implicit(benchmark, train):
    bpr = pytest.importorskip("implicit.bpr")
    matrix = train.matrix()

    def epochs(n):
        model = bpr.BayesianPersonalizedRanking(factors=DIM, iterations=n, num_threads=1, random_state=1)
        begin = time.perf_counter()
        model.fit(matrix, show_progress=False)
        return time.perf_counter() - begin

    seconds = benchmark.pedantic(lambda: (epochs(12) - epochs(2)) / 10, rounds=1)
    benchmark.extra_info.update(role="peer", label="implicit", agreement="NDCG@20 within two errors", seconds=seconds)


@pytest.mark.benchmark(group=BPR_GROUP)
def test_bpr_cornac(benchmark, train):
    cornac = pytest.importorskip("cornac")
    data = cornac.data.Dataset.build([(u, i, 1.0) for u, i in zip(train.users, train.items, strict=True)])

    def epochs(n):
        model = cornac.models.BPR(k=DIM, max_iter=n, use_bias=False, num_threads=1, seed=1)
        begin = time.perf_counter()
        model.fit(data)
        return time.perf_counter() - begin

    seconds = benchmark.pedantic(lambda: (epochs(22) - epochs(2)) / 20, rounds=1)
    benchmark.extra_info.update(role="peer", label="cornac", agreement="NDCG@20 within two errors", seconds=seconds)


@pytest.mark.benchmark(group=BPR_GROUP)
def test_bpr_lightfm(benchmark, train):
    lightfm = pytest.importorskip("lightfm")
    model = lightfm.LightFM(no_components=DIM, loss="bpr", random_state=1)
    matrix = train.matrix().tocoo()
    model.fit_partial(matrix, epochs=1)
    benchmark.extra_info.update(role="peer", label="lightfm-next", agreement="NDCG@20 not compared")
    benchmark.pedantic(model.fit_partial, args=(matrix,), kwargs={"epochs": 1, "num_threads": 1}, rounds=5)


RECBOLE = "BPR, one epoch of ML-100k, 80,808 pairs in batches of 256 (loss after four epochs within a tenth)"


class RecBole:
    """RecBole's own BPR, trainer and batches; the mean loss of every epoch so far."""

    def __init__(self, folder):
        import recbole_peer

        settings = {"embedding_size": DIM, "train_batch_size": BATCH, "learning_rate": RATE}
        self.trainer, self.batches = recbole_peer.trainer("BPR", folder=folder, **settings)
        self.losses = []

    def epoch(self):
        self.losses.append(self.trainer._train_epoch(self.batches, 0) / len(self.batches))


@pytest.fixture(scope="module")
def recbole(tmp_path_factory):
    pytest.importorskip("recbole")
    return RecBole(tmp_path_factory.mktemp("recbole"))


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.benchmark(group=RECBOLE)
def test_bpr_recbole(benchmark, recbole):
    benchmark.extra_info.update(role="peer", label="RecBole, Adam on all rows", agreement="loss within a tenth")
    benchmark.pedantic(recbole.epoch, rounds=4)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.benchmark(group=RECBOLE)
def test_bpr_beside_recbole(benchmark, recbole):
    pairs = (recbole.batches.dataset.inter_feat[name].numpy() - 1 for name in ("user_id", "item_id"))
    learner = BPR(Interactions.from_pairs(*pairs), dim=DIM, batch_size=BATCH, learning_rate=RATE, rng=rng(11))
    benchmark.extra_info.update(role="ours", label="Adam on the rows of a batch", agreement="loss within a tenth")
    losses, stream = [], rng(12)
    benchmark.pedantic(lambda: losses.append(learner.epoch(stream)), rounds=4)
    while len(recbole.losses) < 4:
        recbole.epoch()
    assert losses[3] == pytest.approx(recbole.losses[3], rel=0.1)


GRAPH = "LightGCN with one layer on Beauty's graph, 64 dimensions (agree to 1e-5)"


@pytest.fixture(scope="module")
def graph(train):
    draw = rng(10)
    users, items = (draw.standard_normal((n, DIM)).astype(np.float32) for n in (train.n_users, train.n_items))
    return Propagation(train, 1), users, items


def scipy_layer(graph, users, items):
    return (users + graph.to_users @ items) / 2, (items + graph.to_items @ users) / 2


@pytest.mark.benchmark(group=GRAPH)
def test_graph_here(benchmark, graph):
    benchmark.extra_info.update(role="ours", label="one pass over memory", agreement="1e-5")
    found = benchmark(lambda: graph[0](*graph[1:]))
    for ours, theirs in zip(found, scipy_layer(*graph), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.benchmark(group=GRAPH)
def test_graph_scipy(benchmark, graph):
    benchmark.extra_info.update(role="peer", label="scipy sparse product", agreement="1e-5")
    benchmark(scipy_layer, *graph)
