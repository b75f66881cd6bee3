"""Looking at what a recipe would do before it is run: summaries of groups, never a record."""
