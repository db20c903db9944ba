import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { threadsMegabytes } from "../../api/threads/threads.ts";
import { settings, type SettingReader } from "../../settings/settings.ts";

const folder = fileURLToPath(new URL("../../deploy/kubernetes/", import.meta.url));
const text = (name: string) => readFileSync(`${folder}${name}`, "utf8");

interface Container {
  readonly name: string;
  readonly args: readonly string[];
  readonly envFrom: readonly { readonly configMapRef: { readonly name: string } }[];
  readonly env: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
  }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly resources: { readonly requests: object; readonly limits: { readonly memory: string } };
  readonly securityContext: object;
  readonly [probe: `${string}Probe`]: {
    readonly httpGet?: { path: string; port: string };
    readonly exec?: { command: readonly string[] };
  };
}
interface Pod {
  readonly containers: readonly [Container];
  readonly securityContext: object;
  readonly automountServiceAccountToken: boolean;
}
interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly replicas?: number;
    readonly minAvailable?: number;
    readonly selector?: { readonly matchLabels?: object };
    readonly template?: { readonly metadata: { readonly labels: object }; readonly spec: Pod };
  };
}

const listed = (parse(text("kustomization.yaml")) as { resources: string[] }).resources;
const manifests = listed.flatMap((name) =>
  parseAllDocuments(text(name)).map((one) => one.toJS() as Manifest),
);
const of = (kind: string) => manifests.filter((one) => one.kind === kind);
const workloads = manifests.flatMap(({ kind, metadata, spec }) =>
  spec?.template ? [{ kind, name: metadata.name, spec, pod: spec.template.spec }] : [],
);

const definitions: Readonly<Record<string, string>> = {
  ConfigMap: "io.k8s.api.core.v1.ConfigMap",
  Service: "io.k8s.api.core.v1.Service",
  Job: "io.k8s.api.batch.v1.Job",
  Deployment: "io.k8s.api.apps.v1.Deployment",
  PodDisruptionBudget: "io.k8s.api.policy.v1.PodDisruptionBudget",
};
const schema = JSON.parse(
  readFileSync(new URL("kubernetes-1.33.schema.json", import.meta.url), "utf8"),
) as object;
const ajv = new Ajv({ strict: false, formats: { "date-time": true } }).addSchema(schema, "k8s");

