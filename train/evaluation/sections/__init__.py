"""The sections of a page: each a pure function of the material to blocks, none without data."""
