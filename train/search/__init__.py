"""Architecture and hyperparameter search with KerasTuner, within a budget."""
