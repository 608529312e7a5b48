"""Who may do what: the one place where a right is looked up and refused."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kb.errors import Forbidden


class Right(StrEnum):
    """Something that not everybody may do."""

    ENTER = "enter"  # incidents and claims, as submissions
    ASSESS = "assess"  # elements of an offence, as submissions
    UPLOAD = "upload"  # tables, as submissions
    REVIEW = "review"  # read what others submitted, return it, publish it


_CONTRIBUTING = frozenset({Right.ENTER, Right.ASSESS, Right.UPLOAD})
ROLES: dict[str, frozenset[Right]] = {
    "contributor": _CONTRIBUTING,
    "reviewer": _CONTRIBUTING | {Right.REVIEW},
}


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever holds a token: its identifier, the name that the ledger will show, the role, and the rights."""

    token: str
    name: str
    role: str
    rights: frozenset[Right]

    def may(self, right: Right) -> bool:
        """Whether this person has a right."""
        return right in self.rights


def rights_of(role: str, scope: frozenset[str]) -> frozenset[Right]:
    """The rights of a role, narrowed to a scope; an empty scope narrows nothing, an unknown role has none."""
    granted = ROLES.get(role, frozenset())
    return frozenset(right for right in granted if not scope or right.value in scope)


def demand(person: Person | None, right: Right) -> Person:
    """The person, if there is one with this right; Forbidden otherwise."""
    if person is None or not person.may(right):
        why = f"it needs the right to {right.value}" + (f", which {person.role} tokens lack here" if person else "")
        raise Forbidden("You may not do this", why, "Ask whoever runs this site for a token that may.")
    return person
