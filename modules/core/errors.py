"""Every error a person can meet. The message says what was wrong, what was given and what is allowed.

TaffyError
├── BadRequest          a value of the form cannot be used
│   └── UnknownName     a name that is in no list (sampler, schedule, checkpoint ...)
├── BadSetting          a flag, variable or line of the settings file
├── BadCheckpoint       a file that cannot be used as a checkpoint
│   └── UnsafeFile      a file that could run code when opened (pickles)
├── NotANumber          the network or the VAE produced NaN or infinity
├── OutOfMemory         the device or the machine has no room left
├── CannotSave          the disk refused a picture or a record
├── NotThere            an id nobody knows, or that is somebody else's
├── NotAllowed          something that this person, or anybody elsewhere, may not do
├── QueueFull           more waiting jobs than allowed
├── Busy                the engine had no time for something small
├── BadExtension        an extension that cannot be used, or that failed at what only it can do
└── WorkerLost          the process that owns the weights died
"""

from __future__ import annotations


class TaffyError(Exception):
    """A sentence for the person at the screen, and optionally what to try next."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class BadRequest(TaffyError):
    pass


class UnknownName(BadRequest):
    pass


class BadSetting(TaffyError):
    pass


class BadCheckpoint(TaffyError):
    pass


class UnsafeFile(BadCheckpoint):
    pass


class NotANumber(TaffyError):
    pass


class OutOfMemory(TaffyError):
    pass


class CannotSave(TaffyError):
    pass


class NotThere(TaffyError):
    pass


class NotAllowed(TaffyError):
    pass


class QueueFull(TaffyError):
    pass


class Busy(TaffyError):
    pass


class BadExtension(TaffyError):
    pass


class WorkerLost(TaffyError):
    pass
