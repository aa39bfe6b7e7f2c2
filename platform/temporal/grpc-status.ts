/**
 * The gRPC status codes that kgents uses: https://grpc.io/docs/guides/status-codes. The package that defines them is
 * slow to load.
 */
export const grpcStatus = {
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  unavailable: 14,
  unauthenticated: 16,
} as const;
