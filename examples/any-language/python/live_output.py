"""Follows the stdout of a run while its code writes it, through Temporal alone."""

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator

from run_code import connect, start
from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus, WorkflowHandle


async def window_of(description: WorkflowExecutionDescription) -> tuple[int, bytes]:
    """Returns the newest bytes of stdout from the heartbeat of the running code, and their offset."""
    for activity in description.raw_description.pending_activities:
        payloads = activity.heartbeat_details.payloads
        if activity.activity_type.name == "execute" and payloads:
            [beat] = await description.data_converter.decode(payloads)
            if window := beat.get("live", {}).get("stdout"):
                return window["offset"], base64.b64decode(window["base64"])
    return 0, b""


async def stdout_of(handle: WorkflowHandle) -> AsyncIterator[bytes]:
    """Yields stdout as it arrives. Output that the heartbeats do not contain comes with the result."""
    seen = 0
    while (description := await handle.describe()).status == WorkflowExecutionStatus.RUNNING:
        offset, newest = await window_of(description)
        if offset <= seen < offset + len(newest):
            yield newest[seen - offset :]
            seen = offset + len(newest)
        await asyncio.sleep(0.125)
    stdout = (await handle.result())["stdout"]
    text = stdout["text"]
    whole = base64.b64decode(text) if stdout["encoding"] == "base64" else text.encode()
    if stdout["truncated"]:
        raise RuntimeError(f"{stdout['bytes']} bytes; `kgents logs {handle.id}` prints all of them")
    yield whole[seen:]


async def main() -> None:
    client = await connect()
    code = "import time\nfor n in range(3):\n    print('line', n, flush=True)\n    time.sleep(1)"
    handle = await start(client, f"python-{uuid.uuid4()}", {"code": code, "live": "heartbeat"})
    async for part in stdout_of(handle):
        print(part.decode(), end="", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
