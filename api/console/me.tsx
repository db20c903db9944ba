import type { FC } from "hono/jsx";
import { formatLocal } from "../../handoff/time/calendar.ts";
import type { ListedSession } from "../../store/access/sessions.ts";
import { newRoutes, type AppDeps, type Routes } from "../deps.ts";
import { endMySession, mySessions } from "../sign-in.ts";
import { Hidden, readForm } from "./form.tsx";
import { frameOf, Page, show, type Frame } from "./page.tsx";
import { paths } from "./paths.ts";

/** GET /console/me: who the reader is here, and where they are signed in. */
export function mePages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.me, async (c) => {
    const [frame, sessions] = await Promise.all([frameOf(deps, c), mySessions(deps, c)]);
    return show(c, <MePage frame={frame} sessions={sessions} here={c.var.session?.id ?? ""} />);
  });
  routes.post("/console/me/sessions/:id/end", async (c) => {
    await readForm(c);
    await endMySession(deps, c, c.req.param("id"));
    return c.redirect(paths.me, 303);
  });
  return routes;
}

const MePage: FC<{
  readonly frame: Frame;
  readonly sessions: readonly ListedSession[];
  /** The session of this browser. */
  readonly here: string;
}> = ({ frame, sessions, here }) => {
  const { name, caller } = frame;
  const when = (at: number) => formatLocal(frame.zone ?? "UTC", at);
  return (
    <Page title="You" frame={frame}>
      <h1>{name}</h1>
      <p class="lead">
        {`Signed in as ${caller.role}${caller.party ? ` for ${caller.party}` : ""}. Times are in ${frame.zone ?? "UTC"}.`}
      </p>
      <form method="post" action={paths.out}>
        <Hidden />
        <button>Sign out</button>
      </form>
      <h2 id="sessions">Where you are signed in</h2>
      <table class="cards" aria-labelledby="sessions">
        <thead>
          <tr>
            <th scope="col">Browser</th>
            <th scope="col">Since</th>
            <th scope="col">Last used, to the hour</th>
            <th scope="col">Ends</th>
            <th scope="col">
              <span class="visually-hidden">Act</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sessions.map((one) => (
            <tr>
              <th scope="row">
                {one.device}
                {one.id === here ? <span class="dim"> (this one)</span> : null}
              </th>
              <td data-label="Since">{when(one.startedAt)}</td>
              <td data-label="Last used">{when(one.seenAt)}</td>
              <td data-label="Ends">{when(one.endsAt)}</td>
              <td>
                {one.id === here ? null : (
                  <form method="post" action={paths.endSession(one.id)}>
                    <Hidden />
                    <button
                      aria-label={`End the session of ${one.device} since ${when(one.startedAt)}`}
                    >
                      End
                    </button>
                  </form>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Page>
  );
};
