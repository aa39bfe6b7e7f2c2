/** The description of the tool that runs code, for models. */
export const runCodeDescription = `Runs a program in a disposable, isolated cell and waits until it ends.
The cell starts empty and is deleted afterwards. Nothing is kept between runs, so put everything that a program needs into one call, or name a \`session\`, which keeps files and variables between its calls. \
There is no network unless \`network\` is true. Of the host's files only its programs and libraries are visible. \
Only the language's standard library is available, unless the operator has installed more.
If the program fails, times out or needs too much memory, this is not an error of the tool: the result has the status, exit code, stdout, stderr and the files that \`outputs\` matched. \
Defaults: 30 s, one processor, 512 MiB of memory. For heavy programs set \`timeout\`, \`cpu\` and \`memory\`.`;
