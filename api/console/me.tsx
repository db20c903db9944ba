import type { FC } from "hono/jsx";
import type { Instant } from "../../handoff/time/calendar.ts";
import type { ListedSession } from "../../store/access/sessions.ts";
import { newRoutes, type AppDeps, type Routes } from "../deps.ts";
import { endMySession, mySessions, switchKeys } from "../sign-in.ts";
import { Hidden, readForm } from "./form.tsx";
import { sayZone } from "../../words/clock.ts";
import { frameOf, Page, show, type Frame } from "./page.tsx";
import { paths } from "./paths.ts";

/** GET /console/me: who the reader is here, and where they are signed in. */
export function mePages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.me, async (c) => {
    const [frame, sessions] = await Promise.all([frameOf(deps, c), mySessions(deps, c)]);
    return show(c, <MePage frame={frame} sessions={sessions} here={c.var.session?.id ?? ""} />);
  });
  routes.post(paths.keys, async (c) => {
    const { fields } = await readForm(c);
    await switchKeys(deps, c, fields["keys"] === "off");
    return c.redirect(paths.me, 303);
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
  const zone = frame.zone ?? "UTC";
  return (
    <Page title="You" frame={frame}>
      <h1>{name}</h1>
      <p class="lead">
        {`Signed in as ${caller.role}${caller.party ? ` for ${caller.party}` : ""}. Times are those of ${sayZone(zone)}.`}
      </p>
      <form method="post" action={paths.out}>
        <Hidden />
        <button>Sign out</button>
      </form>
      <h2>Keys</h2>
      <p>
        {frame.keysOff
          ? "Single keys do nothing. Everything is done by its button or link."
          : "Single keys press what a page shows beside them; ? lists them."}
      </p>
      <form method="post" action={paths.keys}>
        <Hidden />
        <button name="keys" value={frame.keysOff ? "on" : "off"}>
          {frame.keysOff ? "Switch keys on" : "Switch keys off"}
        </button>
      </form>
      <h2>Where you are signed in</h2>
      <ul class="rows">
        {sessions.map((one) => (
          <li>
            <div>
              <strong>{one.device}</strong>
              {one.id === here ? " (this browser)" : null}
              <div class="dim">
                {`Since ${dayAndTime(zone, one.startedAt)}, last used about ${dayAndTime(zone, one.seenAt)}; ends ${dayAndTime(zone, one.endsAt)} at the latest`}
              </div>
            </div>
            {one.id === here ? null : (
              <form method="post" action={paths.endSession(one.id)}>
                <Hidden />
                <button aria-label={`End ${one.device}, since ${dayAndTime(zone, one.startedAt)}`}>
                  End
                </button>
              </form>
            )}
          </li>
        ))}
      </ul>
    </Page>
  );
};

/** "Mon, 23 Nov, 10:00". */
function dayAndTime(zone: string, at: Instant): string {
  return new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    weekday: "short",
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).format(at);
}
