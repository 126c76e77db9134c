"""Run folders: who owns one, its record, its files, and the finished run read back."""
