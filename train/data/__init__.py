"""Data sets: labels in memory, images by index; which of them an epoch shows, and how."""
