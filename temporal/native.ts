import { NativeConnection } from "@temporalio/worker";
import type { TemporalProfile } from "./profile.ts";

/** The worker's connection. Throws the SDK's error when the server cannot be reached. */
export async function nativeConnection({
  address,
  tls,
  apiKey,
  metadata,
}: TemporalProfile): Promise<NativeConnection> {
  return await NativeConnection.connect({
    address,
    ...(tls === undefined ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(metadata === undefined ? {} : { metadata }),
  });
}
