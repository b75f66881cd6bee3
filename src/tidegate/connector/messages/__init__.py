"""Messages: every sentence of the Dataspace Protocol 2025-1, typed, checked both ways, kept.

`wire` has the types, `read` the way in, `compose` the way out, `delivery` the way across;
`store` keeps each message with its attempts and what became of it.
"""
