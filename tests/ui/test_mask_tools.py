"""The tools of the mask editor, by mouse, keys and fingers: each paints what it should, where it should."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, expect

from tests.ui.mask_page import page, server, studio
from tests.ui.noise import PHONE, NoisePage, opened
from tests.ui.painting import (
    SIZE,
    Point,
    as_file,
    bring,
    brush,
    drawn,
    gradient,
    mask_of,
    on_screen,
    open_group,
    open_tab,
    png,
    same,
    settled,
    stroke,
    tool,
    value,
)

__all__ = ["page", "server", "studio"]
pytestmark = [pytest.mark.browser, pytest.mark.long]  # test_mask has the strokes


def test_zoomed_in_a_stroke_goes_where_the_pointer_is(page: Page, server: NoisePage) -> None:
    brush(page, 6)
    page.mouse.move(*on_screen(page, (50, 40)))
    before = page.locator(".taffy-paper").bounding_box()
    page.keyboard.down("Control")
    for _ in range(4):
        page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    after = page.locator(".taffy-paper").bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] > 2 * before["width"]
    stroke(page, (46, 40), (60, 44))
    page.keyboard.press("0")
    assert page.locator(".taffy-paper").bounding_box() == before
    assert same(mask_of(page, server), drawn([(46, 40), (60, 44)], 6))
    page.keyboard.down("Space")
    page.mouse.move(*on_screen(page, (50, 40)))
    page.mouse.down()
    page.mouse.move(*on_screen(page, (70, 40)), steps=3)
    page.mouse.up()
    page.keyboard.up("Space")
    moved = page.locator(".taffy-paper").bounding_box()
    assert moved is not None
    assert moved["x"] > before["x"] + 20
    assert same(mask_of(page, server), drawn([(46, 40), (60, 44)], 6))


def test_keys_and_the_wheel_change_the_brush(page: Page) -> None:
    size = "document.querySelector('taffy-mask').size"
    brush(page, 20)
    page.locator(".taffy-mask-field").focus()
    page.keyboard.press("]")
    assert page.evaluate(size) == pytest.approx(24)
    page.keyboard.press("[")
    page.keyboard.press("[")
    assert page.evaluate(size) == pytest.approx(20 / 1.2)
    page.mouse.move(*on_screen(page, (50, 40)))
    page.keyboard.down("Alt")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Alt")
    page.wait_for_function(f"{size} > 25")


def test_the_keyboard_alone_is_enough(page: Page, server: NoisePage) -> None:
    brush(page, 16)
    page.locator(".taffy-mask-field").focus()
    page.keyboard.press("ArrowRight")  # the first arrow brings the brush into the middle
    page.keyboard.down("Space")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.keyboard.up("Space")
    assert same(mask_of(page, server), drawn([(100, 60), (120, 60)], 16))
    expect(page.locator("taffy-mask [role=status]")).to_have_text("120, 60")


def test_rectangle_and_lasso_fill_what_they_go_around(page: Page, server: NoisePage) -> None:
    tool(page, "Fill a rectangle")
    stroke(page, (20, 20), (60, 100))
    tool(page, "Fill what you draw around")
    stroke(page, (100, 20), (180, 20), (180, 100), (100, 20))
    expected = Image.new("L", SIZE)
    ImageDraw.Draw(expected).rectangle((20, 20, 60, 100), 255)
    ImageDraw.Draw(expected).polygon([(100, 20), (180, 20), (180, 100)], 255)
    assert same(mask_of(page, server), expected)


def test_a_soft_mask_has_degrees(page: Page, server: NoisePage) -> None:
    brush(page, 40)
    stroke(page, (100, 60), (110, 60))
    assert mask_of(page, server).getpixel((105, 60)) == 255
    page.get_by_label("Soft").check()
    page.get_by_label("Brush strength").fill("0.5")
    stroke(page, (100, 60), (110, 60), (100, 60))
    assert mask_of(page, server).getpixel((105, 60)) == pytest.approx(128, abs=2)


def test_masks_by_file_and_by_transparency(page: Page, server: NoisePage) -> None:
    open_group(page, "mask")
    half = Image.new("L", (100, 60))
    half.paste(255, (0, 0, 50, 60))
    page.locator("taffy-mask-tools input[type=file]").set_input_files(as_file(png(half)))
    expect(page.locator("taffy-mask-tools [role=status]")).to_contain_text("100 × 60")
    left = Image.new("L", SIZE)
    left.paste(255, (0, 0, 100, 120))
    assert same(mask_of(page, server), left)
    expect(page.get_by_role("button", name="From transparency")).to_be_hidden()
    clear = gradient(mode="RGBA")
    clear.paste((0, 0, 0, 0), (150, 0, 200, 120))
    bring(page, png(clear))
    assert value(page, "mask") == ""
    page.get_by_role("button", name="From transparency").click()
    right = Image.new("L", SIZE)
    right.paste(255, (150, 0, 200, 120))
    assert same(mask_of(page, server), right)


def test_what_is_seen_is_inverted_and_fades_as_it_will_be_used(page: Page) -> None:
    def red(point: Point) -> int:
        """How much of the mask's colour is seen there."""
        x, y = on_screen(page, point)
        clip = {"x": x - 1, "y": y - 1, "width": 2, "height": 2}
        colours = Image.open(io.BytesIO(page.screenshot(clip=clip)))  # type: ignore[arg-type]
        pixel: tuple[int, int, int] = colours.convert("RGB").getpixel((0, 0))  # type: ignore[assignment]
        return pixel[0] - pixel[1]

    brush(page, 40)
    stroke(page, (60, 60), (80, 60))
    settled(page)
    page.mouse.move(0, 0)
    page.locator(".taffy-mask-field").scroll_into_view_if_needed()
    assert red((70, 60)) > 60
    assert red((150, 60)) < 10
    page.get_by_label("Invert").check()
    page.wait_for_function("taffyForm.mask_invert")
    page.locator(".taffy-mask-field").scroll_into_view_if_needed()
    page.wait_for_timeout(200)
    assert red((70, 60)) < 10
    assert red((150, 60)) > 60


