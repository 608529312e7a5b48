"""Where triples live: one interface, one file per backend."""
