"""The risk that is left in a published table, by the attacker it is measured against."""
