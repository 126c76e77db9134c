"""What the papers showed, shown again: experiments, their claims, and the pictures of both."""
