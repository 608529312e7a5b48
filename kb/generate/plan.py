"""The mapping files and actors that come with a synthetic dataset: the shipped ones, renamed so that nothing mixes."""

from __future__ import annotations

import re

from kb import document, paths, vocabulary
from kb.generate.report import FORCES, MINISTRY, MONITORS, PREFIX, PUBLISHER
from kb.ns import ID, MZ, PREFIXES, RDF
from kb.record import ADDRESS, subject

NOTICE = {
    "en": "Synthetic data made by a program. None of it happened; no row is a report.",
    "ar": "بيانات اصطناعية صنعها برنامج. لم يقع شيء منها، وليس أي صف تقريرًا.",
}
_TITLES = {
    "ucdp-ged": ("Synthetic events in the layout of UCDP GED", "أحداث اصطناعية بتخطيط قاعدة أوبسالا"),
    "airwars": ("Synthetic incidents in the layout of Airwars", "حوادث اصطناعية بتخطيط إيروورز"),
    "incidents": ("Synthetic table of incidents", "جدول حوادث اصطناعي"),
}
_CLAIMANTS = {"ucdp-ged": "ucdp", "airwars": "airwars"}
_SYRIA = {"lat": (32, 38), "lon": (35, 43)}
"""Whole degrees around the country: with them an import notices many exchanged coordinates."""
_PROVISIONS = 40


def mapping(name: str) -> str:
    """The shipped mapping `name` as that of its synthetic twin: own dataset, own addresses, own actors.

    Coordinates must lie in the country, and the order of two numbers of the Airwars layout is left to the shapes, so
    that seeded errors reach every stage.
    """
    text = (paths.shipped("ontology") / "mappings" / f"{name}.toml").read_text(encoding="utf-8")
    head, body = re.split(r"(?m)^(?=\[columns\.)", text, maxsplit=1)
    key = re.search(r'(?m)^key = "(\w+)"', head)
    record = re.search(r'(?m)^record = "(.+)"', head)
    assert key and record  # every shipped mapping has them
    place = record[1].replace("incident/", "incident/synthetic-") if name in _CLAIMANTS else record[1]
    return f"{_source(name, key[1], place)}\n{_rules(_renamed(body, name), name)}"


def actors() -> str:
    """The synthetic actors as Turtle, to be imported before the tables that name them."""
    people = [(f"{PREFIX}monitor-{n}", f"Synthetic monitor {n}", f"جهة رصد اصطناعية {n}") for n in _up_to(MONITORS)]
    people += [(f"{PREFIX}force-{n}", f"Synthetic force {n}", f"قوة اصطناعية {n}") for n in _up_to(FORCES)]
    people += [(MINISTRY, "Synthetic ministry", "وزارة اصطناعية"), (PUBLISHER, "Synthetic publisher", "ناشر اصطناعي")]
    return _prefixes() + "".join(_actor(*person) for person in people)


def provisions() -> tuple[str, ...]:
    """Ids of offences in the shipped law that synthetic claims may invoke."""
    offences = (
        subject(t).removeprefix(f"{ID}provision/")
        for path in vocabulary.law_files() for t in document.read(path)
        if t.predicate == RDF.type and t.object == MZ.Offence
    )  # fmt: skip
    return tuple(sorted(o for o in offences if ADDRESS.fullmatch(f"provision/{o}")))[:_PROVISIONS]


def _up_to(number: int) -> range:
    return range(1, number + 1)


def _source(name: str, key: str, record: str) -> str:
    english, arabic = _TITLES[name]
    claimant = f"{PREFIX}{_CLAIMANTS[name]}" if name in _CLAIMANTS else ""
    records = ""
    if claimant:
        actor = _actor(claimant, f"Synthetic claimant of the layout {name}", f"صاحب إفادات اصطناعي بتخطيط {name}")
        records = f"records = '''\n{_prefixes()}{_dataset(name, claimant)}{actor}'''\n"
    return (
        f'[source]\nname = "{PREFIX}{name}"\ntitle = {{ en = "{english}", ar = "{arabic}" }}\nkey = "{key}"\n'
        f'record = "{record}"\ntimezone = "Asia/Damascus"\n'
        f'notice = {{ en = "{NOTICE["en"]}", ar = "{NOTICE["ar"]}" }}\n{records}'
    )


