"""A financial analyst that answers from retrieved report passages, with figure and source."""
