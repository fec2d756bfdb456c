"""Recommenders: who interacted with what, ranking, embeddings, click models, sequences and item codes.

``interactions``  tables of users and items in time order, cores, splits, cold items, popularity groups
``fields``        tables of categories, lists and numbers in one numbering; the click task of MovieLens
``stacks``        modules of torch whose members (seeds) train side by side
``attention``     interacting layers of AutoInt, compiled (page ``autoint``)
``ctr_models``    click models as sums of parts: LR, FM, AFM, NFM, CrossNet, CIN, AutoInt, Wide&Deep, DeepFM
``ctr_fit``       their training with early stopping, splits, mean attention
``ctr_study``     models side by side with chosen settings; planted interactions; Criteo's fields
"""
