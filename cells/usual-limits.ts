import { type CellShape, networkOf } from "#core/contract/cell-shape";
import { requestSchema } from "#core/contract/request";

/** The limits of a cell. */
export type ShapeLimits = Pick<CellShape, "memory" | "cpu" | "disk" | "network">;

/** The limits of a request that sets none, which `kgents status` reports. */
export function usualLimits(): ShapeLimits {
  const { memory, cpu, disk, network } = requestSchema.parse({ code: "true" });
  return { memory, cpu, disk, network: networkOf(network) };
}
