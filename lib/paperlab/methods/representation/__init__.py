"""Latent variables learned from what they cause: identification, extrapolation, disentanglement (pages
``intervention_extrapolation``, ``diverse_dictionary``, ``xfactors``).
"""
