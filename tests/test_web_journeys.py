"""Ways through the site in Chromium as people go them, in both languages, at a desk and on a phone; pictures are kept.

Set MIZAN_SHOTS to a folder to have the pictures there. Entering an incident is walked in `test_contribute_browser`.
"""

from __future__ import annotations

import io
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from zipfile import ZipFile

import bagit
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from kb.knowledgebase import KnowledgeBase
from tests.chromium import SIZES, chromium, open_page, requested, served, shots
from web.app import create_app
from web.views import parcel

HOSPITAL = "incident/syria-2015-16/INC-021"
ways = pytest.mark.parametrize("size", sorted(SIZES))
tongues = pytest.mark.parametrize("language", ["en", "ar"])


@pytest.fixture(scope="module")
def origin(demo: KnowledgeBase) -> Iterator[str]:
    with served(demo) as address:
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def look(browser: webdriver.Chrome, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Keeps a picture of what is seen now; nothing was asked of anybody else, and nothing is wider than the screen."""
    name, folder = request.node.name.removeprefix("test_").replace("[", "-").rstrip("]"), shots(tmp_path)

    def keep(step: str) -> None:
        assert len(requested(browser)) <= 1
        width = "const d = document.documentElement; return d.scrollWidth <= d.clientWidth"
        assert browser.execute_script(width), step
        browser.save_screenshot(str(folder / f"{name}-{step}.png"))

    return keep


def found(browser: webdriver.Chrome, selector: str) -> WebElement:
    return browser.find_element(By.CSS_SELECTOR, selector)


def follow(browser: webdriver.Chrome, selector: str) -> None:
    """Press a link or button, and wait until the next page is there."""
    page = browser.find_element(By.TAG_NAME, "html")
    pressed = found(browser, selector)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", pressed)
    pressed.click()
    WebDriverWait(browser, 20).until(lambda b: b.find_element(By.TAG_NAME, "html") != page)


@ways
@tongues
def test_hospital_after_the_cessation_and_why_the_resolution_may_apply(
    browser: webdriver.Chrome, origin: str, language: str, size: str, look: Callable[[str], None]
) -> None:
    open_page(browser, f"{origin}/{language}/", size)
    follow(browser, f'.menu a[href="/{language}/incidents"]')
    browser.execute_script("document.getElementById('from').value = '2016-02-27'")
    box = found(browser, 'input[name="object"][value="hospital"]')
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", box)
    box.click()
    follow(browser, ".narrow button[type=submit]")
    asked = parse_qs(urlsplit(browser.current_url).query)
    assert (asked["object"], asked["from"]) == (["hospital"], ["2016-02-27"])
    look("list")
    follow(browser, f'.hits a[href$="{HOSPITAL}"]')
    look("incident")
    follow(browser, f'a[href="/{language}/{HOSPITAL}/screening"]')
    why = browser.find_element(By.ID, "unsc-2268/op1")
    assert not why.find_element(By.CSS_SELECTOR, "p.small").is_displayed(), "reasons are opened on demand"
    heading = why.find_element(By.TAG_NAME, "summary")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", heading)
    heading.click()
    assert why.find_element(By.CSS_SELECTOR, "p.small").is_displayed()
    assert why.find_element(By.CSS_SELECTOR, ".outcome-undetermined")
    look("why")


@ways
@tongues
def test_article_by_its_number_and_from_it_to_its_incidents(
    browser: webdriver.Chrome, origin: str, language: str, size: str, look: Callable[[str], None]
) -> None:
    open_page(browser, f"{origin}/{language}/", size)
    boxes = browser.find_elements(By.CSS_SELECTOR, "input[type=search][name=q]")
    next(box for box in boxes if box.is_displayed()).send_keys("8(2)(e)(iv)", Keys.ENTER)
    WebDriverWait(browser, 20).until(lambda b: "search" in b.current_url)
    first = found(browser, ".hits a").get_attribute("href") or ""
    assert first.endswith("/provision/rome-statute/8-2-e-iv")
    follow(browser, ".hits a")
    look("provision")
    follow(browser, 'a[href*="/incidents?"][href*="8-2-e-iv"]')
    assert "8-2-e-iv" in browser.current_url
    look("list")
    follow(browser, '.hits a[href*="/incident/"]')
    assert f"/{language}/incident/" in browser.current_url


@ways
@tongues
def test_figures_of_three_sources_beside_each_other(
    browser: webdriver.Chrome, origin: str, language: str, size: str, look: Callable[[str], None]
) -> None:
    open_page(browser, f"{origin}/{language}/{HOSPITAL}", size)
    section = found(browser, 'section[aria-labelledby="casualties"]')
    sources = [a.get_attribute("href") for a in section.find_elements(By.CSS_SELECTOR, "tbody th a")]
    assert [s.rpartition("/")[2] for s in sources if s] == ["airwars", "msf", "sohr"]
    text = section.text
    assert all(number in text for number in ("58", "55", "27")) and "140" not in text, "nothing is added up"
    browser.execute_script("arguments[0].scrollIntoView()", section)
    look("table")
    open_page(browser, f"{origin}/{language}/charts?from=2016-04-27&to=2016-04-27", size)
    image = found(browser, "#chart")
    drawn = "return arguments[0].complete && arguments[0].naturalWidth"
    WebDriverWait(browser, 10).until(lambda b: b.execute_script(drawn, image) > 0)
    assert found(browser, "#png a").is_displayed()
    look("chart")


@ways
@tongues
def test_selection_leaves_as_a_bundle_that_standard_tools_verify(
    browser: webdriver.Chrome, origin: str, language: str, size: str, look: Callable[[str], None], tmp_path: Path
) -> None:
    open_page(browser, f"{origin}/{language}/incidents?object=hospital&from=2016-04-01&to=2016-06-30", size)
    look("list")
    address = found(browser, '.downloads a[href*="/api/bundle"]').get_attribute("href") or ""
    with urllib.request.urlopen(address, timeout=60) as answer:
        assert answer.headers["Content-Type"] == "application/zip"
        body = answer.read()
    ZipFile(io.BytesIO(body)).extractall(tmp_path / "out")
    (bag,) = (tmp_path / "out").iterdir()
    assert bagit.Bag(str(bag)).is_valid()
    subprocess.run(["sha256sum", "--quiet", "-c", "manifest-sha256.txt"], cwd=bag, check=True)
    browser.get((bag / "data" / f"dossier.{language}.html").as_uri())
    assert found(browser, "h1").text
    browser.save_screenshot(str(shots(tmp_path) / f"dossier-{language}-{size}.png"))


def test_bundles_are_the_same_again_and_refuse_what_is_too_much(
    demo: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, again = (create_app(demo).test_client().get("/api/bundle?object=hospital").data for _ in range(2))
    assert first == again
    client = create_app(demo).test_client()
    assert client.get("/api/bundle?q=nosuchwordatall").status_code == 404
    assert client.get("/api/bundle?moon=1").status_code == 400
    monkeypatch.setattr(parcel, "MOST", 3)
    refused = client.get("/api/bundle?object=hospital")
    assert refused.status_code == 413 and b"mizan bundle create" in refused.data
    monkeypatch.setattr(parcel, "MOST", 100)
    monkeypatch.setattr(parcel, "READ", 10)
    assert client.get("/api/bundle?object=hospital").status_code == 413
    monkeypatch.undo()
    monkeypatch.setattr(parcel, "_PATIENCE", 0.05)
    with parcel._one:
        assert client.get("/api/bundle?object=hospital").status_code == 503
