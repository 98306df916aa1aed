"""Every address of the chat page beside Gradio's own and the document viewer's."""

from __future__ import annotations

from fastapi import FastAPI

from domain.protocols import Assistant
from web.conversation_routes import add_conversation_routes
from web.file_routes import add_file_routes
from web.my_data import add_my_data
from web.turn_routes import WholePage, add_turn_routes


def add_page_routes(app: FastAPI, assistant: Assistant, whole_page: WholePage) -> None:
    """Adds what the page fetches by itself; ``whole_page`` draws a page of its own around a piece of HTML."""
    add_turn_routes(app, assistant, whole_page)
    add_conversation_routes(app, assistant)
    add_file_routes(app, assistant)
    add_my_data(app, assistant)
