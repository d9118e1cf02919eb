"""Call summarisation: from the transcript of a customer call to a wrap-up record."""
