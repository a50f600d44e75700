"""Where the features of a style and a content picture are kept: all steps at once if they fit, else step by step."""

from __future__ import annotations

from dataclasses import dataclass

from modules.core.errors import OutOfMemory
from modules.core.scarcity import ram_free
from modules.families.device import memory_of

PART = 0.5  # of what is free now may be taken; the networks' own work needs the rest
MAIN = "cpu"


@dataclass(frozen=True)
class Room:
    """Bytes free on the device that computes and in the machine's own memory (the same thing on a CPU)."""

    device: str
    free: int
    free_main: int

    @classmethod
    def now(cls, device: str) -> Room:
        main, (free, _) = ram_free(), memory_of(device)
        return cls(device, main if free is None else free, main)

    def keep_on(self, wanted: str, step_bytes: int, steps: int, pictures: int) -> str | None:
        """The device to keep the features of all steps on; None: ask for them again at each step (lock-step).

        wanted: "automatic", "stored" or "lock-step". step_bytes: of one picture's features at one step.
        Raises OutOfMemory with what is needed, what there is and what to choose instead.
        """
        needed = step_bytes * steps * pictures
        if wanted != "lock-step":
            for device, free in ((self.device, self.free), (MAIN, self.free_main)):
                if needed <= PART * free:
                    return device
        if wanted == "stored":
            raise self._too_much(
                f"of {steps} steps", needed, "choose lock-step (slower), fewer steps or a smaller size"
            )
        if step_bytes * pictures > PART * self.free:
            raise self._too_much("of one step", step_bytes * pictures, "choose a smaller size")
        return None

    def _too_much(self, what: str, needed: int, advice: str) -> OutOfMemory:
        free = max(self.free, self.free_main) if "steps" in what else self.free
        return OutOfMemory(
            f"the style's features {what} need {needed / 1e9:.2g} GB; of {free / 1e9:.2g} GB free, half may be used",
            advice,
        )
