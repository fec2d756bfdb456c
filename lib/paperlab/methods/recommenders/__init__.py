"""Recommenders: who interacted with what, ranking, embeddings, click models, sequences and item codes.

``interactions``  tables of users and items in time order, cores, splits, cold items, popularity groups
"""
