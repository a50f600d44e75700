"""The whole page: the head, the tabs that the hooks bring, the queue; and its place in the server."""

from __future__ import annotations

import json
import os
import re
from functools import partial
from html import escape
from pathlib import Path
from urllib.parse import quote

import gradio as gr
from fastapi import FastAPI

from modules.app import App
from modules.hooks import Tab
from modules.ui import extensions, extras, help, img2img, models, settings, style, txt2img
from modules.ui.controls import html
from modules.ui.form import QUIET, hidden_button
from modules.ui.mounted import Mounted
from modules.ui.theme import theme

ASSETS = Path(__file__).parent / "assets"
ICON = ASSETS / "icon.svg"
OPEN = '() => ({__type__: "update", selected: window.taffyOpen})'
OPENER = (  # a button of Gradio's for every tab would cost the browser milliseconds
    '<button type="button" hidden id="taffy-open-{0}"'
    " onclick=\"window.taffyOpen = '{0}'; document.querySelector('#taffy-open').click()\"></button>"
)
OURS = """<link rel="stylesheet" href="/taffy/all.css">
<link rel="modulepreload" href="/taffy/all.js">
<script type="module" src="/taffy/taffy.js"></script>"""
IMPORT = re.compile(r'^(?:import|.* from) "\./([\w-]+\.js)";$', re.MULTILINE)
CLEAN_EVERY, KEEP_FOR = 3600, 24 * 3600  # seconds, for what people upload


PLUGINS = {
    "txt2img": txt2img,
    "img2img": img2img,
    "style": style,
    "extras": extras,
    "models": models,
    "settings": settings,
    "extensions": extensions,
    "help": help,
}


def build_page(app: App) -> gr.Blocks:
    """Everything on the page."""
    with gr.Blocks(
        title="Taffy", analytics_enabled=False, fill_width=True, delete_cache=(CLEAN_EVERY, KEEP_FOR)
    ) as page:
        html("<header><h1>Taffy</h1><taffy-engine></taffy-engine></header>", "taffy-head")
        with gr.Tabs(elem_classes="taffy-tabs") as tabs:
            for tab in app.host.tabs():
                with gr.Tab(tab.label, id=tab.id) as place:
                    app.host.build(tab, app.desk(tab.extension))
                if script := tab_script(app, tab):
                    place.select(None, js=f"() => {{ import({json.dumps(script)}); }}", **QUIET)
        hidden_button("taffy-open").click(None, None, tabs, js=OPEN, **QUIET)
        openers = "".join(OPENER.format(escape(tab.id)) for tab in app.host.tabs())
        html(f"<taffy-queue></taffy-queue>{openers}", "taffy-foot")
    return page


def mount(server: FastAPI, app: App) -> None:
    """Put the page at "/", behind all routes the server has already; "/taffy/" is where those serve our assets.

    `server.state.remount` builds it anew, for tabs and controls of extensions that came or went.
    """
    os.environ["GRADIO_TEMP_DIR"] = str(app.settings.data_dir / "uploads")  # read by every component
    for name, plugin in PLUGINS.items():
        app.host.register(plugin, name)
    server.state.remount = Mounted(server, partial(put_page, app=app)).remount


def put_page(server: FastAPI, app: App) -> None:
    gr.mount_gradio_app(
        server,
        build_page(app),
        path="/",
        ssr_mode=False,
        run_history=False,
        footer_links=[],
        favicon_path=str(ICON),
        theme=theme(),
        head=head(app),
    )


def head(app: App) -> str:
    """All styles and scripts of ours are in one file each (see api/scripts.py)."""
    wait = later(app)
    theirs = (asset_tag(f"/extensions/files/{name}") for name in app.host.assets() if name not in wait)
    return "\n".join([OURS, *theirs])


def tab_script(app: App, tab: Tab) -> str | None:
    """The URL of the script that only this tab needs: named like it, and fetched when it is opened first."""
    if tab.extension in PLUGINS:
        return f"/taffy/{tab.id}.js" if (ASSETS / f"{tab.id}.js").exists() else None
    name = f"{tab.extension}/{tab.id}.js"
    return f"/extensions/files/{quote(name)}" if name in app.host.assets() else None


def later(app: App) -> set[str]:
    """Scripts of extensions that the page itself does not load: those of tabs, and what another one imports."""
    tabs = {f"{tab.extension}/{tab.id}.js" for tab in app.host.tabs()}
    scripts = {name: path for name, path in app.host.assets().items() if name.endswith(".js")}
    return tabs | {
        f"{name.partition('/')[0]}/{other}"
        for name, path in scripts.items()
        for other in IMPORT.findall(path.read_text("utf-8"))
    }


def asset_tag(url: str) -> str:
    """A style or a script of an extension."""
    if url.endswith(".css"):
        return f'<link rel="stylesheet" href="{quote(url)}">'
    return f'<script type="module" src="{quote(url)}"></script>'
