"""Validation: records against the SHACL shapes that ship with the ontology."""

from kb.validation.finding import Finding
from kb.validation.shacl import Validator

__all__ = ["Finding", "Validator"]
