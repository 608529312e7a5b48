"""Forms read off the shapes: which fields a class has, what is typed into them as a record, and findings at a field."""

from kb.form.entry import FILLED, Fault, Typed, compose, faults_of, name_of
from kb.form.shape import Field, Form, form_of

__all__ = ["FILLED", "Fault", "Field", "Form", "Typed", "compose", "faults_of", "form_of", "name_of"]
