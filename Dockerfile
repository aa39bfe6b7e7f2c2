# kgents as an image: `kgents worker` for runs in a cluster, `kgents admin setup`, and all other commands that need no
# sandbox. The sandbox is not included: a container may not create the namespaces it needs (docs/production.md). Not
# Alpine: the native library of Temporal's SDK requires glibc.
ARG NODE_VERSION=24.21.0

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /kgents
COPY package.json package-lock.json .npmrc ./
# Install scripts would build without sources, and download a Node that is already here.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json build.ts ./
COPY core core
COPY platform platform
COPY cells cells
COPY activities activities
COPY workflows workflows
COPY worker worker
COPY operator operator
COPY client client
COPY bin bin
# Temporal's SDK ships its library for five platforms, and a third of the rest is for compilers and debuggers.
RUN npm run build \
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
  && cd node_modules/@temporalio/core-bridge/releases \
  && for release in *; do [ "$release" = "$(uname -m)-unknown-linux-gnu" ] || rm -r "$release"; done \
  && find /kgents/node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.[cm]ts' \) -delete

FROM node:${NODE_VERSION}-bookworm-slim
# Limit the young generation of a worker's heap, as in the background: docs/performance.md.
ENV NODE_ENV=production \
  NODE_OPTIONS=--max-semi-space-size=4 \
  XDG_STATE_HOME=/var/lib/kgents/state \
  XDG_CACHE_HOME=/tmp/cache
# A volume mounted here takes over this owner.
RUN install -d -o 1000 -g 1000 /var/lib/kgents/state
WORKDIR /kgents
COPY --from=build /kgents/package.json ./
COPY --from=build /kgents/node_modules node_modules
COPY --from=build /kgents/dist dist
COPY cells/kernels cells/kernels
COPY deploy/cells deploy/cells
# `node` in the base image. As a number, so that Kubernetes can verify that it is not root.
USER 1000:1000
ENTRYPOINT ["node", "/kgents/dist/client/cli/main.js"]
CMD ["--help"]
