"""The secure token service: tokens in this node's name for programs its operator has registered."""
