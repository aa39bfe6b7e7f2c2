import type { CellShape } from "#core/contract/cell-shape";

const mebibyte = 2 ** 20;

/** The limits of a cell. */
export type ShapeLimits = Pick<CellShape, "memory" | "cpu" | "disk" | "network">;

/** The default limits of a request, which `kgents status` reports. */
export const usualLimits: ShapeLimits = {
  memory: 512 * mebibyte,
  cpu: 1000,
  disk: 100 * mebibyte,
  network: { to: "nothing" },
};
