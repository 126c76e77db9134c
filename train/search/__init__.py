"""Architecture and hyperparameter search with KerasTuner, within a budget."""

TUNERS = {
    "hyperband": "many short trials, and longer ones of the best third",
    "random": "points by chance",
    "bayesian": "points that a Gaussian process holds to be good",
}
