"""What the papers and their readers looked at besides error: one file for each analysis."""
