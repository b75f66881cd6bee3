"""The provider's side of a query: it arrives, is checked, runs beside the data, and is answered."""
