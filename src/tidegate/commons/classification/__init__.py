"""Classification: how protected a version is, said by one person and approved by another."""
