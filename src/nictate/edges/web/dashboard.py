"""The files of the dashboard, and no others."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from nictate.edges.web.answers import refuse

LONGEST_PATH = 200
STATIC = Path(__file__).parent / "static"
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""What is served, by its ending: nothing else, whatever lies there."""


class Dashboard:
    """``/`` and ``/static/*``."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._folder = folder.resolve()

    def routes(self) -> list[BaseRoute]:
        return [Route("/", self.page), Route("/static/{path:path}", self.file)]

    async def page(self, request: Request) -> Response:
        try:
            return await asyncio.to_thread(self._read, "index.html", request.headers.get("if-none-match", ""))
        except FileNotFoundError:
            return PlainTextResponse("nictate runs; this installation has no dashboard. See /api/v1/openapi.json\n")

    async def file(self, request: Request) -> Response:
        path: str = request.path_params["path"]
        try:
            return await asyncio.to_thread(self._read, path, request.headers.get("if-none-match", ""))
        except FileNotFoundError:
            raise refuse(404, "no such file") from None

    def _read(self, path: str, known: str) -> Response:
        """A regular file within the folder. Raises `FileNotFoundError`."""
        names = path.split("/")
        if len(path) > LONGEST_PATH or not all(
            re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", name) for name in names
        ):
            raise FileNotFoundError
        file = self._folder.joinpath(*names)
        # What a link leads to need not be ours.
        if file.suffix not in TYPES or not file.is_file() or file.resolve() != file:
            raise FileNotFoundError
        said = file.stat()
        tag = f'"{said.st_mtime_ns:x}-{said.st_size:x}"'
        if known == tag:
            return Response(status_code=304, headers={"ETag": tag})
        return Response(file.read_bytes(), headers={"ETag": tag}, media_type=TYPES[file.suffix])
