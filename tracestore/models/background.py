"""When did each background job last finish? One row a job, for /readyz and the warnings on the pages."""

from typing import ClassVar

from django.db import models


class JobRun(models.Model):
    name = models.CharField(max_length=64, primary_key=True)
    finished_at = models.DateTimeField(null=True)  # last success; None: never
    duration_ms = models.IntegerField(null=True)  # of the last success
    failed_at = models.DateTimeField(null=True)  # last failure
    failure = models.CharField(max_length=200, blank=True, default="")  # its type and place, never its text

    class Meta:
        db_table = "job_run"
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name
