"""What those who run things want to see: is it running, what has it spent, what did it do."""
