"""Holdings: what the node keeps, opened only while it may be, preserved and checked."""
