"""What a person may ask about everything that is kept of them: to have it, and to have it forgotten."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response

from domain.errors import PartUnavailable
from domain.owner_data import OwnerData
from web.api.desk import Asking, Desk
from web.api.models import Erased
from web.api.problems import responses

_FILE_NAME = "colloquy-my-data.json"
_STOP_SECONDS = 10.0  # a turn stops between two words; reading passages on a busy machine takes a few seconds


def add_personal(router: APIRouter, desk: Desk) -> None:
    """Adds the routes about all data of whoever asks."""
    data = desk.service.personal

    @router.get("/me/data", responses=responses(), tags=["me"])
    def get_data(caller: Asking, response: Response) -> OwnerData:
        """Everything that is kept of the caller: conversations whole, verdicts, questions handed over."""
        response.headers["Content-Disposition"] = f'attachment; filename="{_FILE_NAME}"'
        return data.everything(caller.owner)

    @router.delete("/me/data", responses=responses(), tags=["me"])
    async def erase_data(caller: Asking) -> Erased:
        """Forget everything that is kept of the caller, for good. What is being answered is stopped first: stored
        afterwards, it would be what is left."""
        if not await desk.running.leave_off(caller.owner, _STOP_SECONDS):
            raise PartUnavailable("An answer is still being written and does not stop; try again in a minute.")
        return Erased(conversations=await asyncio.to_thread(data.erase, caller.owner))
