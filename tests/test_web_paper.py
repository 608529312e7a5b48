"""Records on paper and for every reader: what prints, what is never loaded, and the slider of days, in Chromium."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

import pytest
from selenium import webdriver

from kb.knowledgebase import KnowledgeBase
from tests.chromium import chromium, open_page, served

INCIDENT, REPORT = "incident/syria-2015-16/INC-021", "source/snhr-2016-08-17"
LANGUAGES = pytest.mark.parametrize("language", ["en", "ar"])


@pytest.fixture(scope="module")
def origin(demo: KnowledgeBase) -> Iterator[str]:
    with served(demo) as address:
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def paper(browser: webdriver.Chrome) -> Iterator[webdriver.Chrome]:
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    yield browser
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@LANGUAGES
@pytest.mark.parametrize("path", [INCIDENT, REPORT])
def test_record_prints_as_a_dossier(
    paper: webdriver.Chrome, origin: str, demo: KnowledgeBase, path: str, language: str
) -> None:
    open_page(paper, f"{origin}/{language}/{path}", "wide")
    for name in (".menu", ".toc", ".quick", ".switch", ".skip", ".permalink", ".query"):
        shown = f"return [...document.querySelectorAll('{name}')].filter(e => e.getClientRects().length).length"
        assert paper.execute_script(shown) == 0, name
    hidden = """return [...document.querySelectorAll('main p, main li, main td, main dd')].filter(e =>
      e.textContent.trim() && !e.closest('form') && !e.closest('.toc') && !e.closest('.query') &&
      !e.matches('.empty') && !e.checkVisibility({contentVisibilityAuto: true})).map(e => e.textContent.trim())"""
    assert paper.execute_script(hidden) == []  # what is folded on the screen is printed
    links = "return [...document.querySelectorAll('a.outside')].filter(a => !getComputedStyle(a, '::after').content"
    assert paper.execute_script(f"{links}.includes(a.getAttribute('href'))).length") == 0
    made = paper.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    pages = re.findall(rb"/Type\s*/Page\b", base64.b64decode(made["data"]))
    assert 3 < len(pages) < 60


@LANGUAGES
def test_nothing_is_cut_at_the_edge_of_the_paper(paper: webdriver.Chrome, origin: str, language: str) -> None:
    metrics = {"width": 680, "height": 960, "deviceScaleFactor": 1, "mobile": False}  # A4 between its margins
    for path in (INCIDENT, REPORT, "instrument/crc?on=2016-02-27"):
        open_page(paper, f"{origin}/{language}/{path}", "wide")
        paper.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        wide = paper.execute_script(
            "const edge = document.documentElement.clientWidth + 1; return [...document.querySelectorAll('main *')]"
            ".filter(e => { const b = e.getBoundingClientRect(); return b.width && (b.right > edge || b.left < -1); })"
            ".map(e => e.tagName + '.' + e.className + ' ' + e.textContent.trim().slice(0, 40))"
        )
        assert wide == [], path


def test_slider_of_days_moves_the_day_of_the_form(browser: webdriver.Chrome, origin: str) -> None:
    open_page(browser, f"{origin}/ar/law?on=2016-02-27", "narrow")
    state = "const s = document.querySelector('#days'); return [s.value, document.querySelector('#on').value]"
    before, day = browser.execute_script(state)
    assert day == "2016-02-27"
    browser.execute_script(
        "const s = document.querySelector('#days'); s.value = Number(s.value) + 1; s.dispatchEvent(new Event('input'))"
    )
    assert browser.execute_script(state) == [str(int(before) + 1), "2016-05-03"]
    assert "2016" in browser.execute_script("return document.querySelector('.slider output').textContent")
    assert not [e for e in browser.get_log("browser") if e["level"] == "SEVERE"]
