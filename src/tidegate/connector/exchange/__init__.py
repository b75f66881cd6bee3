"""Exchange: signed messages between nodes, delivered once, in order, per peer."""
