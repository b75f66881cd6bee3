"""The keys room: the node's own keys, sealed by a passphrase."""
