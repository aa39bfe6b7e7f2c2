/** The global set-up of `npm run test:cluster`. */
export { setupCluster as setup, teardownCluster as teardown } from "./global-setup.ts";
