import { expect, test } from "vitest";
import { lastingPath, serverEnvironment, workerEnvironment } from "#client/stack/background-environment";

const kept = {
  HOME: "/home/a",
  LANG: "C.UTF-8",
  LC_ALL: "C",
  KUBECONFIG: "/k",
  XDG_STATE_HOME: "/s",
  TEMPORAL_TLS_CLIENT_CERT_PATH: "/c",
  PIP_INDEX_URL: "https://index.example.com",
  https_proxy: "http://proxy:1",
  HTTPS_PROXY: "http://proxy:1",
  SSL_CERT_FILE: "/pem",
  NODE_EXTRA_CA_CERTS: "/pem",
};
const dropped = {
  GITHUB_TOKEN: "secret",
  AWS_SECRET_ACCESS_KEY: "secret",
  NODE_OPTIONS: "--inspect",
  npm_config_user_agent: "npm",
  INIT_CWD: "/w",
  LD_PRELOAD: "/x.so",
  KGENTS_PORT: "1",
  KGENTS_CONFIG: "/f",
  KGENTS_MCP_TOKEN: "secret",
  KGENTS_TEMPORAL_CLI: "/t",
  SSH_AUTH_SOCK: "/agent",
};

test("the worker gets what it needs, and nothing that belongs to one command", () => {
  expect(workerEnvironment({ ...kept, ...dropped, EMPTY: undefined, PATH: "/usr/bin" })).toEqual({
    ...kept,
    PATH: "/usr/bin",
  });
});

test("a relative path is that of the directory where it was given", () => {
  const given = { KUBECONFIG: "a:/b", TEMPORAL_TLS_CLIENT_KEY_PATH: "./key", https_proxy: "proxy:1" };
  expect(workerEnvironment(given)).toEqual({
    KUBECONFIG: `${process.cwd()}/a:/b`,
    TEMPORAL_TLS_CLIENT_KEY_PATH: `${process.cwd()}/key`,
    https_proxy: "proxy:1",
  });
});

test("the worker gets the keys of a bucket only where it uses one", () => {
  const given = { HOME: "/home/a", AWS_PROFILE: "p", AWS_SECRET_ACCESS_KEY: "secret", GITHUB_TOKEN: "secret" };
  expect(workerEnvironment(given)).toEqual({ HOME: "/home/a" });
  const { GITHUB_TOKEN: _, ...wanted } = given;
  expect(workerEnvironment(given, { usesBucket: true })).toEqual(wanted);
});

test("the server gets hardly anything", () => {
  const environment = { ...kept, ...dropped, PATH: "/usr/bin", USER: "a" };
  expect(serverEnvironment(environment)).toEqual({ HOME: "/home/a", LANG: "C.UTF-8", USER: "a" });
  expect(serverEnvironment({})).toEqual({ USER: String(process.getuid?.()) });
});

test.each([
  ["/usr/bin:/bin", "/usr/bin:/bin"],
  ["/p/node_modules/.bin:/p/x/node_modules/.bin/:/usr/bin", "/usr/bin"],
  ["/n/npm/node_modules/@npmcli/run-script/lib/node-gyp-bin:/usr/bin", "/usr/bin"],
  ["/home/a/.npm/_npx/0123/node_modules/.bin:/usr/bin:/home/a/.npm/_npx/0123/x", "/usr/bin"],
  ["/opt/node_modules/tool/bin:/usr/bin", "/opt/node_modules/tool/bin:/usr/bin"],
])("PATH %s without what npm adds is %s", (path, expected) => {
  expect(lastingPath(path)).toBe(expected);
});
