"""Recommenders: who interacted with what, ranking, embeddings, click models, sequences and item codes.

``interactions``  tables of users and items in time order, cores, splits, cold items, popularity groups
``embeddings``    start of tables, Adam on the rows of a batch, training with early stopping, full ranking
``pairwise``      BPR with uniform and with dynamic negatives
``uniformity``    alignment and uniformity on the sphere: exact measures, losses of DirectAU and CLRec
``lightgcn``      averaging over the graph of users and items, with either loss
"""