def _dataset(name: str, publisher: str) -> str:
    english, arabic = _TITLES[name]
    return (
        f'<{ID}dataset/{PREFIX}{name}> a mz:Dataset ; skos:prefLabel "{english}"@en , "{arabic}"@ar ;\n'
        f'  dcterms:description "{NOTICE["en"]}"@en , "{NOTICE["ar"]}"@ar ; dcterms:license "CC0 1.0" ;\n'
        f"  dcterms:publisher <{ID}actor/{publisher}> .\n"
    )


def _actor(name: str, english: str, arabic: str) -> str:
    kind = f"{PREFIXES['scheme']}actor-kind#unknown"
    return (
        f'<{ID}actor/{name}> a mz:Actor ; skos:prefLabel "{english} (no real body)"@en , '
        f'"{arabic} (ليست جهة حقيقية)"@ar ;\n  org:classification <{kind}> .\n'
    )


def _prefixes() -> str:
    return "".join(f"PREFIX {p}: <{PREFIXES[p]}>\n" for p in ("mz", "skos", "dcterms", "org"))


def _renamed(text: str, name: str) -> str:
    """Every address of the source, and every actor that it names, as the synthetic one."""
    if name == "incidents":
        dataset = ' = [{ column = "dataset", lang = "en" }, { column = "dataset", lang = "ar" }]'
        english, arabic = _TITLES[name]
        made = f' = [{{ constant = "{english}", lang = "en" }}, {{ constant = "{arabic}", lang = "ar" }}]'
        assert dataset in text
        return text.replace(dataset, made)
    short = _CLAIMANTS[name]
    for kind in ("incident", "source", "dataset", "actor", "conflict"):
        text = re.sub(rf'(?<=["]){kind}/{short}', f"{kind}/{PREFIX}{short}", text)
    real = r'"actor/(?!synthetic-|ucdp|airwars)[a-z-]+"'
    for number, found in enumerate(dict.fromkeys(re.findall(real, text)), 1):
        other = MINISTRY if "ministry" in found else f"{PREFIX}force-{1 + number % FORCES}"
        text = text.replace(found, f'"actor/{other}"')
    text = re.sub(r'(?m)^"(russia|russian_forces|syrian_regime|coalition)" =', _force, text)
    text = re.sub(r'(?m)^"(Russian Military|U.S.-led Coalition)" =', _force, text)
    title = {"ucdp": ("(UCDP {id})", "(synthetic {id})"), "airwars": ("(Airwars {code})", "(synthetic {code})")}[short]
    named = text.replace(*title).replace("Airwars record", "Synthetic record")
    return named.replace("as Airwars gives it", "synthetic")


def _force(match: re.Match[str]) -> str:
    names = {
        "russia": "synthetic_force_1", "russian_forces": "synthetic_force_1b", "syrian_regime": "synthetic_force_2",
        "coalition": "synthetic_force_3", "Russian Military": "Synthetic Force 1",
    }  # fmt: skip
    return f'"{names.get(match[1], "Synthetic Force 3")}" ='


def _rules(text: str, name: str) -> str:
    for short, (low, high) in _SYRIA.items():
        for column in (short, {"lat": "latitude", "lon": "longitude"}[short]):
            limits = rf"(\[columns\.{column}\]\nkind.*\n)min = .*\nmax = .*"
            text = re.sub(limits, rf"\1min = {low}\nmax = {high}", text)
    if name == "airwars":
        order = '[[rule]]\norder = ["men_killed_min", "men_killed_max"]\n'
        assert order in text
        text = text.replace(order, "")
    return text


