import {
  Connection,
  isGrpcServiceError,
  NamespaceNotFoundError,
  ServiceError,
} from "@temporalio/client";
import type { TemporalProfile } from "./profile.ts";

export interface ConnectionLimits {
  readonly connectTimeoutMs: number;
  /** False: a failed call is not repeated by the client; its own repeats know no deadline. */
  readonly retries?: boolean;
}

/** A connection that is made with its first call. The caller closes it. */
export function temporalConnection(
  { address, tls, apiKey, metadata }: TemporalProfile,
  { connectTimeoutMs, retries = true }: ConnectionLimits,
): Connection {
  return Connection.lazy({
    address,
    connectTimeout: connectTimeoutMs,
    ...(tls === undefined ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(retries ? {} : { interceptors: [] }),
  });
}

/**
 * Why the server does not answer for its namespace, in words for an error; null when it answers.
 * Never throws.
 */
export async function temporalTrouble(
  profile: TemporalProfile,
  withinMs: number,
): Promise<string | null> {
  const connection = temporalConnection(profile, { connectTimeoutMs: withinMs, retries: false });
  try {
    await connection.withDeadline(Date.now() + withinMs, () =>
      connection.workflowService.describeNamespace({ namespace: profile.namespace }),
    );
    return null;
  } catch (error) {
    return troubleOf(error, profile);
  } finally {
    await connection.close().catch(() => undefined);
  }
}

/** What ends a command when the server does not answer for its namespace. */
export function unansweredBy(
  { address, namespace, namedBy = "TEMPORAL_ADDRESS" }: TemporalProfile,
  trouble: string,
): string {
  return (
    `${namedBy} is ${address}, where no Temporal server with namespace ${namespace} ` +
    `answers (${trouble}); start it, create the namespace, or correct TEMPORAL_ADDRESS and ` +
    "TEMPORAL_NAMESPACE."
  );
}

const notFound = 5;
const permissionDenied = 7;
const unauthenticated = 16;

/** Whether a call failed for the server, and not for what was asked of it. */
export function isTemporalTrouble(error: unknown): boolean {
  return (
    error instanceof ServiceError ||
    error instanceof NamespaceNotFoundError ||
    isGrpcServiceError(error)
  );
}

/** What a failed call says about the connection, in words for an error. */
export function troubleOf(thrown: unknown, { namespace }: TemporalProfile): string {
  if (thrown instanceof NamespaceNotFoundError) return `it has no namespace "${namespace}"`;
  // What the client says of its own about a call names neither code nor reason.
  const error = thrown instanceof ServiceError ? (thrown.cause ?? thrown) : thrown;
  if (!isGrpcServiceError(error)) {
    const message = error instanceof Error ? error.message : String(error);
    return `no answer: ${message.split("\n")[0]}`;
  }
  const code: number = error.code;
  if (code === notFound) return `it has no namespace "${namespace}"`;
  if (code === permissionDenied || code === unauthenticated)
    return "it refuses the API key or the client certificate";
  return `no answer: ${error.details.split("\n")[0]}`;
}
