"""The static files: what is given out, and that pages keep the security policy."""

import re

import pytest

from cogmill.console import ASSETS, PAGES, asset, page


@pytest.mark.parametrize("name", sorted(PAGES))
def test_pages_hold_no_inline_code_and_only_existing_assets(name):
    html = page(name).decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|https?://", html)
    assert not re.search(r"<script(?![^>]*\ssrc=)", html)
    for link in re.findall(r'(?:src|href)="[./]*assets/([^"]+)"', html):
        assert asset(link).content


@pytest.mark.parametrize("name", ["", ".", "../files.py", "/etc/passwd", "app.css/..", "nothing.js"])
def test_unknown_names_are_key_errors(name):
    with pytest.raises(KeyError):
        asset(name)
    with pytest.raises(KeyError):
        page(name)


def test_media_types_and_etags():
    assert asset("app.css").media_type.startswith("text/css")
    assert asset("session.js").media_type.startswith("text/javascript")
    assert re.fullmatch(r'"[0-9a-f]{32}"', asset("icon.svg").etag)


def test_scripts_never_make_markup_from_data():
    for path in ASSETS.glob("*.js"):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", path.read_text()
        ), path
