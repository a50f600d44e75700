"""How a pass walks its noise levels: by its request's sampler, until somebody turns to another one or other noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from modules.core.family import Family
from modules.core.moments import SamplerStep, Turn
from modules.engine.start import Begin, Pass
from modules.sampling.noise import NoiseStream, noise_function
from modules.sampling.samplers import SAMPLERS, Denoise, Noise, Run
from modules.sampling.schedules import Sigmas


@dataclass(frozen=True)
class Way:
    """What a pass has to be walked with. seeds: one a row of its latents."""

    family: Family
    run: Pass
    seeds: tuple[int, ...]

    def walk(self, start: Begin, turns: Sequence[Turn]) -> tuple[Run, Noise]:
        """The sampler and the noise of this pass. turns: counted in its own steps, in order; none changes nothing.

        Other noise for the same sampler keeps what the sampler remembers of earlier steps; another sampler begins anew
        from the latents at hand.
        """
        name, seeds = self.run.request.sampler, self.seeds
        run, noise = SAMPLERS[name].run, start.noise
        for turn in turns:
            seeds = seeds if turn.seed is None else tuple(turn.seed + row for row in range(len(seeds)))
            other = turn.sampler or name
            drawn = turn.step if turn.seed is None else 0
            fresh = self.noise(other, seeds, drawn)
            noise = after(noise, fresh, self.run.sigmas[turn.step])
            if other != name:
                run, name = spliced(run, SAMPLERS[other].run, turn.step), other
        return run, noise

    def noise(self, sampler: str, seeds: Sequence[int], drawn: int) -> Noise:
        """drawn: how many draws are passed over, because the steps before have had them."""
        request = self.run.request
        shape = self.family.latent_shape(request.width, request.height)
        stream = NoiseStream(seeds, shape, request.noise_source, self.family.device)
        for _ in range(drawn + 1):  # the first one is where a picture starts from
            stream.draw()
        return noise_function(SAMPLERS[sampler], stream, self.run.levels)


def after(noise: Noise, other: Noise, level: float) -> Noise:
    """The first noise for intervals that begin above this level, the other one from there on."""
    return lambda sigma, sigma_next: (noise if sigma > level else other)(sigma, sigma_next)


def spliced(run: Run, other: Run, at: int) -> Run:
    """`at` steps of one sampler, the rest of the other."""

    def both(denoise: Denoise, x: Tensor, sigmas: Sigmas, noise: Noise) -> Iterator[SamplerStep]:
        if at:
            for step in run(denoise, x, sigmas, noise):
                yield step
                x = step.x
                if step.index + 1 == at:
                    break
        rest = replace(sigmas, values=sigmas.values[at:])
        for step in other(denoise, x, rest, noise):
            yield replace(step, index=step.index + at)

    return both


def own_turns(turns: Sequence[Turn], done: int, steps: int) -> list[Turn]:
    """Those that matter to a pass before which `done` steps were made, in its own steps. An earlier one lasts."""
    return [replace(turn, step=max(0, turn.step - done)) for turn in turns if turn.step < done + steps]
