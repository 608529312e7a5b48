"""Records that a file has no row for any more: counted after each import, listed where they are to be retired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from pyoxigraph import NamedNode

from kb.ingest.draft import pattern
from kb.ingest.plan import Mapping
from kb.ns import ID, MZ
from kb.record import owner
from kb.search import SearchIndex
from kb.store.local import LocalStore


def listed(
    store: LocalStore | None, mapping: Mapping, datasets: Iterable[str], mentioned: Callable[[str], bool]
) -> Iterator[str]:
    """Records in the store that a mapping made of rows of these datasets, and that are not mentioned any more."""
    made = pattern(mapping.record)
    for dataset in sorted(datasets) if store is not None else ():
        assert store is not None
        for node in sorted(store.subjects(MZ.inDataset, NamedNode(dataset)), key=str):
            iri = node.value
            if owner(iri) == iri and made.fullmatch(iri.removeprefix(ID)) and not mentioned(iri) and store.stands(iri):
                yield iri


def counted(index: SearchIndex | None, datasets: Iterable[str], still: Counter[str]) -> int:
    """How many incidents of these datasets are not mentioned any more, when `still` of each are.

    The index counts them at once, where looking at each takes seconds for a hundred thousand.
    """
    if index is None:
        return 0
    return sum(index.find(kinds=["incident"], dataset=dataset, limit=1).total - still[dataset] for dataset in datasets)


def countable(mapping: Mapping) -> bool:
    """Whether rows of a mapping are incidents, which the index counts by dataset."""
    return mapping.record.startswith("incident/")


def standing(store: LocalStore | None, iris: Iterable[str]) -> Counter[str]:
    """How many of these records stand in the store, by dataset."""
    found: Counter[str] = Counter()
    for iri in iris if store is not None else ():
        assert store is not None
        if store.stands(iri):
            found.update(str(dataset.value) for dataset in store.objects(NamedNode(iri), MZ.inDataset))
    return found
