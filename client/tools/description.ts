/** The description of the tool that runs code, for models. */
export const runCodeDescription = `Runs a program in a disposable, isolated cell and waits for its end.
The cell starts empty and is thrown away afterwards: nothing is kept between runs, so put everything that a program needs into one call. \
There is no network unless \`network\` is true, and no file of the host can be seen beside its programs and libraries. \
Standard libraries of the language only, unless the operator has prepared more.
A program that fails, times out or needs too much memory is not an error of this tool: the result says what became of it, with exit code, stdout, stderr and the files that \`outputs\` names. \
Defaults: 30 s, one processor, 512 MiB of memory. For anything heavy set \`timeout\`, \`cpu\` and \`memory\`.`;
