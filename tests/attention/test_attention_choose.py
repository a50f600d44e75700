from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers.models.attention_processor import AttnProcessor2_0

from modules.attention.base import KERNELS
from modules.attention.choose import choose
from modules.core.errors import UnknownName
from tests.checkpoints import tiny_unet, tiny_vae


def test_automatic_is_pytorchs_own_on_every_device() -> None:
    assert {choose(kind, "automatic")[0] for kind in ("cpu", "cuda", "mps", "xpu")} == {"sdpa"}


def test_every_choice_has_a_reason() -> None:
    assert all(choose("cpu", wanted)[1] for wanted in ("automatic", *KERNELS))


def test_a_kernel_that_cannot_run_here_is_replaced_and_the_reason_says_so() -> None:
    assert choose("cpu", "xformers") == (
        "sdpa",
        "xformers was asked for, but xformers runs on NVIDIA cards only, this is cpu",
    )


def test_an_unknown_kernel_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownName) as caught:
        choose("cpu", "magic")
    assert "sdpa" in caught.value.advice


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has an NVIDIA card")
def test_xformers_is_tried_before_it_is_trusted() -> None:
    assert KERNELS["xformers"].why_not("cuda").startswith("xformers does not work here")


@pytest.mark.parametrize("build", [tiny_unet, tiny_vae])
def test_sdpa_is_given_to_all_attention_of_a_network(build: object, tmp_path: Path) -> None:
    network = build()  # type: ignore[operator]
    KERNELS["sdpa"].use(network)
    assert {type(processor) for processor in network.attn_processors.values()} == {AttnProcessor2_0}
