"""The page in a real browser; needs Chromium, and playwright to drive it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import scalefit as sf

from .conftest import NAMES

FOUND = os.environ.get("SCALEFIT_BROWSER") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
if FOUND is None:
    pytest.skip("no Chromium on this machine: apt install chromium", allow_module_level=True)
api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=FOUND, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Any, page: Path) -> Iterator[Any]:
    """Yield the page as opened; whatever it asks for or complains of fails the test."""
    tab = browser.new_page()
    asked: list[str] = []
    said: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
    tab.goto(page.as_uri())
    tab.wait_for_selector("#curves .main-svg")
    yield tab
    assert asked == [page.as_uri()]
    assert said == []
    tab.close()


@pytest.mark.slow
def test_the_page_works(opened: Any, fit: sf.Fit) -> None:
    """In one go, for it takes seconds to open: each part leaves the page to the next."""
    figures_are_drawn(opened)
    scales_can_be_switched(opened)
    details_open(opened)
    a_curve_is_chosen_and_its_name_is_text(opened, fit)
    a_row_of_the_forest_opens_its_curve(opened)
    the_summary_sorts_and_searches_the_curves(opened)


def figures_are_drawn(opened: Any) -> None:
    assert opened.locator("#curves .scatterlayer .trace").count() > 5
    assert opened.locator("#exponents .scatterlayer .points path").count() == len(NAMES)


def scales_can_be_switched(opened: Any) -> None:
    kind = "document.getElementById('curves').layout.xaxis.type"
    for wanted in ("linear", "log"):
        opened.locator(".updatemenu-button", has_text=wanted).click()
        opened.wait_for_function(f"{kind} == '{wanted}'")


def a_curve_is_chosen_and_its_name_is_text(opened: Any, fit: sf.Fit) -> None:
    at = "document.getElementById('curves').data.find(t => t.name == 'data').y[0]"
    for index, run in enumerate(fit.runs):
        opened.locator(".updatemenu-header").click()
        opened.locator(".updatemenu-dropdown-button").nth(index).click()
        assert opened.evaluate(at) == pytest.approx(fit.curve(run)[1][0], rel=1e-4)
        shown = opened.locator(".updatemenu-header .updatemenu-item-text").text_content()
        assert shown.replace("\xa0", " ") == run


def details_open(opened: Any) -> None:
    opened.locator("details summary").first.click()
    assert opened.locator("details[open] h3").first.is_visible()
    opened.locator("details summary").first.click()


def the_summary_sorts_and_searches_the_curves(opened: Any) -> None:
    def shown() -> list[str]:
        curves = opened.locator("#each details")
        texts = [curves.nth(i) for i in range(curves.count())]
        return [one.locator("summary").inner_text() for one in texts if one.is_visible()]

    assert len(shown()) == len(NAMES)
    first = shown()
    heading = opened.locator("#overview th button").nth(0)
    heading.click()
    heading.click()
    assert shown() != first
    assert sorted(shown()) == sorted(first)
    opened.locator("#search").fill("PLAIN")
    assert [text.rpartition(" · ")[2] for text in shown()] == ["plain"]
    assert opened.locator("#found").inner_text() == f"1 of {len(NAMES)}"


def a_row_of_the_forest_opens_its_curve(opened: Any) -> None:
    opened.locator("#exponents .ytick text").nth(2).click()
    (found,) = opened.locator("#each details[open]").all()
    assert found.get_attribute("id") == "curve-2"
    assert opened.evaluate("document.getElementById('curves').layout.updatemenus[1].active") == 2
    opened.locator("#overview a").nth(0).click()
    assert opened.locator("#curve-0").get_attribute("open") is not None
