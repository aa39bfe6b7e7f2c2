"""A Jupyter kernel as a peer: runs print(1) as often as lines come, and answers each with its milliseconds."""

import sys
import time

from jupyter_client.manager import KernelManager

manager = KernelManager(kernel_name="python3")
manager.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
manager.start_kernel()
client = manager.blocking_client()
client.start_channels()
client.wait_for_ready(timeout=60)
print("ready", flush=True)
for _ in sys.stdin:
    begin = time.perf_counter()
    client.execute_interactive("print(1)", timeout=30, output_hook=lambda message: None)
    print((time.perf_counter() - begin) * 1000, flush=True)
client.stop_channels()
manager.shutdown_kernel(now=True)
