/** An interrupt ends what a call runs, and the kernel keeps its names. */
import { expect, test } from "vitest";
import { type KernelLanguage, prepareKernel } from "./kernel.ts";

const ok = { status: "ok", displaysOmitted: 0 };

const loops: [language: KernelLanguage, before: string, loop: string, after: string][] = [
  ["python", "x = 5", "print('begun')\nwhile True: pass", "print(x)"],
  ["python", "x = 5", "import time\nprint('begun')\ntime.sleep(60)", "print(x)"],
  ["python", "x = 5", "import asyncio\nprint('begun')\nawait asyncio.sleep(60)", "print(x)"],
  ["python", "x = 5", "import subprocess\nprint('begun')\nsubprocess.run(['sleep', '60'])", "print(x)"],
  ["javascript", "let x = 5", "console.log('begun'); while (true) {}", "console.log(x)"],
  [
    "javascript",
    "let x = 5",
    "console.log('begun'); await new Promise((r) => setTimeout(r, 60_000))",
    "console.log(x)",
  ],
  ["typescript", "let x: number = 5", "console.log('begun'); while (true) {}", "console.log(x as unknown)"],
  ["bash", "x=5", "echo begun; while :; do :; done; echo after", "echo $x"],
  ["bash", "x=5; f() { sleep 60; echo f; }", "echo begun; f; echo after", "echo $x"],
  ["bash", "x=5", "echo begun; for i in 1 2 3; do sleep 60; echo $i; done; echo after", "echo $x"],
];

test.each(loops)("%s: %s; %s", async (language, before, loop, after) => {
  await using kernel = await prepareKernel(language);
  expect(await kernel.run(before)).toMatchObject({ code: 0, stdout: "", result: { ...ok, call: 1 } });
  const call = kernel.start(loop);
  await call.says("begun");
  call.interrupt();
  expect(await call.ended).toMatchObject({ code: 130, stdout: "begun\n", result: { status: "interrupted", call: 2 } });
  expect(await kernel.run(after)).toMatchObject({ code: 0, stdout: "5\n", stderr: "", result: { ...ok, call: 3 } });
});
