"""A columnar copy of a snapshot for questions over very many incidents: SPARQL in, the store's own answer out."""
