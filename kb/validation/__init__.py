"""Validation: records against the SHACL shapes that ship with the ontology."""

from kb.validation.shacl import Finding, Validator

__all__ = ["Finding", "Validator"]
