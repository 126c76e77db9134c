"""What all parts of training share."""
