"""Every kind of page by axe-core (WCAG 2.2 AA), in both languages, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium import webdriver

from kb.knowledgebase import KnowledgeBase
from tests.chromium import chromium, open_page, served, violations

PAGES = (
    "/{}/", "/{}/incidents", "/{}/incidents?more=1&object=hospital", "/{}/matrix", "/{}/charts",
    "/{}/search?q=hospital",
    "/{}/incident/syria-2015-16/INC-021", "/{}/incident/syria-2015-16/INC-021/screening",
    "/{}/incident/syria-2015-16/INC-021/elements/rome-statute/8-2-e-iv", "/{}/source/snhr-2016-08-17",
    "/{}/law", "/{}/law?on=2016-01-01", "/{}/law/status", "/{}/instrument/rome-statute", "/{}/instrument/unsc-2268",
    "/{}/provision/rome-statute/8-2-e-iv", "/{}/actor/russia", "/{}/place/SY02", "/{}/conflict/syria",
    "/{}/dataset/syria-2015-16", "/{}/queries/", "/{}/queries/casualty_ranges_of_incident?run=1",
    "/{}/queries/incidents_per_governorate_and_month?run=1", "/{}/help/", "/{}/help/researcher", "/{}/ontology",
    "/{}/incident/syria-2015-16/INC-021/revisions", "/{}/actor/airwars/revisions/1", "/{}/instrument/crc?on=2016-02-27",
    "/{}/shape/meta", "/{}/ontology/evidence", "/{}/scheme/object-hit", "/{}/sign-in",
    "/{}/nothing/here", "/sparql?lang={}",
)  # fmt: skip


@pytest.fixture(scope="module")
def origin(demo: KnowledgeBase) -> Iterator[str]:
    with served(demo) as address:
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.mark.parametrize(("language", "size"), [("en", "wide"), ("ar", "narrow")])
@pytest.mark.parametrize("page", PAGES)
def test_page_is_accessible(browser: webdriver.Chrome, origin: str, page: str, language: str, size: str) -> None:
    open_page(browser, origin + page.format(language), size)
    assert violations(browser) == []
