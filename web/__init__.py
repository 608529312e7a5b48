"""The web: pages in English and Arabic, the data of every page as RDF and JSON, and the SPARQL service."""
