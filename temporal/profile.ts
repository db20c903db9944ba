import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  loadClientConfigProfile,
  toClientOptions,
  type ClientConfigProfile,
  type ClientConnectConfig,
  type ConfigDataSource,
} from "@temporalio/envconfig";
import {
  refused,
  SettingError,
  type Environment,
  type SettingReader,
} from "../settings/settings.ts";

/** Where a Temporal server is, and how a connection to it is made. */
export interface TemporalProfile {
  readonly address: string;
  readonly namespace: string;
  /** True: TLS with the certificates that this machine trusts. */
  readonly tls?: NonNullable<ClientConnectConfig["connectionOptions"]["tls"]>;
  readonly apiKey?: string;
  /** Headers of every call. */
  readonly metadata?: Record<string, string>;
  /** What says the address, for errors: a variable, or a profile of a file. */
  readonly namedBy?: string;
}

/**
 * The Temporal server that the variables `TEMPORAL_*` name, with the configuration file of
 * Temporal's own tools below them; null when nothing names one. The file is read only when
 * `TEMPORAL_CONFIG_FILE` or `TEMPORAL_PROFILE` asks for it. Throws a `SettingError` that names the
 * variable or the entry of the file that cannot be used, and repeats no secret.
 */
export function temporalProfileOf(env: Environment): TemporalProfile | null {
  const given = withoutBlanks(env);
  const file = given["TEMPORAL_CONFIG_FILE"];
  const name = given["TEMPORAL_PROFILE"];
  const isFileAsked = file !== undefined || name !== undefined;
  if (file !== undefined) textOfFile(file, "TEMPORAL_CONFIG_FILE", "a TOML file with profiles");
  const place = `profile "${name ?? "default"}" of ${file ?? "Temporal's configuration file"}`;
  const profile = load(
    given,
    isFileAsked ? (name ?? "default") : undefined,
    isFileAsked ? place : "the TEMPORAL_ variables",
  );
  const source = (variable: string, key: string): string =>
    given[variable] === undefined && isFileAsked ? `${key} of ${place}` : variable;

  for (const [key, variable] of [
    ["address", "TEMPORAL_ADDRESS"],
    ["namespace", "TEMPORAL_NAMESPACE"],
    ["apiKey", "TEMPORAL_API_KEY"],
  ] as const) {
    const value: unknown = profile[key];
    if (value !== undefined && (typeof value !== "string" || /\s/.test(value) || value === ""))
      throw new SettingError(
        `${source(variable, key === "apiKey" ? "api_key" : key)} is not as expected; give a ` +
          "text without spaces.",
      );
  }
  if (profile.address === undefined) {
    const lost = Object.keys(given).find((one) => /^TEMPORAL_(API_KEY|TLS|GRPC_META)/.test(one));
    if (isFileAsked || lost !== undefined)
      throw new SettingError(
        `${isFileAsked ? `${place} names no address` : `${lost} is set and TEMPORAL_ADDRESS is not`}; give host and port of the Temporal server.`,
      );
    return null;
  }
  checkTls(profile, source);
  const { connectionOptions, namespace = "default" } = toClientOptions(profile);
  const { tls, apiKey, metadata } = connectionOptions;
  return {
    address: profile.address,
    namespace,
    namedBy: source("TEMPORAL_ADDRESS", "address"),
    ...(tls === undefined || tls === null ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(metadata === undefined ? {} : { metadata: metadata as Record<string, string> }),
  };
}

/** The same for a program that does nothing without a Temporal server. */
export function neededTemporal(reader: SettingReader, env: Environment): TemporalProfile {
  try {
    const profile = temporalProfileOf(env);
    if (profile) return profile;
  } catch (error) {
    if (error instanceof SettingError) throw refused(reader, error.message);
    throw error;
  }
  throw refused(reader, "TEMPORAL_ADDRESS is not set; give host and port of a Temporal server.");
}

/**
 * The variables that Temporal's own reader looks at. It takes an empty one for a value; here one
 * that is set but empty counts as not set.
 */
function withoutBlanks(env: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => {
      if (!/^(TEMPORAL_.*|HOME|XDG_CONFIG_HOME|APPDATA)$/.test(name)) return [];
      const text = value?.trim() ?? "";
      return text === "" ? [] : [[name, text] as const];
    }),
  );
}

