"""The connector room: who the other nodes are, and everything that is said between nodes.

`identity` proves who speaks (did:web, DCP), `exchange` carries signed peer messages, `http` is
the one way out; negotiation and transfer speak the Dataspace Protocol on top of them.
"""
