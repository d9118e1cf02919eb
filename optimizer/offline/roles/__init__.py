"""What a model is asked to be beside itself: a `proposer` of instructions (`meta` reads the request), or a `judge`."""
