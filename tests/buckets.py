"""A server that speaks as S3 does, in this process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from pyarrow import fs

__all__ = ["a_bucket"]

KEYS = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def a_bucket(name: str = "trips") -> Iterator[fs.S3FileSystem]:
    """An empty bucket; who is asked for ``s3://`` meanwhile asks this server."""
    from moto.server import ThreadedMotoServer  # late: only some of the test processes need it

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    told = {**KEYS, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}
    former = {variable: os.environ.get(variable) for variable in told}
    os.environ.update(told)
    try:
        bucket = fs.S3FileSystem(endpoint_override=told["AWS_ENDPOINT_URL"], allow_bucket_creation=True)
        bucket.create_dir(name)
        yield bucket
    finally:
        for variable, value in former.items():
            if value is None:
                del os.environ[variable]
            else:
                os.environ[variable] = value
        server.stop()
