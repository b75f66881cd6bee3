"""Value generalisation hierarchies: from code lists, calendars, places, files, or learned."""
