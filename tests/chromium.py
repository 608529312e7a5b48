"""What tests in a real browser share: the site on a port, Chromium in two sizes, what it asked for, axe-core."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import waitress
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from kb.knowledgebase import KnowledgeBase
from web import frontend
from web.app import create_app

ROOT = Path(__file__).resolve().parents[1]
SIZES = {"wide": (1200, 900, False), "narrow": (360, 740, True)}
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking "
    "--disable-component-update --disable-default-apps --disable-sync --no-first-run --disable-extensions "
    "--disable-client-side-phishing-detection --metrics-recording-only --hide-scrollbars"
)
_AXE = (
    "const done = arguments[0]; axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',"
    " 'best-practice']}).then(found => done(found.violations.map("
    "one => [one.id, ...one.nodes.map(node => node.html.slice(0, 200))])))"
)


@contextmanager
def served(base: KnowledgeBase) -> Iterator[str]:
    """The address of a site over a knowledge base, until the block ends."""
    server = waitress.create_server(create_app(base), host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    # closed by its own thread, between two rounds of its loop: elsewhere it would be waiting on closed sockets
    server.trigger.pull_trigger(lambda: server.asyncore.close_all(server._map))
    thread.join(10.0)
    assert not thread.is_alive()


@contextmanager
def chromium(profile: Path) -> Iterator[webdriver.Chrome]:
    """A browser with a profile of its own."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={profile}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    driver.implicitly_wait(5)
    yield driver
    driver.quit()


def resize(browser: webdriver.Chrome, size: str) -> None:
    """Make the window that of a desk or of a phone."""
    width, height, mobile = SIZES[size]
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def open_page(browser: webdriver.Chrome, address: str, size: str) -> None:
    """Open an address in one of the sizes, with empty logs."""
    resize(browser, size)
    browser.get_log("performance")
    browser.get_log("browser")
    browser.get(address)


def requested(browser: webdriver.Chrome) -> set[str]:
    """The origins that were asked for anything since the page was opened."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    return {f"{p.scheme}://{p.netloc}" for p in map(urlsplit, sent) if p.scheme in ("http", "https", "ws", "wss")}


@cache
def _axe() -> str:
    built = frontend.build(ROOT, for_tests=True).parents[2] / ".frontend" / "node_modules" / "axe-core" / "axe.min.js"
    return built.read_text(encoding="utf-8")


def violations(browser: webdriver.Chrome) -> list[list[str]]:
    """What axe-core finds on the page as it stands, folded parts opened: the rule and where it is broken."""
    browser.execute_script("for (const part of document.querySelectorAll('details')) part.open = true")
    browser.execute_script(_axe())
    found: list[list[str]] = browser.execute_async_script(_AXE)
    return found


def shots(otherwise: Path) -> Path:
    """Where pictures for a person to look at go: MIZAN_SHOTS, else a folder of the test run."""
    folder = Path(os.environ.get("MIZAN_SHOTS", "") or otherwise)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
