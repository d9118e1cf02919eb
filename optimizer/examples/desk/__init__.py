"""A front desk that books, looks up and hands over by calling tools: the calls are what is scored."""
