"""A front desk: messages answered by calls of tools."""
