from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from modules.attention.amx import WIDEST, Amx
from modules.attention.base import KERNELS
from modules.attention.lse import log_sum_exp

AMX = Amx()
REASON = AMX.why_not("cpu")
here = pytest.mark.skipif(bool(REASON), reason=REASON)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def heads(batch: int, tokens: int, count: int, width: int, seed: int = 0) -> Tensor:
    """(batch, heads, tokens, width), as a layer has it: the heads of a token lie side by side."""
    numbers = torch.randn(batch, tokens, count * width, generator=torch.Generator().manual_seed(seed))
    return numbers.bfloat16().view(batch, tokens, count, width).transpose(1, 2)


def error(found: Tensor, q: Tensor, k: Tensor, v: Tensor) -> float:
    exact = scaled_dot_product_attention(q.double(), k.double(), v.double())
    return float((found - exact).norm() / exact.norm())


@here
@pytest.mark.parametrize("queries", [1, 33, 64])
@pytest.mark.parametrize("keys", [1, 32, 77, 256, 700])
@pytest.mark.parametrize("width", [8, 40, 41, 64, 160, WIDEST])
def test_it_is_as_exact_as_pytorchs_own_for_any_number_of_tokens_and_width(queries: int, keys: int, width: int) -> None:
    q, k, v = heads(2, queries, 3, width), heads(2, keys, 3, width, 1), heads(2, keys, 3, width, 2)
    found, lse = AMX.with_lse(q, k, v)
    assert found.shape == q.shape
    assert error(found, q, k, v) <= 1.5 * error(scaled_dot_product_attention(q, k, v), q, k, v) + 1e-4
    torch.testing.assert_close(lse, log_sum_exp(q, k), atol=2e-4, rtol=0)
    assert torch.equal(AMX.compute(q, k, v), found)


@here
@pytest.mark.parametrize("at", [0, 255, 256, 699])
def test_one_key_that_outweighs_all_others_is_found_wherever_it_stands(at: int) -> None:
    """Behind the first 256 its weight is beyond 2^127, and is computed once more."""
    q, k, v = heads(1, 40, 2, 40).abs() * 10, heads(1, 700, 2, 40, 1), heads(1, 700, 2, 40, 2)
    k[:, :, at] = 400
    found, lse = AMX.with_lse(q, k, v)
    torch.testing.assert_close(found, v[:, :, at : at + 1].expand_as(q), atol=0, rtol=0)
    torch.testing.assert_close(lse, log_sum_exp(q, k), atol=0, rtol=1e-5)


@here
def test_words_that_stand_once_for_several_rows_are_read_as_such() -> None:
    q, k, v = heads(2, 64, 3, 40), heads(1, 77, 3, 40, 1), heads(1, 77, 3, 40, 2)
    assert torch.equal(
        AMX.compute(q, k.expand(2, -1, -1, -1), v.expand(2, -1, -1, -1)),
        AMX.compute(q, k.repeat(2, 1, 1, 1), v.repeat(2, 1, 1, 1)),
    )


@here
def test_any_number_of_threads_computes_the_same() -> None:
    q, k, v = heads(1, 200, 3, 40), heads(1, 300, 3, 40, 1), heads(1, 300, 3, 40, 2)
    alone = AMX.compute(q, k, v)
    for threads in (2, 5):
        torch.set_num_threads(threads)
        assert torch.equal(AMX.compute(q, k, v), alone)


@here
def test_what_is_no_number_stays_in_its_row() -> None:
    q, k, v = heads(1, 40, 2, 40), heads(1, 77, 2, 40, 1), heads(1, 77, 2, 40, 2)
    expected = AMX.compute(q, k, v)
    q[0, 1, 7, 3] = torch.nan
    found = AMX.compute(q, k, v)
    assert bool(found[0, 1, 7].isnan().all())
    found[0, 1, 7] = expected[0, 1, 7]
    assert torch.equal(found, expected)


@here
def test_a_head_does_not_see_what_lies_beside_it() -> None:
    """Widths that fill no tile are followed by the next head's numbers."""
    q, k, v = heads(1, 40, 2, 40), heads(1, 77, 2, 40, 1), heads(1, 77, 2, 40, 2)
    expected = AMX.compute(q, k, v)
    for one in (q, k, v):
        one[:, 1] = torch.inf
    assert torch.equal(AMX.compute(q, k, v)[:, 0], expected[:, 0])


@here
def test_small_numbers_are_computed_afterwards_as_before() -> None:
    """Within it what is below 2^-126 is zero; each thread goes back to what it did."""
    torch.set_num_threads(2)
    small = torch.full((1 << 20,), 1e-39)
    q = heads(1, 64, 4, 40)
    AMX.compute(q, q, q)
    assert bool((small * 0.5 > 0).all())


@here
def test_what_it_does_not_take_goes_to_pytorchs_own() -> None:
    """fp32, as VAEs have it; one wide head; what gradients are wanted of; numbers that lie apart; none."""
    q = heads(1, 40, 2, 40)
    scattered = torch.randn(1, 2, 40, 64).bfloat16().transpose(2, 3)
    for given in (q.float(), heads(1, 40, 1, 512), q.clone().requires_grad_(), scattered, q[:0], q[..., :0]):
        assert torch.equal(AMX.compute(given, given, given), KERNELS["sdpa"].compute(given, given, given))
    assert not AMX.compute(q, q[:, :, :0], q[:, :, :0]).any()


def test_it_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "processors" in AMX.why_not("cuda")
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert "this one has none" in AMX.why_not("cpu")
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr(torch.cpu, "_init_amx", lambda: False)
    assert "Linux 5.16" in AMX.why_not("cpu")
    monkeypatch.setattr(torch.cpu, "_init_amx", lambda: True)
    monkeypatch.setattr("modules.attention.amx.has_numba", lambda: False)
    assert "numba" in AMX.why_not("cpu")


@here
def test_a_process_that_asked_nothing_before_may_use_the_tiles() -> None:
    """Where an earlier one measured, nobody asks why it cannot be used."""
    script = "from modules.attention.amx import Amx; import torch; q = torch.ones(1, 1, 8, 40).bfloat16();"
    done = subprocess.run([sys.executable, "-c", f"{script} Amx().compute(q, q, q)"], check=False)
    assert done.returncode == 0
