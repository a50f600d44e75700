"""torch.compile for the layers of a U-Net, as an option: pictures come sooner, the first ones wait for it.

Layers are compiled by kind, not the network as a whole: weights are arguments of what comes out, so that it serves
other weights of the same shapes (another checkpoint, a LoRA), and adapters, control networks and fast mode may change
what happens between layers. Attention is left to its kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from diffusers.models.attention import FeedForward
from diffusers.models.resnet import ResnetBlock2D
from torch import nn

from modules.core.errors import BadSetting

KINDS = (ResnetBlock2D, FeedForward)
SHAPES = 128  # for which code of one kind is kept: layers differ in widths, calls in sizes
WITHOUT = "or start Taffy without --compile"


def compile_layers(network: nn.Module, device_kind: str) -> None:
    """Let the layers of a network compute in compiled code, made at their first call and kept on disk.

    Raises BadSetting if there is no compiler for the device.
    """
    _check(device_kind)
    torch._dynamo.config.recompile_limit = max(SHAPES, torch._dynamo.config.recompile_limit)
    for module in network.modules():
        kind: Any = type(module)
        if kind in KINDS:
            module.__class__ = compiled(kind)


@cache
def compiled(kind: type[Any]) -> type[Any]:
    """The class with a compiled forward. On the class, because a module that holds what holds it is freed too late."""
    forward: Callable[..., Any] = torch.compile(kind.forward, dynamic=False)
    return type(f"Compiled{kind.__name__}", (kind,), {"forward": forward, "is_compiled": True})


def _check(device_kind: str) -> None:
    if device_kind == "cpu":
        _check_cpp()
    elif device_kind in {"cuda", "xpu"}:
        from torch.utils._triton import has_triton

        if not has_triton():
            raise BadSetting(
                f"--compile needs Triton for {device_kind}, and it is not there or does not know this card",
                f"install the triton package of your build of torch, {WITHOUT}",
            )
    else:
        raise BadSetting(f"--compile knows processors and cards of NVIDIA, AMD and Intel, not {device_kind}", WITHOUT)


def _check_cpp() -> None:
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except (InvalidCxxCompiler, RuntimeError) as error:
        raise BadSetting(
            "--compile needs a C++ compiler on processors, and none was found",
            "install g++ or clang++ (Windows: the C++ build tools of Visual Studio; macOS: xcode-select --install) and "
            f"name it in the variable CXX if it is not on the path, {WITHOUT}",
        ) from error
