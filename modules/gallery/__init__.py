"""Finished pictures: on disk with their record inside, and listed. The door for everybody else is `Gallery`."""

from modules.gallery.gallery import Gallery, single
from modules.gallery.inputs import Inputs
from modules.gallery.store import Saved

__all__ = ["Gallery", "Inputs", "Saved", "single"]
