"""What the page answers when Generate is pressed."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from PIL import Image

from modules.app import App
from modules.core.people import OWNER_HERE
from modules.ui.form import form_request
from modules.ui.frame import submit
from tests.api.conftest import QUICK, started


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with started(tmp_path_factory.mktemp("frame"), QUICK) as server:
        yield server.app


def start(app: App, width: int, height: int) -> str:
    """A picture of this size to start from; its id."""
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, "PNG")
    return app.inputs.put("local", file.getvalue()).id


def test_nothing_is_said_of_a_picture_that_becomes_what_was_asked_for(app: App) -> None:
    values = {"prompt": "a cat", "image": start(app, 64, 68), "width": 0, "height": 0}
    assert submit(app.desk(""), values, OWNER_HERE, form_request) == ""


def test_a_picture_that_is_painted_in_another_size_is_told(app: App) -> None:
    values = {"prompt": "a cat", "image": start(app, 61, 67), "width": 0, "height": 0}
    assert submit(app.desk(""), values, OWNER_HERE, form_request) == (
        '<p class="taffy-notes" role="status">'
        "painted at 64x68, the next size this checkpoint can make, and cut to 61x67</p>"
    )


def test_what_cannot_be_made_is_refused_with_its_reason(app: App) -> None:
    assert 'role="alert"' in submit(
        app.desk(""), {"prompt": "a cat", "width": 65, "height": 64}, OWNER_HERE, form_request
    )
    assert "65" in submit(app.desk(""), {"prompt": "a cat", "width": 65, "height": 64}, OWNER_HERE, form_request)
