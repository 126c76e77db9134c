"""KerasTuner's loop over our trials, alone or with many workers."""

from time import sleep

import grpc
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.errors import FailedTrialError, FatalError

from keras_resnet.spec import macs
from keras_resnet.utils.errors import InputError
from train.runs.folder import Unwritable
from train.search import leaderboard, workers
from train.search.budget import cost_text
from train.search.folder import STATE
from train.search.job import SearchJob
from train.search.progress import ProgressLine
from train.search.space import describe
from train.trainer.checkpoint import ACCURACY


class SearchTuner(BaseTuner):
    """KerasTuner's loop; a trial is a run of the runner."""

    def __init__(self, oracle, job: SearchJob):
        self.job, self.role = job, workers.role()
        super().__init__(oracle, directory=str(job.runner.folder), project_name=STATE)

    def _populate_initial_space(self) -> None:
        # KerasTuner looks for a file that a kill in the first trial leaves unwritten.
        if self.role != workers.WORKER:
            self.oracle.reload()

    def save(self) -> None:
        """The state is the oracle's."""
        if self.role != workers.WORKER:
            self.oracle.save()

    def pre_create_trial(self) -> None:
        """Asks not too often while other workers have to finish first."""
        if self.role == workers.WORKER:
            sleep(1)

    def _run_and_update_trial(self, trial, *arguments, **settings) -> None:
        try:
            super()._run_and_update_trial(trial, *arguments, **settings)
        except grpc.RpcError as error:  # which is not the point's fault
            raise FatalError(workers.explain_lost_chief(error)) from error

    def run_trial(self, trial, verbose: int = 0) -> dict[str, float]:
        """Trains a point, or reads what came of it if it was trained already.

        Raises:
            FailedTrialError: if the trial fails.
            FatalError: if nothing can be written or a teacher is gone, which is not the point's
                fault.
        """
        try:
            self.job.check_teachers()
        except InputError as error:  # not the point's fault: the trial is repeated later
            raise FatalError(str(error)) from error
        name, runner = trial.trial_id, self.job.runner
        spec, recipe = self.job.point(trial.hyperparameters.values)
        fresh = not runner.has_trial(name)
        title = f"trial {name}, {int(name) + 1} of {self.job.max_trials}: {describe(spec)}"
        show = ProgressLine(title, self._best(), self.job.time_left)
        whole, outcome = False, "stopped"
        try:
            record = runner.train(name, spec, recipe, show)
            whole, outcome = (
                fresh,
                f"{record['last_epoch'][ACCURACY]:.2%}; {cost_text(record['costs'])}",
            )
        except Unwritable as error:
            raise FatalError(str(error)) from error
        except Exception as error:
            outcome = f"failed: {error}"
            raise FailedTrialError(str(error)) from error
        finally:
            self.job.record_trial(recipe.epochs, macs(spec), whole)
            show.end(outcome)
        return {ACCURACY: record["last_epoch"][ACCURACY], **record["costs"]}

    def on_trial_end(self, trial) -> None:
        """Notes the outcome, and brings the leaderboard up to date."""
        super().on_trial_end(trial)
        if self.role == workers.ALONE:
            folder = self.job.runner.folder
            leaderboard.write(folder, leaderboard.rows(folder))

    def _best(self) -> str:
        scores = [trial.score for trial in self.oracle.get_best_trials(1) if trial.score]
        return f"best before {scores[0]:.2%}" if scores else "the first"
