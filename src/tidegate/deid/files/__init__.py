"""Tables as files: read a CSV file strictly, anonymise it, publish it verified or not at all."""
