"""What a network does: scores of its images, and one page about it."""
