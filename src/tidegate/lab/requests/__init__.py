"""The researcher's side of a query: asked here, answered by the node that holds the data."""
