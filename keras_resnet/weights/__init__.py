"""Weight files: formats, layouts of other packages, loading, and named pretrained sets."""
