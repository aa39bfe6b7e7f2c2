"""Runs a program once per line of stdin with llm-sandbox's Kubernetes backend, and prints how long the result took, in ms."""

import logging
import sys
import time

from llm_sandbox import SandboxBackend, SandboxSession

logging.disable(logging.CRITICAL)
namespace, image = sys.argv[1:3]
for _ in sys.stdin:
    start = time.perf_counter()
    session = SandboxSession(
        backend=SandboxBackend.KUBERNETES,
        lang="python",
        image=image,
        kube_namespace=namespace,
        # A program without packages does not need it, and it takes time.
        skip_environment_setup=True,
        verbose=False,
    )
    session.open()
    result = session.run("print('hello')")
    took = (time.perf_counter() - start) * 1000
    assert result.stdout == "hello\n", result
    session.close()
    print(took, flush=True)