def test_a_finger_paints_once_the_brush_was_chosen(browser: Browser, server: NoisePage) -> None:
    with opened(browser, server, PHONE) as page:
        open_tab(page)
        bring(page, png(gradient()))
        finger = page.context.new_cdp_session(page)
        page.locator(".taffy-mask-field").scroll_into_view_if_needed()

        def touch(*fingers: list[Point]) -> None:
            for at in range(len(fingers[0])):
                points = [dict(zip("xy", on_screen(page, path[at]), strict=True)) for path in fingers]
                kind = "touchMove" if at else "touchStart"
                finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
            finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

        across: list[Point] = [(40, 60), (80, 60), (120, 60)]
        touch(across)
        page.wait_for_timeout(400)
        assert value(page, "mask") == ""
        tool(page, "Brush (B): paint what may change")
        brush(page, 20)
        touch(across)
        painted = mask_of(page, server)
        assert same(painted, drawn([(40, 60), (120, 60)], 20))
        touch([(60, 60), (50, 60), (40, 60)], [(140, 60), (150, 60), (160, 60)])  # two fingers zoom, and paint nothing
        assert same(mask_of(page, server), painted)
        assert page.evaluate("document.querySelector('taffy-mask').view.isFitted") is False


def test_the_editor_as_large_as_the_window(page: Page, server: NoisePage) -> None:
    page.get_by_role("button", name="As large as the window").click()
    box = page.locator(".taffy-mask-field").bounding_box()
    assert box is not None
    assert box["width"] > 1200
    brush(page, 20)
    stroke(page, (40, 60), (160, 60))
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".taffy-mask-field")).to_be_visible()
    assert same(mask_of(page, server), drawn([(40, 60), (160, 60)], 20))
