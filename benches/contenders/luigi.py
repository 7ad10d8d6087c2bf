"""Luigi: a task for each step, one after another: all its workers but a single one are processes."""

import luigi

PACKAGES = ["luigi>=3.6"]
RUNTIMES = ["threads"]
SOURCE = "https://luigi.readthedocs.io/en/stable/running_luigi.html"
TIME_LIMIT = False
SLOW = True
SERIAL = True


def graph(step, dependencies):
    values = {}

    class Step(luigi.Task):
        name = luigi.Parameter()

        def requires(self):
            return [Step(other) for other in dependencies[self.name]]

        def run(self):
            values[self.name] = step(self.name)

        # It would look for a file otherwise.
        def complete(self):
            return self.name in values

    # One task for all: it walks up the whole graph from each that it is given.
    class Steps(luigi.WrapperTask):
        def requires(self):
            return map(Step, dependencies)

    luigi.build([Steps()], local_scheduler=True, log_level="CRITICAL")
    return values
