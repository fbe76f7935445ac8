"""Messages of several versions of uv, explained in one line."""

from __future__ import annotations

import pytest

from scriptgraph.python_env.uv import explain_failure

NO_WHEELS = """Using Python 3.12.1 environment at: d312
error: No solution found when resolving dependencies
  cause: Because deepsparse==1.8.0 has no usable wheels and you require deepsparse==1.8.0, we can conclude that your
requirements are unsatisfiable.

hint: Wheels are required for `deepsparse` because building from source is disabled for all packages
"""
NO_WHEELS_OF_ANOTHER_UV = """
  \u00d7 No solution found when resolving dependencies:
  \u2570\u2500\u25b6 Because deepsparse==1.8.0 has no wheels with a
      matching Python ABI tag (e.g., `cp312`) and you require deepsparse==1.8.0, we can conclude that your
      requirements are unsatisfiable.
"""
HASH = """error: Failed to download `six==1.17.0`
  cause: Hash mismatch for `six==1.17.0`

         Expected:
           sha256:0000
"""
OFFLINE = """error: No solution found when resolving dependencies
  cause: Because annotated-types was not found in the cache and you require annotated-types==0.8.0, we can conclude
hint: Packages were unavailable because the network was disabled. When the network is disabled, registry packages may
"""
NO_NAME = """error: Failed to fetch: https://index.example/simple/six/
  cause: error sending request for url (https://index.example/simple/six/)
  cause: client error (Connect)
  cause: dns error
  cause: failed to lookup address information: Name or service not known
"""
NO_PROXY = """error: Failed to fetch: https://index.example/simple/six/
  cause: client error (Connect)
  cause: tunnel error: failed to create underlying connection
  cause: tcp connect error
  cause: Connection refused (os error 111)
"""
NO_VERSION = """error: No solution found when resolving dependencies
  cause: Because there is no version of anyio{sys_platform != 'emscripten'}==4.16.0 and you require anyio==4.16.0
"""
UNKNOWN = """error: No solution found when resolving dependencies
  cause: Because six was not found in the package registry and you require six==1.17.0, we can conclude
"""
BUILD = """error: Failed to build `mlcommons-loadgen==6.0.17`
  cause: The build backend returned an error
         RuntimeError: Unsupported compiler -- at least C++11 support is needed!
"""


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (NO_WHEELS, "deepsparse==1.8.0 has no wheel for CPython 3.12.1 on x86_64"),
        (NO_WHEELS_OF_ANOTHER_UV, "deepsparse==1.8.0 has no wheel for CPython 3.12.1 on x86_64"),
        (HASH, "six==1.17.0: the file of the package index does not have the hash of the lock file"),
        (OFFLINE, "packages are not in uv's cache, and --offline forbids to fetch them"),
        (NO_NAME, "the package index's name cannot be resolved; check the network"),
        (NO_PROXY, "the package index cannot be reached; check the network and the proxy"),
        (NO_VERSION, "the package index has no anyio==4.16.0"),
        (UNKNOWN, "the package index does not have six"),
        (BUILD, "mlcommons-loadgen==6.0.17 has no wheel for this machine and could not be compiled; install a C++"),
        ("error: failed to write\n  cause: No space left on device (os error 28)", "the disk is full"),
        ("error: x\n  cause: invalid peer certificate: UnknownIssuer", "certificate is not trusted"),
        ("error: Failed to fetch\n  cause: HTTP status client error (403 Forbidden)", "refuses access"),
        ("error: No interpreter found at path `/no/such/python`", "the Python does not run; name another"),
        ("error: something new\n  cause: nobody knows\nhint: none", "something new cause: nobody knows"),
        ("", "uv failed"),
    ],
)
def test_a_failure_is_explained_in_one_line(output: str, words: str) -> None:
    text = explain_failure(output, "CPython 3.12.1 on x86_64")

    assert words in text
    assert "\n" not in text
