"""The site in a real browser: both languages, wide and narrow, nothing loaded from elsewhere, nothing too wide."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import waitress
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.expected_conditions import url_contains
from selenium.webdriver.support.ui import WebDriverWait

from kb.knowledgebase import KnowledgeBase
from web import choosing, question
from web.app import create_app

FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking "
    "--disable-component-update --disable-default-apps --disable-sync --no-first-run --disable-extensions "
    "--disable-client-side-phishing-detection --metrics-recording-only --hide-scrollbars"
)
PATHS = [
    "/{}/", "/{}/incident/syria-2015-16/INC-021", "/{}/provision/rome-statute/8-2-e-iv", "/sparql?lang={}",
    "/{}/source/snhr-2016-08-17", "/{}/search?q=Aleppo",
    "/{}/incidents?object=hospital&object=school&killed_from=1", "/{}/instrument/rome-statute",
    "/{}/queries/casualty_ranges_of_incident?run=1", "/{}/ontology", "/{}/nothing/here",
    "/{}/incident/syria-2015-16/INC-021/screening", "/{}/law/status", "/{}/provision/unsc-2268/op1",
    "/{}/incident/syria-2015-16/INC-021/elements/rome-statute/8-2-e-iv", "/{}/instrument/unsc-draft-2014-348",
]  # fmt: skip
SIZES = {"wide": (1200, 900, False), "narrow": (360, 740, True)}


@pytest.fixture(scope="module")
def origin(demo: KnowledgeBase) -> Iterator[str]:
    server = waitress.create_server(create_app(demo), host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    # closed by its own thread, between two rounds of its loop: elsewhere it would be waiting on closed sockets
    server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map))
    thread.join(10.0)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    driver.implicitly_wait(5)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shots")


def open_page(browser: webdriver.Chrome, address: str, size: str) -> None:
    width, height, mobile = SIZES[size]
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get_log("performance")
    browser.get_log("browser")
    browser.get(address)


def requested(browser: webdriver.Chrome) -> set[str]:
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    return {f"{p.scheme}://{p.netloc}" for p in map(urlsplit, sent) if p.scheme in ("http", "https", "ws", "wss")}


@pytest.mark.parametrize("size", sorted(SIZES))
@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("path", PATHS)
def test_page_in_the_browser(
    browser: webdriver.Chrome, origin: str, shots: Path, path: str, language: str, size: str
) -> None:
    address = origin + path.format(language)
    open_page(browser, address, size)
    messages = [e["message"] for e in browser.get_log("browser") if "404 (NOT FOUND)" not in e["message"]]
    assert messages == []
    assert requested(browser) == {origin}
    root = browser.find_element(By.TAG_NAME, "html")
    assert root.get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
    width, scroll = browser.execute_script("const d = document.documentElement; return [d.clientWidth, d.scrollWidth]")
    assert scroll <= width
    heading = browser.find_element(By.TAG_NAME, "h1")
    assert heading.is_displayed() and heading.text
    ground = browser.execute_script("return getComputedStyle(document.querySelector('.top')).backgroundColor")
    assert ground == "rgb(11, 74, 87)"  # the style sheet was loaded
    assert browser.get_cookies() == []
    browser.save_screenshot(str(shots / f"{PATHS.index(path)}-{language}-{size}.png"))


def test_search_form_works_by_keyboard_alone(browser: webdriver.Chrome, origin: str) -> None:
    open_page(browser, f"{origin}/en/", "wide")
    browser.find_element(By.ID, "q").send_keys("Al-Quds\n")
    WebDriverWait(browser, 10).until(url_contains("/en/search?q=Al-Quds"))
    assert "INC-021" in browser.find_element(By.TAG_NAME, "main").text


def test_sparql_form_works_without_script(browser: webdriver.Chrome, origin: str) -> None:
    open_page(browser, f"{origin}/sparql?lang=en", "wide")
    browser.find_element(By.CSS_SELECTOR, "form.sparql button").click()
    WebDriverWait(browser, 10).until(url_contains("query=SELECT"))
    assert len(browser.find_elements(By.CSS_SELECTOR, "table.answer tbody tr")) == 20
    assert not [e for e in browser.get_log("browser") if e["level"] == "SEVERE"]


def test_field_of_many_choices_completes_what_is_typed(
    browser: webdriver.Chrome, origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "MOST", 61)  # sources are 69, and more than 60 are a field to type into
    monkeypatch.setattr(question, "MOST", 61)
    open_page(browser, f"{origin}/en/queries/series_of_report", "wide")
    field = browser.find_element(By.ID, "p-report")
    field.clear()
    field.send_keys("amnes")
    found = "return [...arguments[0].list.options].map(o => o.value + ' ' + o.text)"
    WebDriverWait(browser, 10).until(lambda driver: 0 < len(driver.execute_script(found, field)) <= choosing.NEAR)
    assert all("amnesty" in option for option in browser.execute_script(found, field))
    assert not [e for e in browser.get_log("browser") if e["level"] == "SEVERE"]


def test_text_has_enough_contrast(browser: webdriver.Chrome, origin: str) -> None:
    """WCAG AA: 4.5 to 1 for every text element of the incident page against the ground that it stands on."""
    script = """
      const rgb = c => (c.match(/[\\d.]+/g) || []).map(Number);
      const linear = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
      const light = c => { const [r, g, b] = c.map(linear);
        return .2126 * r + .7152 * g + .0722 * b; };
      const ground = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
        if (c.length === 3 || c[3] === 1) return c.slice(0, 3); } return [255, 255, 255]; };
      const bad = [];
      for (const e of document.querySelectorAll('body *')) {
        if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
        const a = light(rgb(getComputedStyle(e).color).slice(0, 3)), b = light(ground(e));
        const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
        if (ratio < 4.5) bad.push([e.tagName, e.className, ratio, e.textContent.slice(0, 40)]);
      }
      return bad;
    """
    for path in ("/en/incident/syria-2015-16/INC-009", "/en/instrument/unsc-2268", "/en/nothing/here", "/en/",
                 "/en/incident/syria-2015-16/INC-021/screening", "/en/law/status", "/en/provision/unsc-2268/op1",
                 "/en/incident/syria-2015-16/INC-021/elements/rome-statute/8-2-e-iv"):  # fmt: skip
        open_page(browser, origin + path, "wide")
        assert browser.execute_script(script) == []
