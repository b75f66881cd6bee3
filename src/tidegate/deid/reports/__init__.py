"""Reports of anonymised tables: a document anybody can check, and its pages."""