function load(
  env: Record<string, string>,
  name: string | undefined,
  place: string,
): ClientConfigProfile {
  try {
    return loadClientConfigProfile({
      overrideEnvVars: env,
      disableFile: name === undefined,
      configFileStrict: true,
      ...(name === undefined ? {} : { profile: name }),
    });
  } catch (error) {
    const { message, line } = error as { message?: unknown; line?: unknown };
    // Of a syntax error only the first line: the others repeat the file's, keys included.
    const what = String(message).split("\n")[0] ?? "";
    if (error instanceof TypeError || /^Profile '.*' not found/.test(what))
      throw new SettingError(`${place} is not there; name another one with TEMPORAL_PROFILE.`);
    const where = typeof line === "number" ? `, line ${line}` : "";
    throw new SettingError(`${place}${where}: ${what.replace(/\.?$/, ".")}`);
  }
}

type Source = (variable: string, key: string) => string;

/** Whatever a connection would fail for, said now and by its name. */
function checkTls({ tls }: ClientConfigProfile, source: Source): void {
  if (tls === undefined || tls.disabled === true) return;
  const [cert, key] = [tls.clientCert, tls.clientKey];
  const nameOf = (what: "CLIENT_CERT" | "CLIENT_KEY" | "SERVER_CA_CERT", of?: ConfigDataSource) => {
    const kind = of && "path" in of ? "PATH" : "DATA";
    return source(`TEMPORAL_TLS_${what}_${kind}`, `tls.${what}_${kind}`.toLowerCase());
  };
  if (cert && !key)
    throw new SettingError(
      `${nameOf("CLIENT_CERT", cert)} needs TEMPORAL_TLS_CLIENT_KEY_PATH; give the key of the ` +
        "certificate.",
    );
  if (key && !cert)
    throw new SettingError(
      `${nameOf("CLIENT_KEY", key)} needs TEMPORAL_TLS_CLIENT_CERT_PATH; give the certificate ` +
        "of the key.",
    );
  if (tls.serverCACert) {
    const name = nameOf("SERVER_CA_CERT", tls.serverCACert);
    certificateOf(tls.serverCACert, name, "a certificate authority's certificate in PEM");
  }
  if (!cert || !key) return;
  const certificate = certificateOf(cert, nameOf("CLIENT_CERT", cert), "a certificate in PEM");
  const keyName = nameOf("CLIENT_KEY", key);
  const text = pemOf(key, keyName, "a private key in PEM");
  let isPair: boolean;
  try {
    isPair = certificate.checkPrivateKey(createPrivateKey(text));
  } catch {
    throw new SettingError(
      `${keyName} holds none; give a private key in PEM without a passphrase.`,
    );
  }
  if (!isPair)
    throw new SettingError(
      `${keyName} is the key of another certificate than ${nameOf("CLIENT_CERT", cert)}.`,
    );
}

function certificateOf(from: ConfigDataSource, name: string, wanted: string): X509Certificate {
  const text = pemOf(from, name, wanted);
  try {
    return new X509Certificate(text);
  } catch {
    throw new SettingError(`${name} holds none; give ${wanted}.`);
  }
}

function pemOf(from: ConfigDataSource, name: string, wanted: string): string {
  if ("path" in from) return textOfFile(from.path, name, wanted);
  return typeof from.data === "string" ? from.data : Buffer.from(from.data).toString("utf8");
}

function textOfFile(path: string, name: string, wanted: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new SettingError(`${name} is "${path}", which cannot be read (${code}); give ${wanted}.`);
  }
}
