"""The lab: queries that visit the data, disclosure control, and the review of what leaves."""
