"""Object storage for tests: moto's S3 server on the loopback; s3fs reads in a config file where it is."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import fsspec
import pytest
from moto.server import ThreadedMotoServer


class Storage:
    """A bucket whose server a test may stop and start again; what is in it stays."""

    url = "s3://runs"

    def __init__(self, config_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._port = 0
        self.config_dir = str(config_dir)
        self.start()
        keys = {"key": "test", "secret": "test", "endpoint_url": f"http://127.0.0.1:{self._port}"}
        (config_dir / "s3.json").write_text(json.dumps({"s3": keys}))
        monkeypatch.setenv("FSSPEC_CONFIG_DIR", str(config_dir))  # for other processes
        monkeypatch.setitem(fsspec.config.conf, "s3", keys)  # for this one, which has read its own long since
        client = boto3.client(
            "s3",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            endpoint_url=keys["endpoint_url"],
        )
        client.create_bucket(Bucket="runs")

    def start(self) -> None:
        """Serve, at the same port as before."""
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self._port, verbose=False)
        self._server.start()
        _, self._port = self._server.get_host_and_port()

    def stop(self) -> None:
        """Answer no more: who asks is refused."""
        self._server.stop()
        if listening := self._server._server:
            listening.server_close()


@contextmanager
def serve(config_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """Serve an empty bucket."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    config_dir.mkdir()
    storage = Storage(config_dir, monkeypatch)
    yield storage
    storage.stop()
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].reset()
