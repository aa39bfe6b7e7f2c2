export { executeBatch } from "./execute-batch.ts";
export { executeCode } from "./execute-code.ts";
export { reapCell } from "./reap-cell.ts";
export { sweepCells } from "./sweep-cells.ts";
