"""Making pictures and latents larger: resampling, the six latent modes, and every network spandrel can load.

Without torch (page, API, queue): `UPSCALERS` (base.py), the built-in ones; `UpscalerIndex` (index.py), those and the
files on disk. In the worker: `Upscalers` (upscalers.py), which loads one network at a time, and `resize_latents`
(latent.py).

    index = UpscalerIndex(models_folders)
    index.entries() -> tuple[Upscaler, ...]         # name, kind ("pixels" or "latent"), path, size, problem, advice
    index.find(name, "pixels") -> Upscaler          # raises UnknownName, BadCheckpoint, UnsafeFile

    upscalers = Upscalers(index, device)            # device: modules.families.device.Device
    upscalers.upscale(image, name, width, height)   # generator: yields Tile, returns an Image of exactly that size
    upscalers.run(image, request)                   # the same for an UpscaleRequest: scale, fit, crop, second upscaler
    upscalers.unload()

    image = yield from ...                          # Tile(step, steps, seconds, frame: Frame | None), step from 1
    resize_latents(latents, name, height, width)    # (batch, c, height, width); a name of kind "latent"

Images are RGB or RGBA, 8 bits; the opacity of an RGBA picture is made larger with it. Closing a generator stops it.
"""
