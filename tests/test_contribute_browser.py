"""The journey of a contributor in a real browser: enter an incident, see it refused, correct it, see it shown."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from kb.knowledgebase import KnowledgeBase
from kb.people import Register
from tests.chromium import SIZES, chromium, open_page, requested, served, violations
from tests.chromium import shots as pictures


@pytest.fixture(scope="module")
def base(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    target = tmp_path_factory.mktemp("journey") / "home"
    shutil.copytree(demo_home, target)
    with KnowledgeBase.open(target) as opened:
        yield opened


@pytest.fixture(scope="module")
def origin(base: KnowledgeBase) -> Iterator[str]:
    with served(base) as address:
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures(tmp_path_factory.mktemp("shots"))


@pytest.fixture(scope="module")
def tokens(base: KnowledgeBase) -> tuple[str, str]:
    new = Register(base.home).new
    return new("Field team 3", "contributor", "30d"), new("المحررة", "reviewer", "30d")


def sign_in(browser: webdriver.Chrome, origin: str, language: str, size: str, token: str) -> None:
    browser.delete_all_cookies()
    open_page(browser, f"{origin}/{language}/sign-in", size)
    browser.find_element(By.ID, "token").send_keys(token, Keys.ENTER)
    WebDriverWait(browser, 20).until(lambda b: b.current_url.endswith("/contribute/"))


def fill(browser: webdriver.Chrome, name: str, text: str) -> None:
    field = browser.find_element(By.ID, name)
    field.clear()
    field.send_keys(text)


def press(browser: webdriver.Chrome, selector: str) -> None:
    button = browser.find_element(By.CSS_SELECTOR, selector)
    page = browser.find_element(By.TAG_NAME, "html")
    browser.execute_script("arguments[0].click()", button)
    WebDriverWait(browser, 20).until(lambda b: b.find_element(By.TAG_NAME, "html") != page)


@pytest.mark.parametrize("size", sorted(SIZES))
@pytest.mark.parametrize("language", ["en", "ar"])
def test_incident_is_entered_refused_corrected_reviewed_and_shown(
    browser: webdriver.Chrome, origin: str, shots: Path, tokens: tuple[str, str], language: str, size: str
) -> None:
    def look(name: str) -> None:
        """The page as a person sees it: kept as a picture, not too wide, and without a fault that axe-core knows."""
        width, scroll = browser.execute_script("return (d => [d.clientWidth, d.scrollWidth])(document.documentElement)")
        shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})["data"]
        (shots / f"{name}-{language}-{size}.png").write_bytes(base64.b64decode(shot))
        assert scroll <= width, name
        assert violations(browser) == [], name

    name = f"J-{language}-{size}"
    sign_in(browser, origin, language, size, tokens[0])
    look("desk")
    at = f"{origin}/{language}/contribute"
    browser.get(f"{at}/incident")
    fill(browser, f"f-skos-prefLabel-{language}", "Reported strike" if language == "en" else "غارة أُبلغ عنها")
    fill(browser, "f-dcterms-identifier", name)
    fill(browser, "f-mz-date", "2016-02-31" + Keys.TAB)
    assert browser.find_element(By.CSS_SELECTOR, "#f-mz-date-error.live").text  # said before it is sent
    fill(browser, f"f-mz-place-skos-prefLabel-{language}", "Aleppo" if language == "en" else "حلب")
    press(browser, "form.entry > p.row button:not([name])")
    assert browser.find_element(By.ID, "wrong") == browser.switch_to.active_element
    assert browser.find_element(By.ID, "f-dcterms-identifier").get_attribute("value") == name
    assert browser.find_element(By.ID, "f-mz-date").get_attribute("aria-invalid") == "true"
    look("refused")
    fill(browser, "f-mz-date", "2016-02-27")
    fill(browser, "f-skos-prefLabel-en", "Reported strike on a clinic")
    Select(browser.find_element(By.ID, "f-mz-place-mz-placePrecision")).select_by_value("town")
    browser.execute_script("arguments[0].click()", browser.find_element(By.CSS_SELECTOR, "input[value=hospital]"))
    press(browser, "form.entry > p.row button:not([name])")
    assert browser.find_element(By.CSS_SELECTOR, ".state-waiting") and "sent=1" in browser.current_url
    look("sent")
    submission = browser.current_url.partition("?")[0]
    sign_in(browser, origin, language, size, tokens[1])
    browser.get(f"{at}/review")
    look("review")
    browser.get(submission)
    look("reviewed")
    press(browser, "form[action$='/publish'] button")
    assert browser.find_element(By.CSS_SELECTOR, ".state-published")
    browser.delete_all_cookies()
    open_page(browser, f"{origin}/{language}/incident/contributed/{name}", size)
    title = "Reported strike on a clinic" if language == "en" else "غارة أُبلغ عنها"
    assert browser.find_element(By.TAG_NAME, "h1").text == title
    assert "/contribute/" not in browser.page_source
    assert requested(browser) == {origin}


@pytest.mark.parametrize("language", ["en", "ar"])
def test_other_pages_for_contributors_are_accessible_and_fit_a_phone(
    browser: webdriver.Chrome, origin: str, shots: Path, tokens: tuple[str, str], language: str
) -> None:
    sign_in(browser, origin, language, "narrow", tokens[0])
    element = "incident=syria-2015-16/INC-021&element=rome-statute/8-2-e-iv%23element-2"
    about = "syria-2015-16/INC-021"
    for number, path in enumerate((
        "sign-in", "contribute/claim", f"contribute/claim/casualties/{about}", f"contribute/claim/response/{about}",
        f"contribute/claim/mapping/{about}", "contribute/upload", f"contribute/assess?{element}",
    )):  # fmt: skip
        open_page(browser, f"{origin}/{language}/{path}", "narrow")
        width, scroll = browser.execute_script("return (d => [d.clientWidth, d.scrollWidth])(document.documentElement)")
        shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})["data"]
        (shots / f"other-{number}-{language}.png").write_bytes(base64.b64decode(shot))
        assert scroll <= width, path
        assert violations(browser) == [], path
        assert [e["message"] for e in browser.get_log("browser")] == []
