/** Running code as a tool of a language model: what goes to the model's API, and what comes back to the model. */
import { runCodeTool } from "kgents/tools";

await using runCode = runCodeTool({ fixed: { network: false } });

// What the request to the API has in `tools`.
console.log(runCode.openai.function.name, runCode.anthropic.name, Object.keys(runCode.aiSdk).join(" "));

// What a model answers: OpenAI's API hands the arguments over as JSON, Anthropic's as an object.
const output = await runCode.execute('{"code": "print(6 * 7)"}');
console.log(output.ok, output.result?.stdout.text);

// What is wrong with a call is text, too: the model reads what to change, and tries again.
console.log((await runCode.execute({ code: "print(1)", memory: "plenty" })).text);
