import { DatabaseUrlError } from "./connection.ts";

/** By code of Postgres: what is wrong, and what to change. */
const remedies: Readonly<Record<string, string>> = {
  "28P01": "does not take this user with this password; correct DATABASE_URL",
  "28000": "does not let this user in from here; correct DATABASE_URL or its pg_hba.conf",
  "3D000": "has no such database; make it (create database ...), or correct DATABASE_URL",
  "53300":
    "has no connection left; raise its max_connections, or lower API_CONNECTIONS, " +
    "API_KEY_CONNECTIONS, WORKER_CONNECTIONS or WORKER_REPEATABLE_CONNECTIONS",
  "57014": "took too long over a statement; see what keeps it busy, and try again",
  "57P01": "is being stopped; start it again",
  "57P03": "is starting or stopping; try again in a moment",
  "25006": "is a copy that takes no writes; name the primary server in DATABASE_URL",
  "53100": "has no room left on its disk; make room there",
  "57P02": "ended by a crash of one of its processes; try again in a moment",
  "42501": "does not allow this user to do that; give the user the rights, or name another one",
  "42P01": "has not the tables of this version; run npx baton migrate",
  "42703": "has not the columns of this version; run npx baton migrate",
};

const unreachable = [
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
];

const untrusted = [
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
];

/**
 * A sentence for what an operator can put right between Baton and Postgres: it names what to change
 * and holds neither password nor data. Null for an error that is none of these.
 */
export function databaseTrouble(error: unknown): string | null {
  if (error instanceof DatabaseUrlError) return error.message;
  if (!(error instanceof Error)) return null;
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  const told = typeof code === "string" ? code : "";
  const { message } = error;
  if (told === "28000" && /no encryption|requires? .*SSL/i.test(message))
    return (
      `Postgres takes connections with TLS only (${told}); add sslmode=require to ` +
      "DATABASE_URL, or sslmode=verify-full and sslrootcert=FILE to check its certificate."
    );
  if (/client certificate/i.test(message))
    return (
      "Postgres wants a certificate of the client; add sslcert=FILE and sslkey=FILE to " +
      "DATABASE_URL."
    );
  if (told === "08P01" && /startup parameter/i.test(message))
    return (
      `A connection pooler in front of Postgres refuses a parameter of DATABASE_URL (${told}); ` +
      "leave it out there, or name it in ignore_startup_parameters of the pooler."
    );
  if (told === "08P01" && /no more connections|query_wait_timeout/i.test(message))
    return (
      `A connection pooler in front of Postgres has no connection left (${told}); raise its ` +
      "limits, or lower API_CONNECTIONS and WORKER_CONNECTIONS."
    );
  const remedy = remedies[told];
  if (remedy !== undefined) return `Postgres ${remedy} (${told}).`;
  if (unreachable.includes(told) || (told === "ENOENT" && syscall === "connect"))
    return (
      `Postgres does not answer (${told}); start it, or correct DATABASE_URL (baton start ` +
      "without it starts Baton's own)."
    );
  if (/does not support SSL/.test(message))
    return (
      "Postgres has TLS switched off; switch it on there, or give sslmode=disable in " +
      "DATABASE_URL."
    );
  if (untrusted.includes(told))
    return (
      `The certificate of Postgres is of nobody who is trusted (${told}); give the ` +
      "certificate of its authority by sslrootcert=FILE in DATABASE_URL."
    );
  if (told === "ERR_TLS_CERT_ALTNAME_INVALID")
    return (
      `The certificate of Postgres is for another host than DATABASE_URL names (${told}); give ` +
      "the host that it is for, or sslmode=verify-ca."
    );
  if (told.startsWith("CERT_"))
    return (
      `The certificate of Postgres does not hold (${told}); have it renewed, or correct ` +
      "sslrootcert in DATABASE_URL."
    );
  if (/^(?:EPROTO|ERR_SSL_|ERR_OSSL_)/.test(told))
    return (
      `TLS with Postgres failed (${told}); compare sslmode, sslcert and sslkey in DATABASE_URL ` +
      "with its settings."
    );
  if (/client password must be/.test(message))
    return "Postgres wants a password; give one in DATABASE_URL (postgres://user:password@host).";
  // Nothing came back from a server that had been reached.
  if (/Query read timeout/.test(message)) return `Postgres ${remedies["57014"]}.`;
  if (isSlow(message))
    return (
      "Postgres does not answer in time; see whether DATABASE_URL is right, and if it is only " +
      "slow, add connect_timeout=SECONDS to it."
    );
  if (/Connection terminated unexpectedly/.test(message))
    return "Postgres broke the connection off; see its log, and try again.";
  return null;
}

/** What node-postgres says when it waited in vain; it gives these no code. */
function isSlow(message: string): boolean {
  return /timeout expired|timeout exceeded when trying to connect|due to connection timeout/.test(
    message,
  );
}
