import type { Context } from "hono";
import type { AppDeps, AppEnv } from "../deps.ts";
import type { Problem } from "../http/errors.ts";
import { frameOf, Page, show } from "./page.tsx";
import { paths, withQuery } from "./paths.ts";

/** Whether a signature was refused because its session is old. */
export function isTooOld(problem: Problem | undefined): boolean {
  return problem?.code === "forbidden" && problem.parts.field === "session";
}

/** Nothing was signed: the way to sign in again, and back. */
export async function showTooOld(
  deps: AppDeps,
  c: Context<AppEnv>,
  back: string,
): Promise<Response> {
  const frame = await frameOf(deps, c);
  const again = deps.oidc ? paths.oidc : paths.in;
  return show(
    c,
    <Page title="Sign in again to sign" frame={frame}>
      <div class="problem">
        <h1>Sign in again to sign</h1>
        <p role="alert">
          Nothing was signed. A signature is given by who signed in within the last 12 hours, so
          that nobody signs at a screen that was left open.
        </p>
        <p>
          <a class="button main" href={withQuery(again, { to: back })}>
            Sign in again
          </a>{" "}
          <a class="button" href={back}>
            Back
          </a>
        </p>
      </div>
    </Page>,
    403,
  );
}
