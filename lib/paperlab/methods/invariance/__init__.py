"""Regression under interventions: data augmentation as an instrument, invariant prediction (page ``augmentation_iv``)."""
