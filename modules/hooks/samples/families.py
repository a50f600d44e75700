"""A family that is recognised by one of its tensors; here it borrows everything else."""

from typing import Any

from modules.hooks import hookimpl


class Painted:
    """`FamilyLoader`: matches, card, load. See modules/families/base.py."""

    def matches(self, header: Any) -> bool:
        return "painted.weight" in header.tensors


@hookimpl
def families() -> dict[str, object]:
    return {"painted": Painted()}