function faultsOf(manifest: Manifest): string[] {
  const validate = ajv.getSchema(`k8s#/$defs/${definitions[manifest.kind]}`);
  if (!validate) return [`no schema of ${manifest.kind}`];
  if (validate(manifest)) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

describe("the Kubernetes manifests", () => {
  test("are all listed, and each is as the API's schema says, with no field that it does not know", () => {
    const files = readdirSync(folder).filter((name) => name !== "kustomization.yaml");
    expect(files.sort()).toEqual([...listed].sort());
    expect(manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort()).toEqual([
      "ConfigMap baton",
      "Deployment baton-api",
      "Deployment baton-worker",
      "Job baton-migrate",
      "PodDisruptionBudget baton-api",
      "PodDisruptionBudget baton-worker",
      "Service baton-api",
    ]);
    for (const manifest of manifests)
      expect([manifest.metadata.name, faultsOf(manifest)]).toEqual([manifest.metadata.name, []]);
  });

  test.each<[string, (spec: NonNullable<Manifest["spec"]>) => unknown, string]>([
    [
      "a misspelt field",
      (spec) => ({ ...spec, replica: 2 }),
      "must NOT have additional properties",
    ],
    ["a word for a number", (spec) => ({ ...spec, replicas: "two" }), "must be integer"],
    ["no selector", (spec) => ({ template: spec.template }), "must have required property"],
    [
      "a misspelt probe",
      (spec) => ({
        ...spec,
        template: {
          ...spec.template,
          spec: {
            ...spec.template?.spec,
            containers: [{ ...spec.template?.spec.containers[0], livenesProbe: {} }],
          },
        },
      }),
      "must NOT have additional properties",
    ],
  ])("with %s would be refused", (_, wrong, why) => {
    const [deployment] = of("Deployment");
    if (!deployment?.spec) throw new Error("no Deployment");
    const faults = faultsOf({ ...deployment, spec: wrong(deployment.spec) as never });
    expect(faults.join()).toContain(why);
  });

  test("give each program the settings that it reads and cannot do without, secrets by reference", () => {
    const given = Object.keys(of("ConfigMap")[0]?.data ?? {});
    const readers: Readonly<Record<string, SettingReader>> = {
      migrate: "baton",
      worker: "worker",
      api: "api",
    };
    for (const { pod } of workloads) {
      const [container] = pod.containers;
      const reader = readers[container.name] ?? "baton";
      const own = container.env.map(({ name }) => name).filter((name) => name !== "HOME");
      expect(container.envFrom).toEqual([{ configMapRef: { name: "baton" } }]);
      const known = Object.entries(settings);
      const unknown = own.filter(
        (name) =>
          !known.some(
            ([one, { by }]) => one === name && (by as readonly string[]).includes(reader),
          ),
      );
      expect([container.name, unknown]).toEqual([container.name, []]);
      for (const [name, { isSecret }] of known) {
        const entry = container.env.find((one) => one.name === name);
        if (isSecret && entry) expect(entry.valueFrom?.secretKeyRef).toMatchObject({ key: name });
        if (isSecret) expect(given).not.toContain(name);
      }
      for (const name of ["DATABASE_URL", "TEMPORAL_ADDRESS"])
        expect([...given, ...own]).toContain(name);
    }
    expect(given.filter((name) => !Object.hasOwn(settings, name))).toEqual([]);
  });

  test("start commands that exist, as a plain user who can write nowhere but in /tmp", () => {
    const commands = workloads.map(({ pod }) => pod.containers[0].args[0]);
    expect(new Set(commands)).toEqual(new Set(["api", "migrate", "worker"]));
    for (const { pod } of workloads) {
      const [{ args, env, securityContext, resources }] = pod.containers;
      const command = readFileSync(new URL(`../../cli/commands/${args[0]}.ts`, import.meta.url));
      expect(command.toString()).toContain(`name: "${args[0]}"`);
      expect(pod).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 1000 },
      });
      expect(securityContext).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
      });
      expect(env).toContainEqual({ name: "HOME", value: "/tmp" });
      expect(resources).toMatchObject({
        requests: { cpu: expect.any(String), memory: expect.any(String) },
        limits: { memory: expect.any(String) },
      });
    }
  });

  test("ask the API for life where nothing else counts, and for readiness where the database does", () => {
    const api = workloads.find(({ name }) => name === "baton-api")?.pod.containers[0];
    expect(api?.ports).toEqual([{ name: "http", containerPort: 3000 }]);
    const paths = ["startupProbe", "livenessProbe", "readinessProbe"].map(
      (probe) => api?.[probe as `${string}Probe`]?.httpGet,
    );
    expect(paths).toEqual([
      { path: "/healthz", port: "http" },
      { path: "/healthz", port: "http" },
      { path: "/readyz", port: "http" },
    ]);
  });

  test("call a worker ready while the file that it writes is fresh", () => {
    const worker = workloads.find(({ name }) => name === "baton-worker")?.pod.containers[0];
    const { value: file = "" } =
      worker?.env.find(({ name }) => name === "WORKER_READY_FILE") ?? ({} as { value?: string });
    const command = worker?.["readinessProbe"]?.exec?.command ?? [];
    expect(file).toMatch(/^\/tmp\//);
    expect(command.join(" ")).toContain(file);
    const folder = mkdtempSync(join(tmpdir(), "baton-probe-"));
    const here = join(folder, "ready");
    const isReady = () => {
      const [program = "", ...args] = command.map((one) => one.replaceAll(file, here));
      return spawnSync(program, args).status === 0;
    };
    expect(isReady()).toBe(false);
    writeFileSync(here, "");
    expect(isReady()).toBe(true);
    const halfAMinuteAgo = Date.now() / 1000 - 30;
    utimesSync(here, halfAMinuteAgo, halfAMinuteAgo);
    expect(isReady()).toBe(false);
    rmSync(folder, { recursive: true });
  });

  test("let the API have what its threads may take, beside half a gigabyte of its own", () => {
    const api = workloads.find(({ name }) => name === "baton-api")?.pod.containers[0];
    const [, gigabytes] = /^(\d+)Gi$/.exec(api?.resources.limits.memory ?? "") ?? [];
    expect(Number(gigabytes) * 1024).toBeGreaterThanOrEqual(threadsMegabytes + 512);
  });

  test("keep one of two of each in a disruption, and select the pods that there are", () => {
    const deployments = workloads.filter(({ kind }) => kind === "Deployment");
    for (const { name, spec } of deployments) {
      const labels = spec.template?.metadata.labels;
      expect(spec.selector?.matchLabels).toEqual(labels);
      const budget = of("PodDisruptionBudget").find(({ metadata }) => metadata.name === name);
      expect(budget?.spec).toEqual({ minAvailable: 1, selector: { matchLabels: labels } });
      expect(spec.replicas).toBe(2);
    }
    const api = deployments.find(({ name }) => name === "baton-api");
    expect(of("Service")[0]?.spec?.selector).toEqual(api?.spec.template?.metadata.labels);
  });
});
