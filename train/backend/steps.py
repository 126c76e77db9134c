"""Several steps without return to Python: what no backend can do."""

from keras_resnet.utils.errors import InputError
from train.settings.execution import Execution


def check_steps(execution: Execution, steps: int, devices: int) -> None:
    """Checks the steps that are executed at once.

    Args:
        execution: How to compute.
        steps: Number of steps in an epoch.
        devices: That train together.

    Raises:
        InputError: for several at once on several devices, or what does not divide an epoch.
    """
    at_once = execution.steps_per_execution
    if at_once > 1 and devices > 1:
        raise InputError(
            f"steps_per_execution {at_once} does not work on {devices} devices: leave it out."
        )
    if at_once and steps % at_once:
        raise InputError(
            f"steps_per_execution {at_once} does not divide the {steps} steps of an epoch: choose "
            "a divisor."
        )
