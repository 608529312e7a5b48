"""Claims put in order for a page: rival ones side by side, numbers in tables that are never added up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from web.language import marked
from web.reading import Node

_HARMS = ("killed", "injured", "missing", "detained", "displaced")
_GROUPS = {  # (age, sex) of the victims counted → words
    ("", ""): "",
    ("child", ""): marked("children"),
    ("infant", ""): marked("infants"),
    ("adult", "female"): marked("women"),
    ("", "female"): marked("women and girls"),
    ("adult", "male"): marked("men"),
    ("", "male"): marked("men and boys"),
    ("adult", ""): marked("adults"),
    ("child", "female"): marked("girls"),
    ("child", "male"): marked("boys"),
}
_STATUSES = ("adjudicated", "found", "alleged", "rejected", "candidate")
_PROVENANCE = ("mz:claimDate", "mz:basis", "mz:reference", "mz:sourceCode", "mz:restsOn", "mz:credibility",
              "mz:verification", "mz:verificationBasis")  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Column:
    """What a number counts: a harm, and the age and sex of the people counted if stated."""

    order: int
    harm: str
    age: str
    sex: str

    @property
    def group(self) -> str | None:
        """The people counted in words to be translated; empty for all, None where the codes must be shown."""
        return _GROUPS.get((self.age.rpartition("#")[2], self.sex.rpartition("#")[2]))


@dataclass(slots=True)
class Row:
    """The numbers of one claimant; `origins` groups them by what they rest on."""

    claimant: str
    cells: dict[Column, list[Node]] = field(default_factory=dict)
    origins: dict[tuple[str, ...], list[tuple[Column, Node]]] = field(default_factory=dict)


@dataclass(slots=True)
class CasualtyTable:
    """The estimates about one thing, one row for each claimant, one column for each thing counted."""

    about: str
    columns: list[Column]
    rows: list[Row]


@dataclass(slots=True)
class ClaimSet:
    """The claims of a page by what they are; `notes` are the curators' remarks by what they are about."""

    casualties: list[CasualtyTable] = field(default_factory=list)
    attributions: list[Node] = field(default_factory=list)
    responses: list[Node] = field(default_factory=list)
    parties: list[Node] = field(default_factory=list)
    mappings: list[Node] = field(default_factory=list)
    candidates: list[Node] = field(default_factory=list)
    statements: list[Node] = field(default_factory=list)
    classifications: list[Node] = field(default_factory=list)
    recommendations: list[Node] = field(default_factory=list)
    others: list[Node] = field(default_factory=list)
    notes: dict[str, list[Node]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__)

    @property
    def notes_elsewhere(self) -> list[Node]:
        """Notes on things that are not claims of this set."""
        shown = {n.iri for part in self._parts() for n in part}
        return [note for about, notes in sorted(self.notes.items()) if about not in shown for note in notes]

    def _parts(self) -> Iterable[list[Node]]:
        for table in self.casualties:
            for row in table.rows:
                yield from row.cells.values()
        for name in ("attributions", "responses", "parties", "mappings", "candidates", "statements",
                     "classifications", "recommendations", "others"):  # fmt: skip
            yield getattr(self, name)


_PLACES: dict[str, Callable[[ClaimSet], list[Node]]] = {
    "mz:Attribution": lambda s: s.attributions,
    "mz:PartyResponse": lambda s: s.responses,
    "mz:WarringParty": lambda s: s.parties,
    "mz:FactualStatement": lambda s: s.statements,
    "mz:ConflictClassification": lambda s: s.classifications,
    "mz:Recommendation": lambda s: s.recommendations,
}


def is_claim(node: Node) -> bool:
    """Whether a node states something on somebody's behalf."""
    return node.has("mz:claimant")


def arrange(nodes: Iterable[Node]) -> ClaimSet:
    """Claims in the order in which a page shows them; nodes that are not claims are passed over."""
    result = ClaimSet()
    estimates: list[Node] = []
    for node in sorted((n for n in nodes if is_claim(n)), key=_order):
        kinds = node.types
        if "mz:CasualtyEstimate" in kinds:
            estimates.append(node)
        elif "mz:EditorialNote" in kinds:
            result.notes.setdefault(node.iri_value("mz:about"), []).append(node)
        elif "mz:LegalMapping" in kinds:
            candidate = node.concept("mz:mappingStatus") == "candidate"
            (result.candidates if candidate else result.mappings).append(node)
        else:
            place = next((_PLACES[k] for k in kinds if k in _PLACES), lambda s: s.others)
            place(result).append(node)
    result.casualties = tables(estimates)
    return result


def _order(node: Node) -> tuple[int, str, str]:
    status = node.concept("mz:mappingStatus")
    rank = _STATUSES.index(status) if status in _STATUSES else len(_STATUSES)
    return rank, node.iri_value("mz:claimant"), node.iri


def tables(estimates: Iterable[Node]) -> list[CasualtyTable]:
    """Casualty estimates as tables, one for each thing that they are about."""
    by_subject: dict[str, list[Node]] = {}
    for node in estimates:
        by_subject.setdefault(node.iri_value("mz:about"), []).append(node)
    return [_table(about, nodes) for about, nodes in sorted(by_subject.items())]


def _table(about: str, nodes: list[Node]) -> CasualtyTable:
    rows: dict[str, Row] = {}
    for node in nodes:
        claimant, column = node.iri_value("mz:claimant"), _column(node)
        row = rows.setdefault(claimant, Row(claimant))
        row.cells.setdefault(column, []).append(node)
        origin = tuple(" ".join(str(t) for t in node.terms(name)) for name in _PROVENANCE)
        row.origins.setdefault(origin, []).append((column, node))
    columns = sorted({c for row in rows.values() for c in row.cells})
    return CasualtyTable(about, columns, [rows[claimant] for claimant in sorted(rows)])


def _column(node: Node) -> Column:
    harm = node.iri_value("mz:harm")
    name = harm.rpartition("#")[2]
    order = _HARMS.index(name) if name in _HARMS else len(_HARMS)
    age, sex = _stated(node.iri_value("mz:victimAge")), _stated(node.iri_value("mz:victimSex"))
    group = (age.rpartition("#")[2], sex.rpartition("#")[2])
    place = list(_GROUPS).index(group) if group in _GROUPS else len(_GROUPS)
    return Column(order * 100 + place, harm, age, sex)


def _stated(concept: str) -> str:
    return "" if concept.endswith("#not-stated") else concept
