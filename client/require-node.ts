/**
 * Throws where Node.js is too old. The API's entries import it first, so that a program is told why, and not by an error of a library.
 *
 * @module
 */
import { olderNode } from "#platform/host/node-version";

const refusal = olderNode(process.versions.node);
if (refusal !== undefined) throw new Error(refusal);
