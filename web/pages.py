"""The client: two pages with their assets, as the build made them."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from web.problems import NoSuchPageError
from web.services import EdgeSettings

_FOREVER = "public, max-age=31536000, immutable"  # names hold a digest of the content
_NOT_BUILT = """<!doctype html>
<html lang="zh-CN"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>陪办 Peiban</title>
<h1>页面尚未构建</h1>
<p>服务已启动，但客户端页面还没有构建。请在代码目录运行 <code>make install</code>，然后刷新本页。</p>
<p lang="en">The service runs, but its pages have not been built. Run <code>make install</code> and reload.</p>
</html>
"""


class Pages:
    def __init__(self, settings: EdgeSettings) -> None:
        self._root = settings.static_dir.resolve()

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/assets/{path:.+}", self.asset)
        app.router.add_get("/desk", self.desk)
        app.router.add_get("/desk/{path:.*}", self.desk)
        app.router.add_get("/{path:(?!api/).*}", self.phone)

    async def asset(self, request: web.Request) -> web.StreamResponse:
        file = self._inside(Path("assets") / request.match_info["path"])
        if file is None:
            raise NoSuchPageError
        return web.FileResponse(file, headers={"Cache-Control": _FOREVER})

    async def desk(self, request: web.Request) -> web.StreamResponse:
        return self._page("desk.html")

    async def phone(self, request: web.Request) -> web.StreamResponse:
        """Files beside the pages (icons, the manifest) by name; every other address is the phone page's own."""
        path = request.match_info["path"]
        if "." in path.rpartition("/")[2]:
            file = self._inside(Path(path))
            if file is None:
                raise NoSuchPageError
            return web.FileResponse(file, headers={"Cache-Control": "public, max-age=3600"})
        return self._page("index.html")

    def _page(self, name: str) -> web.StreamResponse:
        file = self._inside(Path(name))
        if file is None:
            return web.Response(status=503, text=_NOT_BUILT, content_type="text/html")
        return web.FileResponse(file, headers={"Cache-Control": "no-cache"})

    def _inside(self, path: Path) -> Path | None:
        try:
            file = (self._root / path).resolve()
            return file if file.is_relative_to(self._root) and file.is_file() else None
        except (OSError, ValueError):  # a name that no file can have
            return None
