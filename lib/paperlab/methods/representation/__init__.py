"""Latent variables learned from what they cause.

Pages ``intervention_extrapolation``, ``diverse_dictionary`` and ``xfactors``.

``dictionary``          autoencoders with a sparse Jacobian and its rivals, many in one stack
``identification``      what a code found: matched correlations, supports, blocks, the sparsest rotation
``extrapolation``       codes that depend on actions linearly on average
``control_function``    from a code to effects of actions that nobody has tried
``xfactors``            one small subspace per factor, tied to it by a contrastive loss
``disentanglement``     read-outs, DCI, the FactorVAE score, swaps judged by an independent reader
``simulate_mixtures``   sources mixed through a sparse support
``simulate_actions``    actions that move hidden states
``simulate_shapes``     small pictures drawn from known factors
"""
