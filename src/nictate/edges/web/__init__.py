"""The service over HTTP, the only home of starlette and uvicorn: events, status, recordings and the dashboard.

The main thread runs the server's loop, another one the detector; they meet in the `Hub`.
"""

from nictate.edges.web.access import Access, Limits
from nictate.edges.web.app import create_app
from nictate.edges.web.hub import Hub
from nictate.edges.web.server import WebServer

__all__ = ["Access", "Hub", "Limits", "WebServer", "create_app"]
