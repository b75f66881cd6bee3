"""Looking at what a recipe would do to a version, under the rules of de-identifying it."""
