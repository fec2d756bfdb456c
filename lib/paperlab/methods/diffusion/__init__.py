"""Diffusion models of images: noise, denoisers, samplers, the closed-form optimum, and who copies.

Page: `diffusion_memorization`.
"""
