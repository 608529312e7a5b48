"""The one door: rows and RDF from outside become records, and what does not fit is said and kept."""
