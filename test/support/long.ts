/** Whether tests run in their whole size (`npm run test:long`), which takes many minutes, instead of a bounded one. */
export const isLong = process.env.KGENTS_TEST_LONG === "on";
