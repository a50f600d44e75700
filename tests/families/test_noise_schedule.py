from __future__ import annotations

import numpy as np
import pytest
from diffusers import DDIMScheduler

from modules.core.errors import BadCheckpoint
from modules.families.noise_schedule import NoiseSchedule, noise_schedule


@pytest.mark.parametrize("kind", ["scaled_linear", "linear"])
def test_levels_are_those_of_diffusers(kind: str) -> None:
    config = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": kind}
    signal = DDIMScheduler(**config).alphas_cumprod.double().numpy()
    levels = noise_schedule("a", config).levels
    np.testing.assert_allclose(levels.sigmas, ((1 - signal) / signal) ** 0.5, rtol=2e-5)


def test_the_default_is_sd1s() -> None:
    levels = NoiseSchedule().levels
    assert levels.sigma_max == pytest.approx(14.6146, abs=1e-4)
    assert levels.sigma_min == pytest.approx(0.0292, abs=1e-4)


@pytest.mark.parametrize(
    "config",
    [
        {"beta_schedule": "squaredcos_cap_v2"},
        {"rescale_betas_zero_snr": "perhaps"},
        {"num_train_timesteps": 10**12},
        {"beta_end": 2},
        {"prediction_type": "sample"},
    ],
)
def test_a_schedule_we_cannot_run_is_refused(config: dict[str, object]) -> None:
    with pytest.raises(BadCheckpoint, match="noise schedule of a"):
        noise_schedule("a", config)
