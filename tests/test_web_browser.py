"""The site in a real browser: both languages, wide and narrow, nothing loaded from elsewhere, nothing too wide."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.expected_conditions import url_contains
from selenium.webdriver.support.ui import WebDriverWait

from kb.knowledgebase import KnowledgeBase
from tests.chromium import SIZES, chromium, open_page, requested, served, violations
from web import choosing, question
from web.listing import VIEWS

PATHS = [
    "/{}/", "/{}/incident/syria-2015-16/INC-021", "/{}/provision/rome-statute/8-2-e-iv", "/sparql?lang={}",
    "/{}/source/snhr-2016-08-17", "/{}/search?q=Aleppo",
    "/{}/incidents?object=hospital&object=school&killed_from=1", "/{}/instrument/rome-statute",
    "/{}/incidents?view=table", "/{}/incidents?view=cards", "/{}/incidents?view=timeline",
    "/{}/queries/casualty_ranges_of_incident?run=1", "/{}/ontology", "/{}/nothing/here",
    "/{}/incident/syria-2015-16/INC-021/screening", "/{}/law/status", "/{}/provision/unsc-2268/op1",
    "/{}/incident/syria-2015-16/INC-021/elements/rome-statute/8-2-e-iv", "/{}/instrument/unsc-draft-2014-348",
    "/{}/law?on=2016-02-27", "/{}/instrument/crc?on=2016-02-27", "/{}/shape/core",
    "/{}/incident/syria-2015-16/INC-021/revisions", "/{}/incident/syria-2015-16/INC-021/revisions/1",
]  # fmt: skip


@pytest.fixture(scope="module")
def origin(demo: KnowledgeBase) -> Iterator[str]:
    with served(demo) as address:
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shots")


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


def test_stretch_of_time_is_drawn_with_the_mouse_and_chosen_by_keyboard(browser: webdriver.Chrome, origin: str) -> None:
    open_page(browser, f"{origin}/ar/incidents?object=hospital&view=timeline", "wide")
    picture = browser.find_element(By.CSS_SELECTOR, "svg[data-brush]")
    bars = picture.find_elements(By.TAG_NAME, "rect")
    days = [(bar.get_attribute("data-first"), bar.get_attribute("data-last")) for bar in bars]
    wide = picture.rect["width"] / len(days)
    start = round(1.5 * wide - picture.rect["width"] / 2)
    mouse = ActionChains(browser).move_to_element_with_offset(picture, start, 40).click_and_hold()
    mouse.move_by_offset(round(2 * wide), 0).release().perform()
    WebDriverWait(browser, 10).until(url_contains(f"from={days[1][0]}&to={days[3][1]}"))
    assert "object=hospital&view=timeline" in browser.current_url

    open_page(browser, f"{origin}/ar/incidents?object=hospital&view=timeline", "narrow")
    browser.find_element(By.ID, "last").send_keys(Keys.HOME, Keys.ARROW_DOWN)
    chosen = browser.find_elements(By.CSS_SELECTOR, "rect.chosen")
    assert [bar.get_attribute("data-first") for bar in chosen] == [days[0][0], days[1][0]]
    browser.find_element(By.ID, "last").send_keys(Keys.TAB)
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    WebDriverWait(browser, 10).until(url_contains(f"from={days[0][0]}&to={days[1][1]}"))
    assert browser.get_log("browser") == []


def test_sparql_form_works_without_script(browser: webdriver.Chrome, origin: str) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        open_page(browser, f"{origin}/sparql?lang=en", "narrow")
        assert browser.find_element(By.ID, "query").is_displayed()
        assert not browser.find_element(By.ID, "kept").is_displayed()
        browser.find_element(By.CSS_SELECTOR, "form.sparql button").click()
        WebDriverWait(browser, 10).until(url_contains("query=PREFIX"))
        assert len(browser.find_elements(By.CSS_SELECTOR, "table.answer tbody tr")) == 20
        assert not [e for e in browser.get_log("browser") if e["level"] == "SEVERE"]
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def edit(browser: webdriver.Chrome, address: str, size: str = "wide", *keys: str) -> WebElement:
    """The code area of a page, with what stood in it replaced by what `keys` type."""
    open_page(browser, address, size)
    code = browser.find_element(By.CSS_SELECTOR, ".cm-content")
    if keys:
        # deleted first: where lines are typed over, Chromium tries a style of its own, which the policy refuses
        code.send_keys(Keys.CONTROL, "a", Keys.NULL, Keys.DELETE, *keys)
    return code


def written(browser: webdriver.Chrome) -> str:
    return str(browser.execute_script("return document.getElementById('query').value"))


def until(browser: webdriver.Chrome, selector: str, text: str) -> str:
    """The text of an element, once it holds `text`; the page may put another one in its place meanwhile."""
    find = "const found = document.querySelector(arguments[0]); return found ? found.innerText : ''"
    WebDriverWait(browser, 15).until(lambda b: text in b.execute_script(find, selector))
    return str(browser.execute_script(find, selector))


def test_editor_completes_by_a_label_and_fills_prefixes_in(browser: webdriver.Chrome, origin: str) -> None:
    code = edit(browser, f"{origin}/sparql?lang=ar", "narrow", "SELECT * WHERE { ?s mz:", "objectHit مستشف")
    until(browser, ".cm-tooltip-autocomplete [aria-selected]", "مستشفى")
    code.send_keys(Keys.ENTER)
    assert written(browser).splitlines() == [
        "PREFIX mz: <https://w3id.org/mizan/ontology#>",
        "PREFIX object-hit: <https://w3id.org/mizan/scheme/object-hit#>",
        "SELECT * WHERE { ?s mz:objectHit object-hit:hospital}",
    ]
    for typed in ("allegedAct", "Alleged", "mz:alleged"):
        code.send_keys(f" ?s {typed}")
        until(browser, ".cm-tooltip-autocomplete", "mz:allegedActor")
        code.send_keys(Keys.ESCAPE)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360


def test_editor_runs_a_query_in_place_and_sends_nothing_elsewhere(browser: webdriver.Chrome, origin: str) -> None:
    code = edit(browser, f"{origin}/sparql?lang=en", "wide", "ASK", " {}")
    code.send_keys(Keys.CONTROL, Keys.ENTER)
    assert until(browser, "#state", "The answer is: yes")
    edit(browser, f"{origin}/sparql?lang=en").send_keys(Keys.CONTROL, Keys.ENTER)
    until(browser, "#state", "20 rows")
    assert len(browser.find_elements(By.CSS_SELECTOR, "table.answer tbody tr")) == 20
    assert "query=PREFIX" in browser.current_url and "query=PREFIX" in other_language(browser)
    assert requested(browser) == {origin}
    assert browser.get_log("browser") == [] == browser.get_cookies()
    assert browser.execute_script("return localStorage.length + sessionStorage.length") == 0


def other_language(browser: webdriver.Chrome) -> str:
    return str(browser.find_element(By.CSS_SELECTOR, "a.switch").get_attribute("href"))


@pytest.mark.parametrize("size", sorted(SIZES))
def test_editor_marks_an_error_at_its_line(browser: webdriver.Chrome, origin: str, size: str) -> None:
    code = edit(browser, f"{origin}/sparql?lang=ar", size, "SELECT *\n", "WHERE (")
    code.send_keys(Keys.CONTROL, Keys.ENTER)
    until(browser, ".problem", "Line 2")
    marked = "return [...document.querySelectorAll('.cm-line')].map(l => !!l.querySelector('.cm-lintRange-error'))"
    assert browser.execute_script(marked) == [False, True]
    assert browser.find_elements(By.CSS_SELECTOR, ".cm-lint-marker-error")
    assert requested(browser) == {origin}
    assert not [e for e in browser.get_log("browser") if "400 (BAD REQUEST)" not in e["message"]]


def test_editor_is_left_by_tab(browser: webdriver.Chrome, origin: str) -> None:
    code = edit(browser, f"{origin}/sparql?lang=en", "wide", "ASK")
    focused = "return document.activeElement.id || document.activeElement.className"
    assert "cm-content" in browser.execute_script(focused)
    code.send_keys(Keys.TAB)
    assert browser.execute_script(focused) == "format"
    browser.switch_to.active_element.send_keys(Keys.SHIFT, Keys.TAB)
    assert "cm-content" in browser.execute_script(focused) and written(browser) == "ASK"


def test_editor_takes_an_example_and_gives_back_what_it_replaced(browser: webdriver.Chrome, origin: str) -> None:
    code = edit(browser, f"{origin}/sparql?lang=ar", "narrow", "ASK", " {}")
    browser.find_element(By.CSS_SELECTOR, ".examples summary").click()
    browser.find_element(By.CSS_SELECTOR, ".examples a").click()
    until(browser, "#outcome", "بالكلمات")
    assert "#+ title:" in written(browser)
    code.send_keys(Keys.CONTROL, "z")
    assert written(browser) == "ASK {}"


def test_editor_keeps_queries_only_when_asked(browser: webdriver.Chrome, origin: str) -> None:
    held = "return localStorage.getItem('mizan-sparql-queries')"
    code = edit(browser, f"{origin}/sparql?lang=en", "wide", "ASK", " {}")
    browser.find_element(By.CSS_SELECTOR, "#kept summary").click()
    browser.find_element(By.CSS_SELECTOR, "#kept input").click()
    code.send_keys(Keys.CONTROL, Keys.ENTER)
    until(browser, "#kept ol", "ASK {}")
    assert "ASK {}" in browser.execute_script(held)
    browser.find_element(By.CSS_SELECTOR, "#kept > button").click()
    assert browser.execute_script(held) == "[]" and not browser.find_element(By.CSS_SELECTOR, "#kept ol").text
    browser.find_element(By.CSS_SELECTOR, "#kept input").click()
    assert browser.execute_script(held) is None


@pytest.mark.parametrize("language", ["en", "ar"])
def test_editor_page_is_accessible(browser: webdriver.Chrome, origin: str, language: str) -> None:
    """The rules of axe-core, on the page with an answer, a picture and an open list of terms."""
    query = "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p ORDER BY ?p LIMIT 5"
    code = edit(browser, f"{origin}/sparql?{urlencode({'lang': language, 'view': 'bars', 'query': query})}")
    code.send_keys(Keys.CONTROL, Keys.END, Keys.NULL, " hosp")
    until(browser, ".cm-tooltip-autocomplete", "object-hit:hospital")
    assert violations(browser) == []


@pytest.mark.parametrize("size", sorted(SIZES))
@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("view", [*VIEWS][1:])
def test_view_of_the_list_is_accessible(
    browser: webdriver.Chrome, origin: str, view: str, language: str, size: str
) -> None:
    open_page(browser, f"{origin}/{language}/incidents?from=2015-09-30&view={view}", size)
    assert violations(browser) == []


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
