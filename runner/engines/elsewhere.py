"""No engine: for a bot whose runs all train on machines of their own, which take them from the queue."""

from runner.engines import EngineError, JobStatus


class Elsewhere:
    """Starts nothing and has started nothing."""

    async def capacity(self) -> int:
        """Return that there is no room here."""
        return 0

    async def start(self, job_id: str, run_dir: str) -> None:
        """Refuse: nobody asks where there is no room."""
        raise EngineError("this process trains nothing; other machines do")

    async def status(self, job_id: str) -> JobStatus:
        """Return that the job is not known here."""
        return JobStatus("unknown")

    async def stop(self, job_id: str) -> None:
        """Do nothing: there is no job here."""

    async def close(self) -> None:
        """Do nothing."""
