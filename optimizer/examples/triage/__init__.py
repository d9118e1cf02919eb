"""Support tickets of an invented shipping platform, to be sorted into JSON: urgency, sentiment, categories."""
