"""Model families: one module or package each, collected here. Importable without torch."""

from importlib import import_module
from pkgutil import iter_modules

from modules.families.base import FAMILIES, FamilyLoader
from modules.families.recognise import known_families, recognise

for found in iter_modules(__path__):
    import_module(f"{__name__}.{found.name}")

__all__ = ["FAMILIES", "FamilyLoader", "known_families", "recognise"]
