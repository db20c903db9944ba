import type { Context } from "hono";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "../deps.ts";
import { accountPages } from "./account.tsx";
import { accountsPages } from "./accounts.tsx";
import { actPages } from "./act.tsx";
import { boardPages } from "./board.tsx";
import { agreementPages } from "./agreement.tsx";
import { factsPages } from "./facts.tsx";
import { figuresPages } from "./figures.tsx";
import { leadPages } from "./lead.tsx";
import { leadsPages } from "./leads.tsx";
import { importsPages } from "./imports.tsx";
import { liveRoutes } from "./live.tsx";
import { inPages } from "./in.tsx";
import { oidcPages } from "./oidc.tsx";
import { mePages } from "./me.tsx";
import { pagesInBar } from "./page.tsx";
import { assetRoutes } from "./parts/assets.ts";
import { paths } from "./paths.ts";
import { queuePages } from "./queue.tsx";
import { reopenPages } from "./reopen.tsx";
import { rosterPages } from "./roster.tsx";
import { simulatePages } from "./simulate.tsx";
import { reportPages } from "./report.tsx";
import { reviewPages } from "./review.tsx";
import { reviewsPages } from "./reviews.tsx";
import { systemPages } from "./system.tsx";
import { tasksPages } from "./tasks.tsx";
import { versionPages } from "./version.tsx";

/** The pages, each a module that mounts its own; a page enters the bar by its row. */
const modules: readonly ((deps: AppDeps) => Routes)[] = [
  queuePages,
  actPages,
  factsPages,
  reopenPages,
  leadPages,
  leadsPages,
  boardPages,
  tasksPages,
  systemPages,
  accountsPages,
  accountPages,
  rosterPages,
  simulatePages,
  importsPages,
  figuresPages,
  reportPages,
  reviewsPages,
  reviewPages,
  agreementPages,
  versionPages,
  inPages,
  oidcPages,
  mePages,
  liveRoutes,
];

/** Everything under /console but the links of mails. */
export function consoleRoutes(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.home, (c) => c.redirect(firstPage(c), 303));
  for (const module of modules) routes.route("/", module(deps));
  routes.route("/", assetRoutes());
  return routes;
}

/** Where each role begins, where there is such a page; else at the first of the bar. */
const begins: Readonly<Record<string, string>> = {
  rep: paths.queue,
  manager: paths.board,
  operator: paths.system,
  marketing: paths.figures,
  revops: paths.agreement,
  leader: paths.reviews,
};

function firstPage(c: Context<AppEnv>): string {
  const { caller } = c.var;
  const places = pagesInBar(caller).map(({ path }) => path);
  return places.find((path) => path === begins[caller.role]) ?? places[0] ?? paths.me;
}
