"""De-identification of a version: run a recipe, count again, have the risk signed by another."""
