import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { neededTemporal, temporalProfileOf } from "../../temporal/profile.ts";
import { certificateAuthority, issuedBy, type Credentials } from "../support/tls-front.ts";

const plain = { TEMPORAL_ADDRESS: "temporal.example:7233" };
const apiKey = "key.that-nobody.must-see";

let folder: string;
let file: string;
let ca: Credentials;
let client: Credentials;
let other: Credentials;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "baton-profile-"));
  ca = await certificateAuthority();
  [client, other] = await Promise.all([issuedBy(ca, "client"), issuedBy(ca, "other")]);
  writeFileSync(at("ca.pem"), ca.cert);
  writeFileSync(at("client.pem"), client.cert);
  writeFileSync(at("client.key"), client.key);
  writeFileSync(at("other.key"), other.key);
  writeFileSync(at("note.txt"), "not a certificate\n");
  file = at("temporal.toml");
  writeFileSync(
    file,
    `[profile.default]
address = "default.example:7233"
[profile.cloud]
address = "cloud.example:7233"
namespace = "leads.acct"
api_key = "${apiKey}"
[profile.cloud.grpc_meta]
team = "marketing"
[profile.own]
address = "own.example:7233"
[profile.own.tls]
client_cert_path = "${at("client.pem")}"
client_key_path = "${at("client.key")}"
server_ca_cert_path = "${at("ca.pem")}"
server_name = "temporal.internal"
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

test("an address alone is a server without TLS, in the namespace default", () => {
  expect(temporalProfileOf(plain)).toEqual({
    address: "temporal.example:7233",
    namespace: "default",
    namedBy: "TEMPORAL_ADDRESS",
  });
  expect(temporalProfileOf({ ...plain, TEMPORAL_NAMESPACE: "leads" })).toMatchObject({
    namespace: "leads",
  });
});

test("variables that are set but empty name nothing", () => {
  expect(temporalProfileOf({})).toBeNull();
  const names = ["ADDRESS", "NAMESPACE", "API_KEY", "TLS", "CONFIG_FILE", "PROFILE"];
  const blank = Object.fromEntries(names.map((name) => [`TEMPORAL_${name}`, " "]));
  expect(temporalProfileOf(blank)).toBeNull();
  expect(temporalProfileOf({ ...blank, ...plain })).toEqual(temporalProfileOf(plain));
});

test("an API key switches TLS on, unless TEMPORAL_TLS says no", () => {
  const env = { ...plain, TEMPORAL_API_KEY: apiKey };
  expect(temporalProfileOf(env)).toMatchObject({ apiKey, tls: true });
  expect(temporalProfileOf({ ...env, TEMPORAL_TLS: "false" })).toMatchObject({
    apiKey,
    tls: false,
  });
  expect(temporalProfileOf({ ...plain, TEMPORAL_TLS: "true" })?.tls).toBeTruthy();
});

test("certificates come from files or from the variables themselves", () => {
  const byPath = temporalProfileOf({
    ...plain,
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: at("ca.pem"),
    TEMPORAL_TLS_CLIENT_CERT_PATH: at("client.pem"),
    TEMPORAL_TLS_CLIENT_KEY_PATH: at("client.key"),
    TEMPORAL_TLS_SERVER_NAME: "temporal.internal",
  });
  const byData = temporalProfileOf({
    ...plain,
    TEMPORAL_TLS_SERVER_CA_CERT_DATA: ca.cert,
    TEMPORAL_TLS_CLIENT_CERT_DATA: client.cert,
    TEMPORAL_TLS_CLIENT_KEY_DATA: client.key,
    TEMPORAL_TLS_SERVER_NAME: "temporal.internal",
  });
  const text = (bytes: Uint8Array | undefined) =>
    Buffer.from(bytes ?? [])
      .toString()
      .trim();
  for (const profile of [byPath, byData]) {
    const { tls } = profile ?? {};
    if (typeof tls !== "object") throw new Error("no TLS");
    expect(tls.serverNameOverride).toBe("temporal.internal");
    expect(text(tls.serverRootCACertificate)).toBe(ca.cert.trim());
    expect(text(tls.clientCertPair?.crt)).toBe(client.cert.trim());
    expect(text(tls.clientCertPair?.key)).toBe(client.key.trim());
  }
});

describe("a configuration file", () => {
  test("gives its default profile, or the one that is named; a variable goes before it", () => {
    const env = { TEMPORAL_CONFIG_FILE: file };
    expect(temporalProfileOf(env)).toEqual({
      address: "default.example:7233",
      namespace: "default",
      namedBy: `address of profile "default" of ${file}`,
    });
    expect(temporalProfileOf({ ...env, TEMPORAL_PROFILE: "cloud" })).toEqual({
      address: "cloud.example:7233",
      namespace: "leads.acct",
      apiKey,
      tls: true,
      metadata: { team: "marketing" },
      namedBy: `address of profile "cloud" of ${file}`,
    });
    expect(
      temporalProfileOf({
        ...env,
        TEMPORAL_PROFILE: "cloud",
        TEMPORAL_ADDRESS: "near.example:7233",
        TEMPORAL_GRPC_META_TEAM: "sales",
      }),
    ).toMatchObject({
      address: "near.example:7233",
      namespace: "leads.acct",
      metadata: { team: "sales" },
      namedBy: "TEMPORAL_ADDRESS",
    });
    expect(temporalProfileOf({ ...env, TEMPORAL_PROFILE: "own" })?.tls).toMatchObject({
      serverNameOverride: "temporal.internal",
      clientCertPair: { crt: expect.anything(), key: expect.anything() },
    });
  });

  test("that lies in the usual place is read only for a named profile", () => {
    const home = at("config");
    mkdirSync(join(home, "temporalio"), { recursive: true });
    writeFileSync(
      join(home, "temporalio", "temporal.toml"),
      '[profile.default]\naddress = "elsewhere.example:7233"\n',
    );
    const env = { XDG_CONFIG_HOME: home, HOME: home, APPDATA: home };
    expect(temporalProfileOf(env)).toBeNull();
    if (process.platform === "linux")
      expect(temporalProfileOf({ ...env, TEMPORAL_PROFILE: "default" })?.address).toBe(
        "elsewhere.example:7233",
      );
  });
});

describe("what cannot be used is one sentence that names it", () => {
  const broken = (name: string, text: string): string => {
    writeFileSync(at(name), text);
    return at(name);
  };
  test.each<[string, () => Record<string, string>, () => string | RegExp]>([
    [
      "a file that is not there",
      () => ({ TEMPORAL_CONFIG_FILE: at("none.toml") }),
      () =>
        `TEMPORAL_CONFIG_FILE is "${at("none.toml")}", which cannot be read (ENOENT); give a ` +
        "TOML file with profiles.",
    ],
    [
      "a file that is no TOML",
      () => ({ TEMPORAL_CONFIG_FILE: broken("x.toml", `[profile.default]\napi_key = ${apiKey}`) }),
      () => /^profile "default" of .*x\.toml, line 2: Invalid TOML document: [^\n]+\.$/,
    ],
    [
      "a key that nobody knows",
      () => ({
        TEMPORAL_CONFIG_FILE: broken("y.toml", '[profile.default]\nadress = "a.example:1"'),
      }),
      () =>
        /^profile "default" of .*y\.toml: Validation error: key\(s\) unrecognized in profile\.default: adress\.$/,
    ],
    [
      "a profile that is not there",
      () => ({ TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: "prod" }),
      () => `profile "prod" of ${file} is not there; name another one with TEMPORAL_PROFILE.`,
    ],
    [
      "a file without profiles",
      () => ({ TEMPORAL_CONFIG_FILE: broken("empty.toml", "") }),
      () => /^profile "default" of .*empty\.toml is not there; name another one/,
    ],
    [
      "a profile without an address",
      () => ({
        TEMPORAL_CONFIG_FILE: broken("z.toml", '[profile.default]\nnamespace = "leads"'),
      }),
      () => /^profile "default" of .*z\.toml names no address; give host and port of the/,
    ],
    [
      "an address that is a number",
      () => ({ TEMPORAL_CONFIG_FILE: broken("n.toml", "[profile.default]\naddress = 7233") }),
      () => /^address of profile "default" of .*n\.toml is not as expected; give a text without/,
    ],
    [
      "a key without an address",
      () => ({ TEMPORAL_API_KEY: apiKey }),
      () => "TEMPORAL_API_KEY is set and TEMPORAL_ADDRESS is not; give host and port of the",
    ],
    [
      "a certificate that is not there",
      () => ({ ...plain, TEMPORAL_TLS_SERVER_CA_CERT_PATH: at("none.pem") }),
      () =>
        `TEMPORAL_TLS_SERVER_CA_CERT_PATH is "${at("none.pem")}", which cannot be read ` +
        "(ENOENT); give a certificate authority's certificate in PEM.",
    ],
    [
      "a certificate that is none",
      () => ({ ...plain, TEMPORAL_TLS_SERVER_CA_CERT_PATH: at("note.txt") }),
      () =>
        "TEMPORAL_TLS_SERVER_CA_CERT_PATH holds none; give a certificate authority's " +
        "certificate in PEM.",
    ],
    [
      "a certificate without its key",
      () => ({ ...plain, TEMPORAL_TLS_CLIENT_CERT_PATH: at("client.pem") }),
      () =>
        "TEMPORAL_TLS_CLIENT_CERT_PATH needs TEMPORAL_TLS_CLIENT_KEY_PATH; give the key of the " +
        "certificate.",
    ],
    [
      "a key without its certificate",
      () => ({ ...plain, TEMPORAL_TLS_CLIENT_KEY_PATH: at("client.key") }),
      () =>
        "TEMPORAL_TLS_CLIENT_KEY_PATH needs TEMPORAL_TLS_CLIENT_CERT_PATH; give the " +
        "certificate of the key.",
    ],
    [
      "a key of another certificate",
      () => ({
        ...plain,
        TEMPORAL_TLS_CLIENT_CERT_PATH: at("client.pem"),
        TEMPORAL_TLS_CLIENT_KEY_PATH: at("other.key"),
      }),
      () =>
        "TEMPORAL_TLS_CLIENT_KEY_PATH is the key of another certificate than " +
        "TEMPORAL_TLS_CLIENT_CERT_PATH.",
    ],
    [
      "a key that is a certificate",
      () => ({
        ...plain,
        TEMPORAL_TLS_CLIENT_CERT_PATH: at("client.pem"),
        TEMPORAL_TLS_CLIENT_KEY_DATA: client.cert,
      }),
      () =>
        "TEMPORAL_TLS_CLIENT_KEY_DATA holds none; give a private key in PEM without a passphrase.",
    ],
    [
      "a certificate given twice",
      () => ({
        ...plain,
        TEMPORAL_TLS_SERVER_CA_CERT_PATH: at("ca.pem"),
        TEMPORAL_TLS_SERVER_CA_CERT_DATA: ca.cert,
      }),
      () => /Cannot specify both server_ca_cert_path and server_ca_cert_data\.$/,
    ],
  ])("%s", (_, env, sentence) => {
    expect(() => temporalProfileOf(env())).toThrow(sentence());
    try {
      temporalProfileOf(env());
    } catch (error) {
      expect(String(error)).not.toContain(apiKey);
      expect(String(error)).not.toContain("PRIVATE KEY");
    }
  });

  test("a program says that it cannot start", () => {
    expect(() => neededTemporal("worker", {})).toThrow(
      "the worker cannot start: TEMPORAL_ADDRESS is not set; give host and port of a Temporal " +
        "server.",
    );
    expect(() => neededTemporal("api", { TEMPORAL_CONFIG_FILE: at("none.toml") })).toThrow(
      `the API cannot start: TEMPORAL_CONFIG_FILE is "${at("none.toml")}", which cannot be read`,
    );
  });
});
