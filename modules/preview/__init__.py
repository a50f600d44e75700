"""Pictures of unfinished latents: one module per method, collected here. Importable without torch."""

from importlib import import_module
from pkgutil import iter_modules

for found in iter_modules(__path__):
    import_module(f"{__name__}.{found.name}")
