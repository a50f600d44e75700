"""How much memory there is, in a container too, and which errors are a lack of it."""

from __future__ import annotations

from mmap import mmap
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
import torch

from modules.core.scarcity import is_lack_of_memory, ram_free, ram_total, resident


def container(folder: Path, limit: str, taken: int, files: int = 0, shared: int = 0) -> Path:
    """What the system says of one. files: bytes of what it has taken that are copies of files or shared memory."""
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{taken}\n")
    (folder / "memory.stat").write_text(f"anon {taken - files}\nfile {files}\nkernel 7\nshmem {shared}\n")
    return folder


def test_a_container_has_what_it_may_take_and_can_still_have_the_rest_of_it(tmp_path: Path) -> None:
    group = container(tmp_path, "1000", taken=700, files=400, shared=100)
    assert (ram_total(group), ram_free(group)) == (1000, 600)


def test_one_that_has_taken_all_has_nothing_left(tmp_path: Path) -> None:
    assert ram_free(container(tmp_path, "1000", taken=1001)) == 0


@pytest.mark.parametrize("limit", ["max", str(2**60), None])
def test_without_a_limit_it_is_the_computers(tmp_path: Path, limit: str | None) -> None:
    group = container(tmp_path, limit, taken=500) if limit else tmp_path / "none"
    machine = psutil.virtual_memory()
    assert ram_total(group) == machine.total
    assert 0.5 * machine.available < ram_free(group) < machine.total


def test_what_this_process_holds_grows_with_what_it_takes() -> None:
    before, size = resident(), 50_000_000
    with mmap(-1, size) as taken:  # not of what was given back to Python and is kept
        taken.write(b"1" * size)
        assert resident() - before > 0.9 * size


def test_too_large_a_tensor_is_a_lack_of_memory() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50)
    assert is_lack_of_memory(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("could not create a primitive"),
        OSError(12, "Cannot allocate memory"),
        OSError("The paging file is too small for this operation to complete. (os error 1455)"),
    ],
)
def test_the_system_graphics_cards_and_python_run_out_of_memory_too(error: Exception) -> None:
    assert is_lack_of_memory(error)


@pytest.mark.parametrize(
    "words", ["shape mismatch", "could not create a primitive descriptor for a convolution forward propagation"]
)
def test_other_errors_are_left_alone(words: str) -> None:
    assert not is_lack_of_memory(RuntimeError(words))
