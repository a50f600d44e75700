"""The noise levels a network was trained on, from its scheduler's config."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from math import sqrt
from operator import mul
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from modules.core.errors import BadCheckpoint
from modules.core.family import NoiseLevels
from modules.core.request import sentence

LAST_SIGNAL = 4.8973451890853435e-08  # instead of 0: the last a of a schedule with zero terminal SNR
Beta = Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True, config=ConfigDict(extra="ignore"))
class NoiseSchedule:
    """The fields of a diffusers scheduler config that say what a network was trained on; SD 1.x's as defaults."""

    beta_start: Beta = 0.00085
    beta_end: Beta = 0.012
    beta_schedule: Literal["scaled_linear", "linear"] = "scaled_linear"
    num_train_timesteps: Annotated[int, Field(ge=2, le=10_000)] = 1000
    prediction_type: Literal["epsilon", "v_prediction"] = "epsilon"
    rescale_betas_zero_snr: bool = False
    trained_betas: None = None

    @property
    def levels(self) -> NoiseLevels:
        """sigma = sqrt((1 - a) / a) with a the product of 1 - beta (Ho et al. 2020); scaled_linear: in sqrt(beta).

        Zero terminal SNR: sqrt(a) is shifted and stretched so that the last one is 0 (Lin et al. 2024, algorithm 1);
        A1111 and ComfyUI put 4.9e-8 there for a, so that sigma stays finite.
        """
        power = 2 if self.beta_schedule == "scaled_linear" else 1
        first, last = self.beta_start ** (1 / power), self.beta_end ** (1 / power)
        steps = self.num_train_timesteps
        betas = [(first + (last - first) * i / (steps - 1)) ** power for i in range(steps)]
        signals = list(accumulate((1 - beta for beta in betas), mul))
        if self.rescale_betas_zero_snr:
            top, bottom = sqrt(signals[0]), sqrt(signals[-1])
            signals = [((sqrt(signal) - bottom) * top / (top - bottom)) ** 2 for signal in signals[:-1]] + [LAST_SIGNAL]
        return NoiseLevels(tuple(sqrt((1 - signal) / signal) for signal in signals))


_SCHEDULE = TypeAdapter(NoiseSchedule)


def noise_schedule(file_name: str, config: Mapping[str, Any]) -> NoiseSchedule:
    """Raises BadCheckpoint for a schedule we cannot run."""
    try:
        return _SCHEDULE.validate_python(config)
    except ValidationError as error:
        raise BadCheckpoint(f"the noise schedule of {file_name} cannot be used: {sentence(error)}") from error
