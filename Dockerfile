# kgents as an image: `kgents worker` for runs in a cluster, `kgents admin setup`, and every other command that needs no sandbox.
# The sandbox is not in it: a container may not make the namespaces that it consists of (docs/production.md).
# Not Alpine: Temporal's SDK brings a library for glibc.
ARG NODE_VERSION=24.21.0

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /kgents
COPY package.json package-lock.json .npmrc ./
# Scripts would build before there are sources, and fetch a Node that is here already.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json build.ts ./
COPY core core
COPY platform platform
COPY cells cells
COPY activities activities
COPY workflows workflows
COPY worker worker
COPY client client
COPY bin bin
# Temporal's SDK brings its library for five platforms, and a third of the rest is for compilers and debuggers.
RUN npm run build \
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
  && cd node_modules/@temporalio/core-bridge/releases \
  && for release in *; do [ "$release" = "$(uname -m)-unknown-linux-gnu" ] || rm -r "$release"; done \
  && find /kgents/node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.[cm]ts' \) -delete

FROM node:${NODE_VERSION}-bookworm-slim
# The young generation of a worker is bounded, as in the background: docs/performance.md.
ENV NODE_ENV=production \
  NODE_OPTIONS=--max-semi-space-size=4 \
  XDG_STATE_HOME=/var/lib/kgents/state \
  XDG_CACHE_HOME=/tmp/cache
# What a volume is mounted on gives it its owner.
RUN install -d -o 1000 -g 1000 /var/lib/kgents/state
WORKDIR /kgents
COPY --from=build /kgents/package.json ./
COPY --from=build /kgents/node_modules node_modules
COPY --from=build /kgents/dist dist
COPY deploy/cells deploy/cells
# `node` in the base image; by its number, so that Kubernetes can see that it is not root.
USER 1000:1000
ENTRYPOINT ["node", "/kgents/dist/client/cli/main.js"]
CMD ["--help"]
