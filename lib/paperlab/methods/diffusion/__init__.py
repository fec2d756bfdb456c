"""Diffusion models of images: who copies, and how near they come to the closed form (page ``diffusion_memorization``).

``noise``      levels in training and sampling, the scaling of a network's input and output
``optimum``    the closed-form denoiser of a training set
``samplers``   Heun's and Euler's steps along the probability flow
``denoisers``  stacked residual networks, several conditions at once
``unets``      a small U-Net with chosen skip connections
``training``   equal numbers of passes, fixed or redrawn labels, snapshots; drawing images
``copies``     two nearest training images, the rule of a third, the largest set that is copied
``study``      ways to label side by side, distance to the optimum
"""
