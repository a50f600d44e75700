"""How the page looks: neutral greys, so that the colours of a picture are judged rightly, and one accent."""

from __future__ import annotations

import gradio as gr
from gradio.themes import Base, Color, Font

GREY = Color(
    c50="#fafafa",
    c100="#f4f4f4",
    c200="#e6e6e6",
    c300="#d3d3d3",
    c400="#a2a2a2",
    c500="#6e6e6e",
    c600="#525252",
    c700="#3e3e3e",
    c800="#282828",
    c900="#1c1c1c",
    c950="#121212",
    name="grey",
)


LOOK = {  # white on the accent has contrast 5.5; small grey text has at least 4.6 in both modes (AA asks for 4.5)
    "layout_gap": "12px",
    "body_background_fill": "*neutral_100",
    "body_background_fill_dark": "*neutral_950",
    "background_fill_primary_dark": "*neutral_900",
    "background_fill_secondary_dark": "*neutral_950",
    "block_background_fill": "white",
    "block_background_fill_dark": "*neutral_900",
    "block_border_color": "*neutral_200",
    "block_border_color_dark": "*neutral_800",
    "block_border_width": "1px",
    "block_shadow": "none",
    "block_label_text_color": "*neutral_600",
    "block_label_text_color_dark": "*neutral_300",
    "block_title_text_color": "*neutral_600",
    "block_title_text_color_dark": "*neutral_300",
    "block_info_text_color": "*neutral_500",
    "block_info_text_color_dark": "*neutral_400",
    "body_text_color_subdued": "*neutral_500",
    "body_text_color_subdued_dark": "*neutral_400",
    "input_background_fill": "*neutral_50",
    "input_background_fill_dark": "*neutral_800",
    "input_border_color": "*neutral_300",
    "input_border_color_dark": "*neutral_700",
    "input_border_color_focus": "*primary_700",
    "input_border_color_focus_dark": "*primary_400",
    "input_border_width": "1px",
    "input_placeholder_color": "*neutral_500",
    "input_placeholder_color_dark": "*neutral_400",
    "slider_color": "*primary_700",
    "slider_color_dark": "*primary_500",
    "color_accent": "*primary_700",
    "checkbox_background_color_selected": "*primary_700",
    "checkbox_background_color_selected_dark": "*primary_600",
    "button_primary_background_fill": "*primary_700",
    "button_primary_background_fill_dark": "*primary_700",
    "button_primary_background_fill_hover": "*primary_800",
    "button_primary_background_fill_hover_dark": "*primary_600",
    "button_primary_text_color": "white",
    "button_primary_text_color_dark": "white",
    "button_secondary_background_fill": "*neutral_200",
    "button_secondary_background_fill_dark": "*neutral_700",
    "button_secondary_background_fill_hover": "*neutral_300",
    "button_secondary_background_fill_hover_dark": "*neutral_600",
    "button_secondary_text_color": "*neutral_900",
    "button_secondary_text_color_dark": "*neutral_50",
}


def theme() -> Base:
    """Gradio's base theme with our greys, the system's fonts and the colours of `LOOK`."""
    fonts = [Font(name) for name in ("system-ui", "-apple-system", "Segoe UI", "sans-serif")]
    mono = [Font(name) for name in ("ui-monospace", "Consolas", "monospace")]
    base = Base(
        primary_hue=gr.themes.colors.teal,
        secondary_hue=gr.themes.colors.teal,
        neutral_hue=GREY,
        spacing_size=gr.themes.sizes.spacing_md,
        radius_size=gr.themes.sizes.radius_md,
        text_size=gr.themes.sizes.text_md,
        font=fonts,
        font_mono=mono,
    )
    return base.set(**LOOK)
