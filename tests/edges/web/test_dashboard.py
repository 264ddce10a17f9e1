"""The dashboard's files, and no other file of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_service import service


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    static = tmp_path / "static"
    (static / "deep").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html><title>ü</title>", encoding="utf-8")
    (static / "main.js").write_text("// script", encoding="utf-8")
    (static / "deep" / "a-b_c.min.css").write_text("/* style */", encoding="utf-8")
    (static / ".hidden.js").write_text("hidden", encoding="utf-8")
    (static / "secret.py").write_text("secret", encoding="utf-8")
    (tmp_path / "outside.js").write_text("outside", encoding="utf-8")
    (tmp_path / "static-too").mkdir()
    (tmp_path / "static-too" / "x.js").write_text("outside", encoding="utf-8")
    (static / "link.js").symlink_to(tmp_path / "outside.js")
    (static / "links").symlink_to(tmp_path / "static-too")
    (static / "loop.js").symlink_to(static / "loop.js")
    (static / "folder.js").mkdir()
    return static


def test_the_page_and_its_files_are_served(folder: Path) -> None:
    with service(static=folder) as running:
        page = running.get("/")
        assert (page.status, page.body.decode()) == (200, "<!doctype html><title>ü</title>")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        script = running.get("/static/main.js")
        assert (script.body, script.headers["content-type"]) == (b"// script", "text/javascript; charset=utf-8")
        style = running.get("/static/deep/a-b_c.min.css")
        assert (style.body, style.headers["content-type"]) == (b"/* style */", "text/css; charset=utf-8")
        assert running.ask("HEAD", "/static/main.js").body == b""


def test_what_has_not_changed_is_not_sent_again(folder: Path) -> None:
    with service(static=folder) as running:
        for path in ("/", "/static/main.js"):
            tag = running.get(path).headers["etag"]
            again = running.get(path, If_None_Match=tag)
            assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
            assert running.get(path, If_None_Match='"other"').status == 200
        tag = running.get("/static/main.js").headers["etag"]
        (folder / "main.js").write_text("// another script", encoding="utf-8")
        assert running.get("/static/main.js", If_None_Match=tag).body == b"// another script"


@pytest.mark.parametrize(
    "path",
    [
        "../outside.js",
        "%2e%2e/outside.js",
        "%2e%2e%2foutside.js",
        "..%2foutside.js",
        "deep/../../outside.js",
        "deep/%2e%2e/%2e%2e/outside.js",
        "..%5coutside.js",
        "%252e%252e/outside.js",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "//etc/passwd",
        "C:/windows/win.ini",
        "main.js%00",
        "main.js%00.css",
        "main.js/",
        "main.js%0A",
        "./main.js",
        "deep//a-b_c.min.css",
        "link.js",
        "links/x.js",
        "loop.js",
        "folder.js",
        "deep",
        "deep/",
        "",
        ".hidden.js",
        "secret.py",
        "missing.js",
        "a" * 300 + ".js",
        "a/" * 3000 + "x.js",
        "%F0%9F%91%81.js",
        "%ff%fe.js",
    ],
)
def test_nothing_else_is(folder: Path, path: str) -> None:
    with service(static=folder) as running:
        answer = running.get(f"/static/{path}")
        assert answer.status == 404
        assert b"outside" not in answer.body


def test_without_a_dashboard_the_service_says_so(tmp_path: Path) -> None:
    with service(static=tmp_path / "nowhere") as running:
        answer = running.get("/")
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/plain")
        assert running.get("/static/main.js").status == 404
