"""What a training is told: plain data, standard library only."""
