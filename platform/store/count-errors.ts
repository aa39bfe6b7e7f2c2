import { errorMonitor } from "node:events";
import type { Stream } from "node:stream";
import type { ArtifactStore } from "./artifact-store.ts";

/** Store operations whose errors are counted. */
export const storeOperations = [
  "write",
  "read",
  "list",
  "settle",
  "putBlob",
  "openBlob",
  "agreeOnRetention",
  "expire",
] as const;

/** Operations of a store, by name. */
export type StoreOperation = (typeof storeOperations)[number];

/** Wraps a store so that its errors are also reported to a callback. */
export function countStoreErrors<Store extends ArtifactStore>(
  store: Store,
  onError: (operation: StoreOperation) => void,
): Store {
  const watched = <S extends Stream>(operation: StoreOperation, stream: S): S => {
    // A listener for `error` itself would hide errors that nothing else handles.
    stream.on(errorMonitor, () => onError(operation));
    return stream;
  };
  const counted = async <T>(operation: StoreOperation, done: Promise<T>): Promise<T> => {
    try {
      return await done;
    } catch (error) {
      onError(operation);
      throw error;
    }
  };
  return {
    ...store,
    write: (...given) => watched("write", store.write(...given)),
    read: (...given) => watched("read", store.read(...given)),
    list: (...given) => counted("list", store.list(...given)),
    settle: async (key) => {
      const unsettled = await counted("settle", store.settle(key));
      if (unsettled !== null) onError("settle");
      return unsettled;
    },
    putBlob: (content) => counted("putBlob", store.putBlob(content)),
    openBlob: async (...given) => watched("openBlob", await counted("openBlob", store.openBlob(...given))),
    agreeOnRetention: (...given) => counted("agreeOnRetention", store.agreeOnRetention(...given)),
    expire: (before) => counted("expire", store.expire(before)),
  };
}
