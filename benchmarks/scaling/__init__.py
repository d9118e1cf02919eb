"""What is grown in the benchmark of growth."""
