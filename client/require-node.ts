/**
 * Throws if Node.js is too old. The API's entries import this first, so that users see the reason and not an error of a
 * library.
 *
 * @module
 */
import { olderNode } from "#platform/host/node-version";

const refusal = olderNode(process.versions.node);
if (refusal !== undefined) throw new Error(refusal);
