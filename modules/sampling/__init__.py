"""From noise to latents: samplers, lists of noise levels, seeds. Knows neither networks nor pictures, nor torch."""
