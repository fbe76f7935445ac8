"""What a submission needs of its files."""
