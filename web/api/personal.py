"""What a person may ask about everything that is kept of them: to have it, and to have it forgotten."""

from __future__ import annotations

from fastapi import APIRouter, Response

from domain.owner_data import OwnerData
from web.api.desk import Asking, Desk
from web.api.models import Erased
from web.api.problems import responses

_FILE_NAME = "colloquy-my-data.json"


def add_personal(router: APIRouter, desk: Desk) -> None:
    """Adds the routes about all data of whoever asks."""
    data = desk.service.personal

    @router.get("/me/data", responses=responses(), tags=["me"])
    def get_data(caller: Asking, response: Response) -> OwnerData:
        """Everything that is kept of the caller: conversations whole, verdicts, questions handed over."""
        response.headers["Content-Disposition"] = f'attachment; filename="{_FILE_NAME}"'
        return data.everything(caller.owner)

    @router.delete("/me/data", responses=responses(), tags=["me"])
    def erase_data(caller: Asking) -> Erased:
        """Forget everything that is kept of the caller, for good."""
        return Erased(conversations=data.erase(caller.owner))
