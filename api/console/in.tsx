import type { Context } from "hono";
import type { FC } from "hono/jsx";
import { oneAddress } from "../../messages/mail/mail.ts";
import { newRoutes, type AppDeps, type AppEnv, type Routes } from "../deps.ts";
import { Problem } from "../http/errors.ts";
import { askForMail, signInBy, signOut, whoseLink } from "../sign-in.ts";
import { Hidden, readForm } from "./form.tsx";
import { Page, show } from "./page.tsx";
import { backTo, paths, withQuery } from "./paths.ts";

/**
 * The pages on which people sign in: by a link that a mail or a terminal has, once. To open a page
 * changes nothing, for programs that look at mail open every link.
 */
export function inPages(deps: AppDeps): Routes {
  const routes = newRoutes();
  routes.get(paths.in, (c) => {
    const to = backTo(c.req.query("to"), "");
    if (deps.oidc) return show(c, <ProviderPage name={deps.oidc.name} to={to} />);
    const isAsked = c.req.query("asked") !== undefined;
    return show(c, isAsked ? <AskedPage /> : <InPage to={to} given="" wrong={null} />);
  });
  routes.post(paths.in, async (c) => {
    const { fields } = await readForm(c);
    if (deps.oidc)
      throw new Problem("forbidden", { detail: "here people sign in by the OpenID provider" });
    const to = backTo(fields["to"], "");
    const email = oneAddress(fields["email"] ?? "");
    if (email === null) {
      const wrong = "Enter one plain e-mail address, such as kim@company.example.";
      return show(c, <InPage to={to} given={fields["email"] ?? ""} wrong={wrong} />, 422);
    }
    await askForMail(deps, c, { email, leadsTo: to });
    return c.redirect(withQuery(paths.in, { asked: 1 }), 303);
  });
  routes.get("/console/in/:secret", async (c) => {
    const login = await whoseLink(deps, c, c.req.param("secret"));
    if (!login) return over(c);
    const who = login.name ?? login.role;
    return show(c, <LinkPage who={who} role={login.role} to={backTo(c.req.query("to"), "")} />);
  });
  routes.post("/console/in/:secret", async (c) => {
    const { fields, key } = await readForm(c);
    if (!(await signInBy(deps, c, c.req.param("secret"), key))) return over(c);
    return c.redirect(backTo(fields["to"], paths.home), 303);
  });
  routes.post(paths.out, async (c) => {
    await readForm(c);
    await signOut(deps, c);
    return c.redirect(paths.in, 303);
  });
  return routes;
}

/** The link was taken, or is too old, or is none; which of these is nobody's to know. */
function over(c: Context<AppEnv>): Promise<Response> {
  return show(
    c,
    <Page title="This link is over">
      <div class="narrow">
        <h1>This link is over</h1>
        <p>A link signs in once, and soon after it was made.</p>
        <p>
          <a class="button main" href={paths.in}>
            Get a new one
          </a>
        </p>
      </div>
    </Page>,
    404,
  );
}

const InPage: FC<{
  readonly to: string;
  readonly given: string;
  readonly wrong: string | null;
}> = ({ to, given, wrong }) => (
  <Page title="Sign in">
    <div class="narrow">
      <h1>Sign in</h1>
      <form method="post" action={paths.in}>
        <Hidden />
        {to === "" ? null : <input type="hidden" name="to" value={to} />}
        <label for="email">Your e-mail address at work</label>
        <input
          id="email"
          name="email"
          type="email"
          autocomplete="email"
          required
          maxlength={254}
          value={given}
          autofocus
          aria-invalid={wrong === null ? undefined : "true"}
          aria-describedby={wrong === null ? undefined : "email-wrong"}
        />
        {wrong === null ? null : (
          <p id="email-wrong" class="error">
            {wrong}
          </p>
        )}
        <p class="actions">
          <button class="main">Mail me a link</button>
        </p>
      </form>
      <p class="dim">
        For reps and managers of the roster. Everybody else gets a link from whoever runs Baton:{" "}
        <code>npx baton sign-in</code> prints one.
      </p>
    </div>
  </Page>
);

const ProviderPage: FC<{ readonly name: string; readonly to: string }> = ({ name, to }) => (
  <Page title="Sign in">
    <div class="narrow">
      <h1>Sign in</h1>
      <p>
        <a class="button main" href={withQuery(paths.oidc, { to })}>
          {`Sign in with ${name}`}
        </a>
      </p>
      <p class="dim">
        For reps and managers of the roster. Everybody else gets a link from whoever runs Baton:{" "}
        <code>npx baton sign-in</code> prints one.
      </p>
    </div>
  </Page>
);

const AskedPage: FC = () => (
  <Page title="Look into your mail">
    <div class="narrow">
      <h1>Look into your mail</h1>
      <p>
        If somebody of the roster has this address, a link is on its way to it. It is good once, for
        15 minutes.
      </p>
      <p>
        <a href={paths.in}>Use another address</a>
      </p>
    </div>
  </Page>
);

const LinkPage: FC<{ readonly who: string; readonly role: string; readonly to: string }> = ({
  who,
  role,
  to,
}) => (
  <Page title={`Sign in as ${who}`}>
    <div class="narrow">
      <h1>{`Sign in as ${who}`}</h1>
      {who === role ? null : <p class="lead">{`With the role ${role}.`}</p>}
      <form method="post">
        <Hidden />
        {to === "" ? null : <input type="hidden" name="to" value={to} />}
        <button class="main" autofocus>
          Sign in
        </button>
      </form>
    </div>
  </Page>
);
