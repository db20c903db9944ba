import { isGrpcServiceError, type Client } from "@temporalio/client";
import type { Logger } from "pino";
import { every } from "./every.ts";
import type { Part } from "./parts.ts";

/** A version as Temporal's Worker Deployment Versioning names it. */
export interface WorkerVersion {
  readonly deploymentName: string;
  readonly buildId: string;
}

/** What this build may do beside the tasks that Temporal gives it. */
export interface OwnWork {
  /**
   * Relay, inbox, effects, upkeep and Schedules are for the current version alone. Without versions
   * every worker does them.
   */
  readonly isCurrent: () => boolean;
  /**
   * Whether a lead's start may bring its first task along. An eager start goes round the server's
   * choice between versions, so it needs a fresh answer that there is none but this one.
   */
  readonly mayStartEagerly: () => boolean;
}

/** What a worker without versions does: all of it. */
export const allOwnWork: OwnWork = { isCurrent: () => true, mayStartEagerly: () => true };

export interface CurrentVersionDeps {
  readonly client: Client;
  readonly version: WorkerVersion;
  readonly clock: () => number;
  readonly log: Pick<Logger, "info" | "warn">;
  /** How often the server is asked. */
  readonly everyMs?: number;
}

const callMs = 2_000;
/** After two questions without an answer starts are no longer eager. */
const freshFor = 3;
const notFound = 5;

/**
 * Follows which version of the deployment the server calls current. Resolves after the first
 * answer. While the server does not answer, the last answer counts; before the first one this
 * version is not current.
 */
export async function followCurrentVersion({
  client,
  version,
  clock,
  log,
  everyMs = 1_000,
}: CurrentVersionDeps): Promise<OwnWork & Part> {
  let isCurrent: boolean | undefined;
  let isAlone = false;
  let answeredAt = 0;
  const ask = async (): Promise<void> => {
    const routing = await routingOf(client, version);
    answeredAt = clock();
    isAlone = !routing.isRamping;
    const was = isCurrent;
    isCurrent = routing.current === version.buildId;
    if (was === isCurrent) return;
    if (isCurrent) log.info(version, "this version is current and does its work");
    else log.info(version, "this version is not current and rests");
  };
  const asking = every(everyMs, ask, (error) =>
    log.warn(
      { error: isGrpcServiceError(error) ? error.code : "unknown" },
      "Temporal did not say which version is current; it is asked again",
    ),
  );
  await asking.now();
  return {
    isCurrent: () => isCurrent === true,
    mayStartEagerly: () =>
      isCurrent === true && isAlone && clock() - answeredAt <= freshFor * everyMs,
    stop: () => asking.stop(),
  };
}

/** The builds to which the server sends tasks; a deployment that it has not heard of has none. */
async function routingOf(
  client: Client,
  { deploymentName }: WorkerVersion,
): Promise<{ current: string | null; isRamping: boolean }> {
  const { namespace } = client.options;
  try {
    const { workerDeploymentInfo } = await client.withDeadline(Date.now() + callMs, () =>
      client.workflowService.describeWorkerDeployment({ namespace, deploymentName }),
    );
    const routing = workerDeploymentInfo?.routingConfig;
    return {
      current: routing?.currentDeploymentVersion?.buildId ?? null,
      // Workers without a version may ramp too; then there is a share and no version.
      isRamping: !!routing?.rampingDeploymentVersion || !!routing?.rampingVersionPercentage,
    };
  } catch (error) {
    const code: number | null = isGrpcServiceError(error) ? error.code : null;
    if (code === notFound) return { current: null, isRamping: false };
    throw error;
  }
}
