export { executeCode } from "./execute-code.ts";
