"""The deid room is an engine and keeps no rows; risk reports lie with the commons' holdings."""
