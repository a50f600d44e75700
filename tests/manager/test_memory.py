from __future__ import annotations

import pytest
import torch

from modules.manager.memory import out_of_memory


def test_too_large_a_tensor_is_a_lack_of_memory() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50)
    error = out_of_memory(caught.value, "loading x", "cpu")
    assert error is not None
    assert error.message == "there was not enough memory for loading x"
    assert error.advice == "close other programs or choose a smaller checkpoint or smaller pictures"


def test_a_graphics_card_may_be_left_alone_but_a_processor_is_all_there_is() -> None:
    on_card, on_processor = (out_of_memory(MemoryError(), "x", device) for device in ("cuda", "cpu"))
    assert on_card is not None
    assert on_processor is not None
    assert on_card.advice.endswith("or start Taffy with --use-cpu")
    assert "--use-cpu" not in on_processor.advice


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), MemoryError()])
def test_gpus_and_python_run_out_of_memory_too(error: Exception) -> None:
    assert out_of_memory(error, "x", "cuda") is not None


def test_other_errors_are_left_alone() -> None:
    assert out_of_memory(RuntimeError("shape mismatch"), "x", "cpu") is None
