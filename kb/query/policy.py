"""What the service grants: limits for one query, places for all and for each client, and where it may reach out to.

The operator writes it in `service.toml` in the folder of the knowledge base; what is not written has its default.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import available_timezones

from kb.errors import BadFile
from kb.store.base import Limits

_MIB = 2**20
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Policy:
    """How many queries run and wait, in all and for each client, and what else an operator decides.

    One worker of several is kept for the pages, so that no crowd of queries can stop them.
    """

    limits: Limits = field(default_factory=Limits)
    workers: int = 4
    running_per_client: int = 2
    waiting: int = 32
    waiting_per_client: int = 8
    services: tuple[str, ...] = ()  # endpoints that SERVICE may call
    origins: tuple[str, ...] = ()  # sites whose scripts may ask here
    proxies: int = 0  # how many proxies of the operator stand in front
    links: int = 256 * _MIB  # bytes that saved links may take
    four_eyes: bool = True  # whether what somebody entered is published by somebody else only
    zone: str = "Asia/Damascus"  # the local time in which people enter dates
    dataset: str = "contributed"  # the dataset that incidents entered here belong to
    publisher: str = "mizan-curators"  # the actor that answers for that dataset


@dataclass(frozen=True, slots=True)
class _Key:
    """One setting: where it goes, what it may be, and how many units one of it is."""

    name: str
    least: float = 0
    most: float = 0
    unit: int = 0  # 0: a number that stays as it is, 1: a whole number
    pattern: str = ""  # of the members of a list of texts
    text: str = ""  # pattern of a text
    flag: bool = False  # true or false


_URL = r"https?://[^\s/<>\"]+(/[^\s<>\"]*)?"
_KEYS = {
    "query": {
        "seconds": _Key("seconds", 0.1, 3600), "rows": _Key("rows", 1, 10**8, 1),
        "answer_mib": _Key("bytes", 1, 4096, _MIB), "memory_mib": _Key("memory", 256, 2**20, _MIB),
        "workers": _Key("workers", 1, 64, 1), "running_per_client": _Key("running_per_client", 1, 64, 1),
        "waiting": _Key("waiting", 0, 500, 1), "waiting_per_client": _Key("waiting_per_client", 0, 500, 1),
    },
    "service": {
        "call": _Key("services", pattern=_URL), "origins": _Key("origins", pattern=r"\*|https?://[^\s/<>\"]+"),
        "proxies": _Key("proxies", 0, 5, 1), "links_mib": _Key("links", 0, 10**6, _MIB),
    },
    "contribute": {
        "four_eyes": _Key("four_eyes", flag=True), "dataset": _Key("dataset", text=r"[a-z0-9][a-z0-9-]{0,60}"),
        "publisher": _Key("publisher", text=r"[A-Za-z0-9_~-]{1,100}(/[A-Za-z0-9_~-]{1,100}){0,3}"),
        "zone": _Key("zone", text="|".join(map(re.escape, sorted(available_timezones())))),
    },
}  # fmt: skip
_LIMITS = frozenset({"seconds", "rows", "bytes", "memory"})


def read(path: Path) -> Policy:
    """The policy in a file, all defaults when there is none; BadFile names the setting and what it may be."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Policy()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadFile(f"{path} cannot be read as TOML", str(error), "Correct it, or remove it.") from None
    limits: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for section, values in given.items():
        keys = _known(path, section, _KEYS)
        if not isinstance(values, dict):
            raise BadFile(f"{path}: {section} is not a section", "", f"Write it as [{section}].")
        for name, value in values.items():
            key = _known(path, name, keys)
            (limits if key.name in _LIMITS else others)[key.name] = _value(f"{path}: {name}", key, value)
    return Policy(Limits(**limits), **others)


def _known(path: Path, name: str, known: dict[str, _T]) -> _T:
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(known)}."
        raise BadFile(f"{path}: there is no setting {name}", "", hint)
    return known[name]


def _value(where: str, key: _Key, value: object) -> Any:
    if key.pattern:
        if not isinstance(value, list) or not all(isinstance(v, str) and re.fullmatch(key.pattern, v) for v in value):
            raise BadFile(f"{where} does not fit", f"{value!r}", "Give a list of addresses, each as https://host/path.")
        return tuple(value)
    if key.flag or key.text:
        if key.flag and isinstance(value, bool):
            return value
        if key.text and isinstance(value, str) and re.fullmatch(key.text, value):
            return value
        raise BadFile(f"{where} does not fit", f"{value!r}", "Give true or false." if key.flag else "Correct it.")
    whole = key.unit > 0
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise BadFile(f"{where} does not fit", f"{value!r} is not a {'whole ' if whole else ''}number")
    if not key.least <= value <= key.most:
        raise BadFile(f"{where} does not fit", f"{value}", f"Give {key.least:g} to {key.most:g}.")
    return int(value) * key.unit if whole else float(value)
