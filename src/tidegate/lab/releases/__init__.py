"""The checker's desk: results that wait for a person before they leave."""
