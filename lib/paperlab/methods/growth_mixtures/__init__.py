"""Mixtures of growth curves with experts and gates (page ``trajectory_experts``)."""
